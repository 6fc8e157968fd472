"""State table `grant_open`: grants of which somebody may still pass. Survives a crash, so that the start can void what
was left."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId


class Grant(msgspec.Struct, frozen=True):
    """Leave for so many persons to pass, by this admission."""

    epoch: str
    admission: int
    persons: int = 1


class GrantMade(msgspec.Struct, frozen=True):
    """Effect of an admission: a grant is open (its number and epoch are the admission's)."""

    station: str
    persons: int = 1
    area: str = "place"

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (ids[0].epoch, ids[0].seq, self.station, self.persons, self.area)
        db.execute(
            "INSERT INTO grant_open (epoch, admission, station, opened, persons, area) VALUES (?,?,?,0,?,?)", row
        )


class GrantOpened(msgspec.Struct, frozen=True):
    """Effect: the relay has opened for this passage (from 1) of the grant."""

    epoch: str
    admission: int
    passage: int = 1

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (self.passage, self.epoch, self.admission)
        db.execute("UPDATE grant_open SET opened=max(opened, ?) WHERE epoch=? AND admission=?", row)


class GrantPassed(msgspec.Struct, frozen=True):
    """Effect: so many of the grant's persons have passed, and more of them may."""

    epoch: str
    admission: int
    passed: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (self.passed, self.epoch, self.admission)
        db.execute("UPDATE grant_open SET passed=max(passed, ?) WHERE epoch=? AND admission=?", row)


class GrantSettled(msgspec.Struct, frozen=True):
    """Effect: everybody passed, or what was left of the grant is void."""

    epoch: str
    admission: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM grant_open WHERE epoch=? AND admission=?", (self.epoch, self.admission))
