"""Times, entitlements and dates of birth as files write them and as the store keeps them.

An entitlement is `code`, or `code[from..until]` with either end left open. A time is milliseconds since 1970, a day
(`2026-09-01`, the last one included) or a time of day (`2026-09-01T08:00`), both in the zone that was given, or with
an offset of their own. Kept are milliseconds: `until` is the first one that does not count any more.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from gateway.model.errors import InputRefused
from gateway.wire.contents import MAX_MS

MAX_ENTITLEMENTS = 256
"""Of one holder."""
EARLIEST_BIRTH = date(1881, 1, 1)
"""Nobody alive was born before: it is a slip of a pen, or a column that means something else."""
_EASTERNMOST = timedelta(hours=14)
_ENTITLEMENT = re.compile(r"([a-z0-9][a-z0-9_.-]{0,31})(?:\[([^\]\s]*?)\.\.([^\]\s]*)\])?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Entitlement(NamedTuple):
    """A code and when it holds (ms, 0 = open)."""

    code: str
    from_ms: int = 0
    until_ms: int = 0

    def holds(self, at_ms: int) -> bool:
        return self.from_ms <= at_ms and (self.until_ms == 0 or at_ms < self.until_ms)

    def __str__(self) -> str:
        if not self.from_ms and not self.until_ms:
            return self.code
        return f"{self.code}[{self.from_ms or ''}..{self.until_ms or ''}]"


def parse_time(given: int | str, zone: tzinfo | None, *, ends: bool = False) -> int:
    """Milliseconds. `ends`: a day is meant to its end. Raises `InputRefused`, never with the text itself: in a file
    with shifted columns it may be an id."""
    if isinstance(given, int) or given.isdecimal():
        return _bounded(int(given) if len(str(given)) < 20 else -1)
    try:
        if _DAY.fullmatch(given):
            day = date.fromisoformat(given) + timedelta(days=1 if ends else 0)
            at = datetime(day.year, day.month, day.day, tzinfo=zone)
        else:
            at = datetime.fromisoformat(given)
            at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        raise InputRefused(
            "a time that is none", "Such as 2026-09-01, 2026-09-01T08:00+03:00 or ms since 1970"
        ) from None
    if at.tzinfo is None:
        raise InputRefused("a day or time without a zone", "Say which: --zone Europe/Riga")
    try:
        return _bounded((at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))
    except OverflowError:
        return _bounded(-1)


def latest_birth(at_ms: int) -> date:
    """The day that it is at this time where days begin first: a child that was born today has been born, wherever the
    centre's clock stands."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms) + _EASTERNMOST).date()


def check_born(born: date, where: str, latest: date | None = None) -> None:
    """Raises `InputRefused`, never with the date itself: before `EARLIEST_BIRTH`, or after `latest` where that is
    known."""
    if born < EARLIEST_BIRTH:
        raise InputRefused(f"born: before {EARLIEST_BIRTH.year}", "A date such as 1950-05-30", where=where)
    if latest is not None and born > latest:
        raise InputRefused("born: in the future", "A date such as 1950-05-30", where=where)


def parse_entitlement(text: str, zone: tzinfo | None) -> Entitlement:
    """Raises `InputRefused`, never with the text itself."""
    found = _ENTITLEMENT.fullmatch(text)
    if found is None:
        raise InputRefused("an entitlement that is none", "A code such as pupil, or pupil[2026-09-01..2027-05-31]")
    code, since, until = found.groups()
    from_ms = parse_time(since, zone) if since else 0
    until_ms = parse_time(until, zone, ends=True) if until else 0
    if until_ms and until_ms <= from_ms:
        raise InputRefused("an entitlement ends before it begins")
    return Entitlement(code, from_ms, until_ms)


@lru_cache(maxsize=1024)  # a city has many holders and few kinds of them
def canonical(given: tuple[str, ...], zone: tzinfo | None) -> str:
    """Entitlements in their one stored form. Raises `InputRefused`."""
    found = {parse_entitlement(text, zone) for text in given}
    if len(found) > MAX_ENTITLEMENTS:
        raise InputRefused(f"more than {MAX_ENTITLEMENTS} entitlements of one holder")
    return " ".join(str(entitlement) for entitlement in sorted(found))


@lru_cache(maxsize=1024)
def stored(text: str) -> tuple[Entitlement, ...]:
    """Of the stored form."""
    return tuple(parse_entitlement(one, None) for one in text.split())


def _bounded(ms: int) -> int:
    if not 0 <= ms <= MAX_MS:
        raise InputRefused("a time before 1970, or too late to be meant")
    return ms
