"""Simulated devices by the name of their family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_endpoint import Endpoint
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_v1 import V1
from drivers.simulators.fiscal_v1_commands import GROUPS
from drivers.simulators.fiscal_v2 import V2
from drivers.simulators.fiscal_v2_commands import COMMANDS
from drivers.simulators.fiscal_wire import Wire
from drivers.simulators.fiscal_zfp import Zfp
from drivers.simulators.fiscal_zfp_commands import COMMANDS as ZFP_COMMANDS


def _v1(device: Device, encoding: str) -> Wire:
    group, commands = GROUPS[device.model.family]
    return V1(device, group, commands, encoding=encoding)


def _v2(device: Device, encoding: str) -> Wire:
    return V2(device, COMMANDS, encoding=encoding)


def _zfp(device: Device, encoding: str) -> Wire:
    return Zfp(device, ZFP_COMMANDS, encoding=encoding)


WIRES: Mapping[str, Callable[[Device, str], Wire]] = {
    "datecs-v1": _v1,
    "datecs-v1b": _v1,
    "datecs-v2": _v2,
    "tremol": _zfp,
}
FAMILIES = tuple(WIRES)
ENCODINGS: Mapping[str, str] = {**dict.fromkeys(WIRES, "cp1257"), "tremol": "cp1251"}
"""Code page of the firmware: that of Baltic devices is not known, Tremol's is in its document."""


def endpoint(family: str, device: Device | None = None, *, encoding: str = "", **options: Any) -> Endpoint:
    """A device of this family (a fresh one, or `device`) at the end of its wire; `options` as `Endpoint` takes them.
    Raises `KeyError` when there is no such family."""
    wire = WIRES[family]
    on = device if device is not None else Device(MODELS[family])
    return Endpoint(wire(on, encoding or ENCODINGS[family]), on, **options)
