"""State table `happened`: what holders did here before, as far as the rules in force ask for it, and no longer than
they do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.model.circumstances import Happened
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, entry_name

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

MOST = 50
"""Of one holder that a question is told, the newest."""


class Note(msgspec.Struct, frozen=True):
    """Effect of an entry: this holder did this now. `entry` is which of the commit's entries says so."""

    holder: str
    event: str
    codes: tuple[str, ...]
    station: str
    entry: int = 0

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (entry_name(ids[self.entry]), self.holder, self.event, " ".join(self.codes), self.station)
        db.execute(
            "INSERT OR REPLACE INTO happened VALUES (?,?,?,?,?,?,?,?)", (*row, now.wall_ms, now.boot, now.mono_ns)
        )


class Undone(msgspec.Struct, frozen=True):
    """Effect of a void: what that entry said did not happen."""

    entry: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM happened WHERE entry=?", (self.entry,))


class Aged(msgspec.Struct, frozen=True):
    """Effect: what no rule asks for any more goes. `keep_s`: event → seconds. Nothing goes by the word of a clock that
    nobody vouches for, but for events that no rule knows."""

    keep_s: Mapping[str, int]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        for (event,) in db.execute("SELECT DISTINCT event FROM happened").fetchall():
            keep = self.keep_s.get(event)
            if keep is None:
                db.execute("DELETE FROM happened WHERE event=?", (event,))
            elif now.quality.trusted:
                db.execute("DELETE FROM happened WHERE event=? AND at_ms<?", (event, now.wall_ms - keep * 1000))


def before(query: Query, holder: str, keep_s: Mapping[str, int], place: str, now: Stamp) -> tuple[Happened, ...]:
    """What this holder did here before, the newest first. How long ago is told by the monotonic clock within this boot,
    else by the wall clock; what would be in the future is left out."""
    rows = query(
        "SELECT event, codes, station, at_ms, boot, mono_ns FROM happened WHERE holder=? ORDER BY at_ms DESC LIMIT ?",
        (holder, MOST),
    )
    found = []
    for event, codes, station, at_ms, boot, mono_ns in rows:
        ago_s = (now.mono_ns - mono_ns) // 10**9 if boot == now.boot else (now.wall_ms - at_ms) // 1000
        if 0 <= ago_s <= keep_s.get(event, -1):
            found.append(Happened(event, ago_s, tuple(codes.split()), place, station))
    return tuple(found)
