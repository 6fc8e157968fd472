"""The environment of a driver: a closed list of ours, and the place's time zone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from pathlib import Path

KEPT = ("PATH", "LANG", "HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "CREDENTIALS_DIRECTORY")
"""All of our environment that a driver gets. The last is where systemd has put the key files of the unit: a path, and
no more than the driver, which runs as the same user, could read anyway."""


def environment(ours: Mapping[str, str], time_zone: str = "") -> dict[str, str]:
    """A driver's environment, out of ours: nothing but `KEPT`, so that no secret travels in it, and as `TZ` the zone in
    which its local time is told. `time_zone`: the place's (IANA name); empty where no place is known: that of this
    machine, or of our own `TZ`."""
    theirs = {name: ours[name] for name in KEPT if name in ours}
    zone = _for_libc(time_zone) if time_zone else ours.get("TZ", "")
    return theirs | {"TZ": zone} if zone else theirs


def _for_libc(name: str) -> str:
    """`name` where the system has this zone, else the path of the file in Python's own copy: libc takes a name that it
    does not find for UTC, without a word."""
    if any(Path(folder, name).is_file() for folder in zoneinfo.TZPATH):
        return name
    from importlib.resources import files

    return str(files("tzdata").joinpath("zoneinfo", name))
