"""Starts, watches and heals driver processes (docs/devices.md).

The only package that turns contract messages into model types and back. `Devices` is its public face.
"""

from gateway.devices.devices import Devices

__all__ = ["Devices"]
