"""State table `passage`: what went through which gate last, and when, by the digest of what was presented. Written in
the commit of the admission and taken back in that of its void, so that a crash knows what the visitor knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.config.types import PassbackScope
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, entry_name
from gateway.model.errors import Conflict
from gateway.model.identification import Refusal

KEEP_MS = 24 * 3600 * 1000
"""The longest time that a gate can be configured with: older rows are of no use."""

PASSAGES = "SELECT station, at_ms, boot, mono_ns FROM passage WHERE digest=?"


class PassageNoted(msgspec.Struct, frozen=True):
    """Effect of an admission: this credential goes through this gate. Two gates race to the commit with one card: one
    of them gets `Conflict`."""

    station: str
    digest: bytes
    within_ms: int
    scope: PassbackScope
    tidy: bool = False

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        rows = db.execute(PASSAGES, (self.digest,)).fetchall()
        if has_passed(rows, self.station, self.within_ms, self.scope, now):
            raise Conflict("this credential has passed a moment ago", code=Refusal.PASSED_ALREADY)
        row = (self.digest, self.station, entry_name(ids[0]), now.wall_ms, now.boot, now.mono_ns)
        db.execute("INSERT OR REPLACE INTO passage VALUES (?,?,?,?,?,?)", row)
        if self.tidy:
            _drop_old(db, now)


class PassageUndone(msgspec.Struct, frozen=True):
    """Effect of a void: nobody went through on that admission."""

    entry: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM passage WHERE entry=?", (self.entry,))


class PassageLeft(msgspec.Struct, frozen=True):
    """Effect: whoever went in through one of these gates with this credential has left, and may come in again."""

    digest: bytes
    stations: tuple[str, ...]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        for station in self.stations:
            db.execute("DELETE FROM passage WHERE digest=? AND station=?", (self.digest, station))


def has_passed(rows: Iterable[tuple[Any, ...]], station: str, within_ms: int, scope: PassbackScope, now: Stamp) -> bool:
    """Whether one of these passages counts. How long ago it was is told by the monotonic clock within this boot, else
    by the wall clock; what would be in the future does not count, in the person's favour."""
    for where, at_ms, boot, mono_ns in rows:
        ago_ms = (now.mono_ns - mono_ns) // 10**6 if boot == now.boot else now.wall_ms - at_ms
        if 0 <= ago_ms < within_ms and (where == station or scope is PassbackScope.PLACE):
            return True
    return False


def _drop_old(db: sqlite3.Connection, now: Stamp) -> None:
    """Of other boots only by the word of a clock that somebody vouches for."""
    db.execute("DELETE FROM passage WHERE boot=? AND mono_ns<?", (now.boot, now.mono_ns - KEEP_MS * 10**6))
    if now.quality.trusted:
        db.execute("DELETE FROM passage WHERE boot<>? AND at_ms<?", (now.boot, now.wall_ms - KEEP_MS))
