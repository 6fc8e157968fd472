"""State table `grant_open`: grants whose opening or passage is not settled yet. Survives a crash, so that the start
can void what was left."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId


class GrantMade(msgspec.Struct, frozen=True):
    """Effect of an admission: a grant is open (its number and epoch are the admission's)."""

    station: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT INTO grant_open VALUES (?,?,?,0)", (ids[0].epoch, ids[0].seq, self.station))


class GrantOpened(msgspec.Struct, frozen=True):
    """Effect: the relay has opened for this admission."""

    epoch: str
    admission: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("UPDATE grant_open SET opened=1 WHERE epoch=? AND admission=?", (self.epoch, self.admission))


class GrantSettled(msgspec.Struct, frozen=True):
    """Effect: the person passed, or the grant is void."""

    epoch: str
    admission: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM grant_open WHERE epoch=? AND admission=?", (self.epoch, self.admission))
