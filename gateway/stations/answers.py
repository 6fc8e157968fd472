"""State table `answer`: what was answered under an idempotency key, so that a repeated request gets it again, and
state table `quote` of the till. Both are written in the commit of what they stand for."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class Asked(msgspec.Struct, frozen=True):
    """A request that books: the caller's key (unique per operation and station) and a hash of what was asked."""

    key: str
    digest: bytes

    @classmethod
    def of(cls, operation: str, station: str, key: str, request: msgspec.Struct) -> Asked:
        encoded = msgspec.json.encode(request, order="deterministic")
        return cls(f"{operation}/{station}/{key}", hashlib.sha256(encoded).digest())


def stored_answer(query: Query, asked: Asked) -> bytes | None:
    """The answer given before under this key. Raises `Conflict` when something else was asked under it."""
    rows = query("SELECT request, body FROM answer WHERE key=?", (asked.key,))
    if not rows:
        return None
    request, body = rows[0]
    if request != asked.digest:
        raise Conflict(
            "this Idempotency-Key was used for another request",
            "Use a new key for each new receipt, the same key only to repeat the very same request",
            code="key_reused",
        )
    return bytes(body)


class StoreAnswer:
    """Effect: remember the answer. `build` gets the ids of the commit's entries and returns the answer's JSON,
    which is then in `body`."""

    def __init__(self, asked: Asked, build: Callable[[tuple[EntryId, ...]], bytes]) -> None:
        self._asked = asked
        self._build = build
        self.body = b""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if db.execute("SELECT 1 FROM answer WHERE key=?", (self._asked.key,)).fetchone() is not None:
            raise Conflict("answered meanwhile", "Ask again", code="in_progress")
        self.body = self._build(ids)
        row = (self._asked.key, self._asked.digest, 200, self.body, now.wall_ms)
        db.execute("INSERT INTO answer VALUES (?,?,?,?,?)", row)


class AmendAnswer:
    """Effect: the answer given so far becomes the final one."""

    def __init__(self, asked: Asked, body: bytes) -> None:
        self._asked = asked
        self.body = body

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("UPDATE answer SET body=? WHERE key=?", (self.body, self._asked.key))


class QuoteGiven(msgspec.Struct, frozen=True):
    """Effect: a quote is open."""

    id: str
    station: str
    body: bytes
    expires_ms: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT INTO quote VALUES (?,?,?,?)", (self.id, self.station, self.body, self.expires_ms))


USED = "Ask for a new quote"


class QuoteUsed(msgspec.Struct, frozen=True):
    """Effect: a quote becomes a receipt, once."""

    id: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if db.execute("DELETE FROM quote WHERE id=?", (self.id,)).rowcount != 1:
            raise Conflict("this quote has been committed already, or is void", USED, code="quote_used")


class QuoteDropped(msgspec.Struct, frozen=True):
    """Effect: a quote is void."""

    id: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        QuoteUsed(self.id).apply(db, ids, now)


class QuoteReplaced(msgspec.Struct, frozen=True):
    """Effect: another quote takes its place, and it holds no longer. Who has not heard of the other one may have
    printed it: then it is committed late."""

    id: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        sql = "UPDATE quote SET expires_ms=min(expires_ms, ?) WHERE id=?"
        if db.execute(sql, (now.wall_ms - 1, self.id)).rowcount != 1:
            raise Conflict("the quote that this one replaces has been committed", USED, code="quote_used")


KEEP_MS = 14 * 24 * 3600 * 1000
"""How long an answer can be asked for again, a quote can be committed late, and a printed receipt's state is here
(its entries stay as long as the ledger keeps them)."""
SANE_MS = 1_700_000_000_000
"""What bears an older date (November 2023) was written while the clock was wrong: its age is not known."""


class Tidy(msgspec.Struct, frozen=True):
    """Effect: drop what is older than `KEEP_MS`. An answer that is gone cannot book twice: its quote went with the
    booking. Nothing goes by the word of a clock that nobody vouches for."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if now.quality is ClockQuality.GUESS:
            return
        span = (SANE_MS, now.wall_ms - KEEP_MS)
        # What follows from the end of a printing is told by its answer.
        still = "SELECT answer FROM fiscal WHERE outcome IN ('', 'unknown')"
        db.execute(f"DELETE FROM answer WHERE at_ms BETWEEN ? AND ? AND key NOT IN ({still})", span)
        db.execute("DELETE FROM quote WHERE expires_ms BETWEEN ? AND ?", span)
        db.execute("DELETE FROM fiscal WHERE at_ms BETWEEN ? AND ? AND outcome NOT IN ('', 'unknown')", span)
