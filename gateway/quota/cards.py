"""State tables `card_counter` and `card_use`: counters that cards hold themselves (docs/quotas.md, "On the holder's own
card"). The card is debited first, then the entry is stored: what was debited and not given is owed to that card here.

Each debit is written down before the card is touched. Until it is known whether it happened it is open, and there is
one of a card and quota at most.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from gateway.model.clock import Stamp
from gateway.model.counter import CardCounter
from gateway.model.decision import Use
from gateway.model.entry import EntryId, entry_name
from gateway.model.errors import Conflict

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

KEPT_MS = 40 * 24 * 3600 * 1000
"""How long it is known what an entry took: so long it can be given back."""
EVER = "ever"
"""The one period of a counter on a card."""


class Account(NamedTuple):
    """What this gateway knows of one counter. `name` is empty while no debit is open."""

    owed: int = 0
    name: bytes = b""
    anchor: bytes = b""
    units: int = 0

    def happened(self, told: CardCounter) -> bool | None:
        """Whether the open debit has happened, by what its card says now. It is not among the card's last ones, and the
        one before it still is (or fewer than the card keeps have ever been): it has not. Neither is: so many have come
        after it, or instead of it, that nobody can know any more."""
        if told.has(self.name):
            return True
        return False if told.has(self.anchor) else None


def account(query: Query, digest: bytes, quota: str) -> Account:
    rows = query("SELECT owed, name, anchor, units FROM card_counter WHERE digest=? AND quota=?", (digest, quota))
    return Account(*rows[0]) if rows else Account()


class Counter(msgspec.Struct, frozen=True):
    """Which counter: its card's digest (raw) and its quota."""

    digest: bytes
    quota: str


class DebitOpened(msgspec.Struct, frozen=True):
    """Effect: the card is going to be asked for so many units, under this name."""

    counter: Counter
    name: bytes
    anchor: bytes
    units: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if _account(db, self.counter).name:
            raise Conflict("another debit of this card is open", "Present the card again")
        row = (self.counter.digest, self.counter.quota, self.name, self.anchor, self.units, now.wall_ms)
        sets = "name=excluded.name, anchor=excluded.anchor, units=excluded.units, at_ms=excluded.at_ms"
        db.execute(f"INSERT INTO card_counter VALUES (?,?,0,?,?,?,?) ON CONFLICT DO UPDATE SET {sets}", row)


class DebitSettled(msgspec.Struct, frozen=True):
    """Effect: it is known of this debit whether it happened. If so, its units are owed, once. (Who gives them commits
    `CounterUsed` instead.)"""

    counter: Counter
    name: bytes
    happened: bool

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        known = _account(db, self.counter)
        if known.name == self.name:
            _write(db, self.counter, known.owed + known.units * self.happened, now)


class CounterUsed(msgspec.Struct, frozen=True):
    """Effect of an entry: it gives `credited` units that were owed, and those of the debit of this name (empty: none),
    which is over. Raises `Conflict` when that is not so any more: nothing is given twice."""

    counter: Counter
    credited: int
    name: bytes = b""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        known = _account(db, self.counter)
        if known.name != self.name or known.owed < self.credited:
            raise Conflict("what this card has been debited was settled meanwhile", "Present the card again")
        _write(db, self.counter, known.owed - self.credited, now)
        units = self.credited + known.units
        row = (entry_name(ids[0]), self.counter.digest, self.counter.quota, units, now.wall_ms)
        db.execute("INSERT INTO card_use VALUES (?,?,?,?,?)", row)


class CounterGivenBack(msgspec.Struct, frozen=True):
    """Effect of a void: what this entry took (`units`: so much of it) is owed to the card, each unit once."""

    entry: str
    units: int | None = None

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT digest, quota, units FROM card_use WHERE entry=?", (self.entry,)).fetchone()
        if row is None:
            return
        digest, quota, taken = row
        back = taken if self.units is None else min(self.units, taken)
        db.execute("UPDATE card_use SET units=? WHERE entry=?", (taken - back, self.entry))
        add = "ON CONFLICT DO UPDATE SET owed=owed + excluded.owed, at_ms=excluded.at_ms"
        empty = (digest, quota, back, b"", b"", 0, now.wall_ms)
        db.execute(f"INSERT INTO card_counter VALUES (?,?,?,?,?,?,?) {add}", empty)


class CountersTidied:
    """Effect: what entries took is forgotten after its time, and counters of which nothing is owed or open."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM card_counter WHERE owed=0 AND name=x''")
        if now.quality.trusted:
            db.execute("DELETE FROM card_use WHERE at_ms<?", (now.wall_ms - KEPT_MS,))


def part_of(query: Query, entry: str, part: int, whole: int) -> tuple[Use, ...]:
    """Of what this entry has taken off a card, so much as `part` of `whole` is: whole units."""
    rows = query("SELECT quota, units FROM card_use WHERE entry=?", (entry,))
    return tuple(Use(quota, EVER, back, card=True) for quota, units in rows if (back := units * part // whole))


def _account(db: sqlite3.Connection, counter: Counter) -> Account:
    return account(lambda sql, given: db.execute(sql, given).fetchall(), counter.digest, counter.quota)


def _write(db: sqlite3.Connection, counter: Counter, owed: int, now: Stamp) -> None:
    """So much is owed, and no debit is open."""
    row = (counter.digest, counter.quota, owed, b"", b"", 0, now.wall_ms)
    db.execute("INSERT OR REPLACE INTO card_counter VALUES (?,?,?,?,?,?,?)", row)
