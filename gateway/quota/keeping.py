"""Effects of what the authority says, and of what is to be said to it. Each looks at the tables again in the commit: a
message may come twice, late, or for a life that is over, and changes nothing then."""

from __future__ import annotations

import os
import sqlite3

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict
from gateway.quota.handover import KEPT
from gateway.quota.leases import held, in_transaction, lease, life_of, pending
from gateway.wire import quota as wire
from gateway.wire.quota import Key, Want

OVER_WITH = ("quota_request", "quota_lease", "quota_hold", "quota_void", "quota_denied")
"""What ends with a life."""


MAX_ASKED = 1000
"""Requests without an answer at a time."""


def new_nonce() -> str:
    """32 hex digits that nobody had before."""
    return os.urandom(16).hex()


class Born:
    """Effect: a file that has no life begins one."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT OR IGNORE INTO quota_life VALUES (1,0,?,1,0,0)", (new_nonce(),))


class Asking:
    """Effect: a request is on its way; `number` after the commit, 0 when one for this cell is already. Raises
    `Conflict` while this life has no number, or has said its last word."""

    number = 0

    def __init__(self, cell: Key, want: int, why: Want) -> None:
        self._cell = cell
        self._want = want
        self._why = why

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        self.number = 0
        query = in_transaction(db)
        life = life_of(query)
        if life is None or not life.incarnation or life.handed:
            raise Conflict("the authority does not know this life of the gateway yet", "Ask again", code="quota_asleep")
        if pending(query, self._cell):
            return
        if query("SELECT count(*) FROM quota_request", ())[0][0] >= MAX_ASKED:
            raise Conflict("too many requests wait for the authority", "Ask again later", code="quota_asleep")
        self.number = life.next
        db.execute("UPDATE quota_life SET next=next + 1")
        row = (life.next, *self._cell, self._want, self._why.value, now.wall_ms)
        db.execute("INSERT INTO quota_request VALUES (?,?,?,?,?,?,?)", row)


class _Answer:
    """`went_back` after the commit: this card knows less than the authority does of this very life: it is an older
    copy, and the life was ended."""

    went_back = False

    def _lives(self, db: sqlite3.Connection, of: wire.LeaseId) -> bool:
        life = life_of(in_transaction(db))
        return life is not None and life.incarnation == of.incarnation

    def _end(self, db: sqlite3.Connection) -> None:
        self.went_back = True
        end_life(db)


class Granted(_Answer):
    """Effect: a lease is here, credited once. One that nobody waits for is closed unused at once."""

    def __init__(self, grant: wire.Grant) -> None:
        self._grant = grant

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        grant, query = self._grant, in_transaction(db)
        number, cell = grant.lease.number, grant.cell.by
        life = life_of(query)
        if not self._lives(db, grant.lease) or life is None:
            return
        if number >= life.next:
            self._end(db)  # We have asked for it, and this card does not know.
            return
        if lease(query, number) is not None:
            return
        sql = "SELECT key, period, subject FROM quota_request WHERE number=?"
        waiting = query(sql, (number,)) == [tuple(cell)]
        row = (number, *cell, grant.units, grant.base, grant.stop_ms, grant.elsewhere)
        db.execute(
            "INSERT INTO quota_lease VALUES (?,?,?,?,?,?,?,?,0,0,0,0,0,?,'',?)", (*row, not waiting, now.wall_ms)
        )
        if waiting:
            db.execute("DELETE FROM quota_request WHERE number=?", (number,))
            db.execute("DELETE FROM quota_denied WHERE key=? AND period=? AND subject=?", cell)


class Refused(_Answer):
    """Effect: the authority has nothing for this cell; so it stays until it has."""

    def __init__(self, denied: wire.Denied) -> None:
        self._denied = denied

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        denied = self._denied
        if not self._lives(db, denied.lease):
            return
        of = (denied.lease.number, *denied.cell.by)
        sql = "DELETE FROM quota_request WHERE number=? AND key=? AND period=? AND subject=?"
        if db.execute(sql, of).rowcount:
            row = (*denied.cell.by, denied.why.value, now.wall_ms)
            db.execute("INSERT OR REPLACE INTO quota_denied VALUES (?,?,?,?,?)", row)


class Heard(_Answer):
    """Effect: the authority knows these totals of a lease."""

    def __init__(self, known: wire.Known) -> None:
        self._known = known

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        known = self._known
        found = lease(in_transaction(db), known.lease.number) if self._lives(db, known.lease) else None
        if found is None:
            return
        if known.used > found.used or known.returned > found.returned:
            self._end(db)
            return
        sql = "UPDATE quota_lease SET told_used=max(told_used, ?), told_returned=max(told_returned, ?) WHERE number=?"
        db.execute(sql, (known.used, known.returned, known.lease.number))


class Recalled(_Answer):
    """Effect: the authority would like to have a lease back."""

    def __init__(self, recall: wire.Recall) -> None:
        self._recall = recall

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if self._lives(db, self._recall.lease):
            db.execute("UPDATE quota_lease SET recalled=1 WHERE number=?", (self._recall.lease.number,))


class Closing:
    """Effect: a lease is over here; nothing of it is used after this commit. While an open quote holds some of it,
    only with `at_once`."""

    def __init__(self, number: int, *, at_once: bool = False) -> None:
        self._number = number
        self._at_once = at_once

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if self._at_once or not held(in_transaction(db), self._number, now):
            if db.execute("UPDATE quota_lease SET closed=1 WHERE number=? AND closed=0", (self._number,)).rowcount:
                db.execute("UPDATE quota_life SET closings=closings + 1")
            db.execute("DELETE FROM quota_hold WHERE number=?", (self._number,))


class Settled(_Answer):
    """Effect: the authority has closed a lease; its row may go, when no last word speaks of it."""

    def __init__(self, closed: wire.Closed) -> None:
        self._closed = closed

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        life, number = life_of(in_transaction(db)), self._closed.lease.number
        if life is None or not self._lives(db, self._closed.lease):
            return
        found = lease(in_transaction(db), number)
        if found is not None and not found.closed:
            self._end(db)  # We have closed it, and this card does not know.
        elif life.handed:
            db.execute("UPDATE quota_lease SET closed=? WHERE number=? AND closed=1", (KEPT, number))
        else:
            db.execute("DELETE FROM quota_lease WHERE number=? AND closed=1", (number,))


class Credited(_Answer):
    """Effect: the authority knows what was given back of a closed lease."""

    def __init__(self, credited: wire.Credited) -> None:
        self._credited = credited

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        told = self._credited
        if self._lives(db, told.lease):
            sql = "UPDATE quota_void SET told=max(told, ?) WHERE number=? AND entry=?"
            db.execute(sql, (told.units, told.lease.number, told.entry))


class Counted(_Answer):
    """Effect: the authority knows what was given that no lease covered."""

    def __init__(self, counted: wire.Counted) -> None:
        self._counted = counted

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        told = self._counted
        row = (told.grace + told.over + told.grace_back + told.over_back, *told.cell.by, told.incarnation)
        sql = "UPDATE quota_beyond SET told=max(told, ?) WHERE key=? AND period=? AND subject=? AND incarnation=?"
        db.execute(sql, row)


class Fenced(_Answer):
    """Effect: which life of this gateway is the present one. `ended` after the commit: it was not ours."""

    ended = False

    def __init__(self, fence: wire.Fence) -> None:
        self._fence = fence

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        life, fence = life_of(in_transaction(db)), self._fence
        if life is None:
            return
        if life.incarnation == 0:
            if fence.nonce == life.nonce:
                db.execute("UPDATE quota_life SET incarnation=?", (fence.incarnation,))
        elif fence.incarnation == life.incarnation and fence.closings > life.closings:
            self._end(db)
        elif fence.incarnation > life.incarnation:
            self.ended = True
            end_life(db)


class Handed(_Answer):
    """Effect: the authority has taken the last word of a box that this one replaced."""

    def __init__(self, handed: wire.HandedOver) -> None:
        self._handed = handed

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM quota_handed WHERE incarnation=?", (self._handed.incarnation,))


def end_life(db: sqlite3.Connection) -> None:
    """On the open transaction: forget every lease (they count as used up at the authority) and begin a new life, which
    may use nothing before the authority has answered it."""
    for table in OVER_WITH:
        db.execute(f"DELETE FROM {table}")
    db.execute("UPDATE quota_life SET incarnation=0, nonce=?, next=1, closings=0, handed=0", (new_nonce(),))


Answer = Fenced | Granted | Refused | Heard | Recalled | Settled | Credited | Counted | Handed


def effect_of(told: wire.Told) -> Answer:
    """What a message of the authority does."""
    match told:
        case wire.Fence():
            return Fenced(told)
        case wire.Grant():
            return Granted(told)
        case wire.Denied():
            return Refused(told)
        case wire.Known():
            return Heard(told)
        case wire.Recall():
            return Recalled(told)
        case wire.Closed():
            return Settled(told)
        case wire.Credited():
            return Credited(told)
        case wire.Counted():
            return Counted(told)
        case wire.HandedOver():
            return Handed(told)
