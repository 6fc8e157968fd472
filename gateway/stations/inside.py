"""State table `inside`: how many persons are in each area of the place, by its gates' passage sensors.

A count, not a list: it says how many, never who. Sensors miscount, so staff can set it, and at a configured hour of the
day, when the place is surely empty, it begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, LedgerError
from gateway.model.gate_bodies import InsideSetBody, InsideWhy, Way

log = logging.getLogger("stations")

FULL = "full"
"""Code of the conflict, and the reason that the page shows."""


class Moved(msgspec.Struct, frozen=True):
    """Effect: so many went in or out. Nobody is inside less than zero times: a sensor has miscounted then."""

    area: str
    way: Way
    count: int = 1

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        by = self.count if self.way is Way.IN else -self.count
        again = "ON CONFLICT DO UPDATE SET persons=max(0, persons + ?)"
        db.execute(f"INSERT INTO inside VALUES (?,?,0) {again}", (self.area, max(0, by), by))


class Room(msgspec.Struct, frozen=True):
    """Effect of an admission: looks again, and raises `Conflict` (`full`) when these are too many with all who are
    inside or have leave to come in. Stands before the grant's own effect."""

    area: str
    capacity: int
    persons: int = 1

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        inside = db.execute("SELECT coalesce(sum(persons), 0) FROM inside WHERE area=?", (self.area,)).fetchone()[0]
        coming = "SELECT coalesce(sum(persons - passed), 0) FROM grant_open WHERE area=?"
        if inside + db.execute(coming, (self.area,)).fetchone()[0] + self.persons > self.capacity:
            raise Conflict(f"area {self.area!r} is full", "Wait until somebody has left", code=FULL)


class InsideSet(msgspec.Struct, frozen=True):
    """Effect: so many are inside, whatever was counted before."""

    area: str
    persons: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        again = "ON CONFLICT DO UPDATE SET persons=excluded.persons, since_ms=excluded.since_ms"
        db.execute(f"INSERT INTO inside VALUES (?,?,?) {again}", (self.area, self.persons, now.wall_ms))


class InsideCount(msgspec.Struct, frozen=True):
    """How many are inside an area; `capacity` 0: no limit."""

    area: str
    persons: int
    capacity: int = 0


class Inside:
    """The count of every area, for all gates of the place."""

    def __init__(self, ledger: Ledger, clock: Clock, zone: ZoneInfo) -> None:
        self._ledger = ledger
        self._clock = clock
        self._zone = zone
        self._hours: dict[str, int] = {}
        self._setting: asyncio.Task[None] | None = None

    def empties_at(self, area: str, hour: int) -> None:
        """At this local hour of every day the area's count begins anew."""
        self._hours[area] = hour

    def persons(self, area: str) -> int:
        """How many are inside now, as far as it is on disk: passages of the last second may be on their way."""
        rows = self._ledger.query("SELECT persons FROM inside WHERE area=?", (area,))
        return int(rows[0][0]) if rows else 0

    async def set(self, area: str, persons: int, why: InsideWhy) -> int:
        """So many are inside, on record; returns how many were counted before. Raises `LedgerError`."""
        before = self.persons(area)
        body = InsideSetBody(area=area, persons=persons, before=before, why=why)
        entry = NewEntry(Stream.AUDIT, EntryKind.INSIDE_SET, msgspec.json.encode(body))
        effects: list[Effect] = [InsideSet(area, persons)]
        await self._ledger.commit([entry], effects)
        return before

    async def empty_what_is_due(self) -> None:
        """Begin anew where the hour has struck since the count was set last; not by a clock that nobody vouches for."""
        now = self._clock.stamp()
        if not now.quality.trusted:
            return
        for area, hour in self._hours.items():
            struck_ms = last_struck_ms(now.wall_ms, hour, self._zone)
            rows = self._ledger.query("SELECT since_ms FROM inside WHERE area=?", (area,))
            if rows and rows[0][0] < struck_ms:
                await self.set(area, 0, InsideWhy.HOUR)

    def tick(self) -> None:
        """From time to time: `empty_what_is_due`, beside whoever calls."""
        if self._hours and (self._setting is None or self._setting.done()):
            self._setting = asyncio.get_running_loop().create_task(self._tried())

    async def _tried(self) -> None:
        try:
            await self.empty_what_is_due()
        except LedgerError as error:
            log.error("the number inside was not set: %s", error)  # and is tried again at the next tick

    async def stop(self) -> None:
        if self._setting is not None:
            await self._setting


def last_struck_ms(wall_ms: int, hour: int, zone: ZoneInfo) -> int:
    """When it was last this hour by the clock on the wall there. In the night when an hour is left out, an hour that is
    left out is the one after it (PEP 495, fold 0)."""
    local = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(zone)
    struck = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    if struck.astimezone(UTC).timestamp() * 1000 > wall_ms:
        day = local.date() - timedelta(days=1)
        struck = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return int(struck.timestamp() * 1000)
