"""Effects of a box that is replaced on purpose: the last word of the one that goes, kept by the one that comes."""

from __future__ import annotations

import sqlite3

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict
from gateway.quota.leases import in_transaction, life_of

KEPT = 2
"""Of `closed`: the authority knows, and the row stays because the last word speaks of it."""


class LastWord:
    """Effect: all leases are over here, and this life asks for nothing more. Afterwards `incarnation` and `closed`
    (number, used, returned) are what its last word says: the same however often it is asked for, but for a lease that
    was granted meanwhile, which nothing was used of."""

    incarnation = 0
    closed: tuple[tuple[int, int, int], ...] = ()

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        life = life_of(in_transaction(db))
        if life is None or not life.incarnation:
            raise Conflict("this gateway has no life that the centre knows", "There is nothing to hand over")
        closed = db.execute("UPDATE quota_lease SET closed=1 WHERE closed=0").rowcount
        db.execute("UPDATE quota_life SET handed=1, closings=closings + ?", (closed,))
        db.execute("DELETE FROM quota_hold")
        db.execute("DELETE FROM quota_request")
        self.incarnation = life.incarnation
        self.closed = tuple(db.execute("SELECT number, used, returned FROM quota_lease ORDER BY number").fetchall())


class Brought:
    """Effect: the last word of another box is here, to be sent on."""

    def __init__(self, incarnation: int, message: bytes) -> None:
        self._row = (incarnation, message)

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT OR REPLACE INTO quota_handed VALUES (?,?)", self._row)
