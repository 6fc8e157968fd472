"""Checks of fiscal printers for `smartplace doctor`, by what the daemon says: what keeps one from printing, and what is
in doubt. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.cli.finding import Check, Level
from gateway.cli.output import counted

_LEVELS = {"warn": Level.WARN, "fail": Level.FAIL}


def printing_checks(told: dict[str, Any]) -> Iterator[Check]:
    """From the answer of /v1/status: one for each thing that a person has to see to, or one that says that there is
    none. Nothing where no fiscal printer is used."""
    concerns, count = told.get("concerns", ()), sum(map(_is_fiscal, told.get("devices", ())))
    for concern in concerns:
        device, station = concern.get("device") or "a printer of before", concern.get("station")
        more = f" ({concern['more']} more in doubt: smartplace till doubts)" if concern.get("more") else ""
        name = f"printing on {device}" + (f" at {station}" if station else "")
        level = _LEVELS.get(concern.get("level"), Level.WARN)
        yield Check(name, level, f"{concern.get('cause', '?')}{more}", concern.get("advice", ""))
    if count and not concerns:
        yield Check("printing", Level.PASS, f"{counted(count, 'fiscal printer')}, nothing is in doubt")


def _is_fiscal(device: dict[str, Any]) -> bool:
    return device.get("driver") == "fiscal"
