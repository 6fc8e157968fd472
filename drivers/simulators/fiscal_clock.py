"""A device's clock: local time without an offset, as it is told on paper and on wires."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

_FORMS = (
    re.compile(r"(?P<d>\d\d)-(?P<m>\d\d)-(?P<y>\d\d) (?P<h>\d\d):(?P<min>\d\d)(?::(?P<s>\d\d))?"),
    re.compile(r"(?P<d>\d\d)(?P<m>\d\d)(?P<y>\d\d)(?P<h>\d\d)(?P<min>\d\d)(?P<s>\d\d)?"),
)


def clock_of(zone: str) -> Callable[[], datetime]:
    """One that is right in this zone, such as Europe/Riga; empty: in that of this machine. Raises `ValueError`, or
    `ZoneInfoNotFoundError` (a `KeyError`), when there is no such zone."""
    if not zone:
        return datetime.now
    place = ZoneInfo(zone)
    return lambda: datetime.now(place).replace(tzinfo=None)


def iso(when: datetime) -> str:
    """`2026-11-27T10:02:41`."""
    return when.isoformat(timespec="seconds")


def read(text: str) -> datetime:
    """`DD-MM-YY hh:mm[:ss]` or `DDMMYYhhmm[ss]`. Raises `ValueError`."""
    for form in _FORMS:
        if found := form.fullmatch(text):
            part = found.groupdict(default="00")
            return datetime.fromisoformat(
                f"20{part['y']}-{part['m']}-{part['d']}T{part['h']}:{part['min']}:{part['s']}"
            )
    raise ValueError("not a time as this device writes it")
