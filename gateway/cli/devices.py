"""`smartplace devices`: their health, and a restart by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.lazy import LazyGroup
from gateway.cli.output import document, table
from gateway.cli.status import device_row


@click.group(cls=LazyGroup, default="list")
def devices() -> None:
    """Devices as the daemon sees them. Without a verb: `list`."""


@devices.command("list")
@as_json
@daemon_options
def list_devices(as_json: bool, config: Path, socket: Path | None) -> None:
    """All devices: driver, health, what is wrong and what to do."""
    told: dict[str, Any] = client(config, socket).get("/v1/devices")
    if as_json:
        document(**told)
    elif found := told.get("devices"):
        table([["device", "driver", "health", ""], *(device_row(device) for device in found)])
    else:
        click.echo("No devices are configured.")


@devices.command()
@click.argument("device_id", metavar="ID")
@as_json
@daemon_options
def restart(device_id: str, as_json: bool, config: Path, socket: Path | None) -> None:
    """Kill the driver of device ID and start it again, also when the daemon had given up on it.

    Returns when the daemon has done so; `devices list` says when the device is ready.
    """
    from urllib.parse import quote

    told: dict[str, Any] = client(config, socket).post(f"/v1/devices/{quote(device_id, safe='')}/restart") or {}
    if as_json:
        document(**(told or {"device": device_id}))
    else:
        click.echo(f"{device_id} is being restarted. See: smartplace devices list")
