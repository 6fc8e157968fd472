"""`smartplace status`: everything of now on one screen, within 150 ms of CPU on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.common import as_json, client, daemon_options
from gateway.cli.exits import Unreachable
from gateway.cli.inside import counted_inside
from gateway.cli.lazy import one_line
from gateway.cli.output import Cell, document, duration, table
from gateway.model.money import euros

LEVEL = {"ok": "green", "warn": "yellow", "fail": "red"}
HEALTH = {"ready": "green", "starting": "yellow", "lost": "red", "failed": "red", "stopped": "yellow"}


@click.command()
@as_json
@daemon_options
def status(as_json: bool, config: Path, socket: Path | None) -> None:
    """How the gateway is: the four chains that a tap goes through, stations, devices, what is in doubt on printers, the
    record, the centre.

    Exit code 3 when the daemon does not run or does not answer.
    """
    try:
        told: dict[str, Any] = client(config, socket).get("/v1/status")
    except Unreachable as error:
        if as_json:
            document(daemon="unreachable", code=error.code, cause=error.what, advice=error.advice)
        raise
    if as_json:
        document(daemon="running", **told)
    else:
        show(told)


def show(told: dict[str, Any]) -> None:
    """The answer of /v1/status for people. What a field lacks is left out, so that an older daemon is shown too."""
    names = told.get("gateway", {})
    who = f"{names.get('id', 'gateway')} at {names.get('place', '?')}, {names.get('city', '?')}"
    click.echo(f"{who}: running for {duration(told.get('uptime_s', 0))}, version {names.get('version', '?')}")
    rows: list[list[Cell]] = [_chain(chain) for chain in told.get("chains", ())]
    rows += [["ledger", *_ledger(told.get("ledger", {}))], ["centre", *_centre(told.get("sync", {}))]]
    table(rows)
    if stations := told.get("stations"):
        click.echo("stations")
        table([_station(station) for station in stations], "  ")
    if devices := told.get("devices"):
        click.echo("devices")
        table([device_row(device) for device in devices], "  ")
    # What is in doubt follows by itself.
    if concerns := [one for one in told.get("concerns", ()) if "doubt" not in one]:
        click.echo("printing")
        table([_concern(one) for one in concerns], "  ")
    if doubts := told.get("doubts"):
        click.echo("in doubt on printers (what to look at: smartplace till doubts)")
        now_ms = told.get("now_ms", 0)
        for one in doubts:
            table([_doubt(one, now_ms)], "  ")
            click.echo(f"    sudo {one_line(one.get('settle', ''))}")


def _concern(told: dict[str, Any]) -> list[Cell]:
    level = str(told.get("level", "?"))
    note = ". ".join(part for part in (told.get("cause"), told.get("advice")) if part)
    return [str(told.get("station") or "-"), str(told.get("device", "?")), (level, LEVEL.get(level, "")), note]


def _doubt(told: dict[str, Any], now_ms: int) -> list[Cell]:
    cents = told.get("total_cents")
    since = f"{duration(max(0, now_ms - told.get('began_ms', 0)) / 1000)} ago"
    total = euros(cents) if cents is not None else "-"
    where = [str(told.get("station") or "-"), str(told.get("device") or "-")]
    return [str(told.get("kind", "?")), str(told.get("key", "?")), *where, total, since]


def device_row(device: dict[str, Any]) -> list[Cell]:
    """One device, as `status` and `devices` show it."""
    health = str(device.get("health", "?"))
    age = device.get("alive_age_ms")
    note = ". ".join(part for part in (device.get("cause"), device.get("advice")) if part)
    if not note:
        note = f"answered {duration(age / 1000)} ago" if age is not None else ""
    if device.get("needs_help"):
        note = f"A PERSON MUST LOOK: {note}"
    if restarts := device.get("restarts"):
        note += f" ({restarts} restarts)"
    return [str(device.get("device", "?")), str(device.get("driver", "?")), (health, HEALTH.get(health, "")), note]


def _chain(chain: dict[str, Any]) -> list[Cell]:
    level = str(chain.get("level", "?"))
    note = ". ".join(part for part in (chain.get("cause"), chain.get("advice")) if part)
    return [str(chain.get("chain", "?")), (level, LEVEL.get(level, "")), note]


def _ledger(told: dict[str, Any]) -> list[Cell]:
    problem = ". ".join(part for part in (told.get("problem"), told.get("advice")) if part)
    last, acked = told.get("last", {}), told.get("acked", {})
    waiting = sum(last.values()) - sum(acked.values())
    note = f"{sum(last.values())} entries, {waiting} wait for the centre"
    if older := told.get("older"):
        note += f"; {sum(older.values())} of {len(older)} older epochs"
    if repaired := told.get("repaired"):
        note += f". At the start: {'; '.join(repaired)}"
    return [("fail", "red") if problem else ("ok", "green"), problem or note]


def _centre(told: dict[str, Any]) -> list[Cell]:
    bundles = ", ".join(f"{kind} {number}" for kind, number in sorted(told.get("bundles", {}).items()))
    for part in told.get("content", {}).get("fetching", ()):
        bundles += f"{', ' if bundles else ''}{part['kind']} {part['number']} coming ({part['have']} of {part['of']})"
    age = told.get("last_ack_age_s")
    notes = [
        f"MQTT {told['protocol']}" if told.get("connected") and told.get("protocol") else "",
        str(told.get("problem", "")),
        f"last ack {duration(age)} ago" if age is not None else "no ack yet",
        f"bundles: {bundles}" if bundles else "no bundles yet",
    ]
    state = ("ok", "green") if told.get("connected") else ("away", "yellow")
    return [state, ", ".join(note for note in notes if note)]


def _station(station: dict[str, Any]) -> list[Cell]:
    ready = ("ready", "green") if station.get("ready") else ("not ready", "red")
    shown = station.get("shown") or {}
    shows = f"shows {shown['show']}" + (f" ({shown['reason']})" if shown.get("reason") else "") if shown else ""
    if inside := station.get("inside"):
        shows = ", ".join(part for part in (shows, counted_inside(inside)) if part)
    return [str(station.get("id", "?")), str(station.get("kind", "?")), ready, shows]
