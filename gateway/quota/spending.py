"""Effects that use and give back units, in the very commit of the entry that needs them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, entry_name
from gateway.model.errors import Conflict
from gateway.quota.leases import in_transaction, lease, life_of, room, trusted_given, usable
from gateway.wire.quota import Key

LEASE, GRACE, OVER = "lease", "grace", "over"
"""What an entry's units were taken of."""


class Charge(msgspec.Struct, frozen=True):
    """Units that a decision takes of a cell; `grace`: on trust, of which `allowed` units may be given at all."""

    cell: Key
    units: int
    grace: bool = False
    allowed: int = 0


class _Spending:
    """What `Spend` and `SpendLate` have in common. `entry`: which of the commit's entries needs the units."""

    def __init__(self, charges: Sequence[Charge], quote: str = "", entry: int = 0) -> None:
        self._charges = charges
        self._quote = quote
        self._entry = entry

    def _begin(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> _Book:
        if self._quote:
            db.execute("DELETE FROM quota_hold WHERE quote=?", (self._quote,))
        return _Book(db, entry_name(ids[self._entry]), now)


class Spend(_Spending):
    """Effect: use these units. Raises `Conflict` (`quota_changed`) when open leases do not cover them any more, or no
    more may be given on trust: the station then decides once more. `quote`: the one whose hold ends with this."""

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        book = self._begin(db, ids, now)
        for charge in self._charges:
            if charge.grace:
                given = trusted_given(in_transaction(db), charge.cell)
                if given + charge.units > charge.allowed or not now.quality.trusted:
                    raise _changed(charge.cell)
                book.beyond(charge.cell, charge.units, GRACE)
            elif book.take(charge.cell, charge.units):
                raise _changed(charge.cell)
        book.visited({charge.cell.subject for charge in self._charges})


class SpendLate(_Spending):
    """Effect: these units were used, whatever is left: a quote that was printed and is committed late. What no lease
    covers is counted as overspend (`over` after the commit), and the authority hears of it."""

    over = 0

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        book = self._begin(db, ids, now)
        self.over = 0
        for charge in self._charges:
            if charge.grace:
                allowed = max(0, charge.allowed - trusted_given(in_transaction(db), charge.cell))
                trusted = min(charge.units, allowed)
                book.beyond(charge.cell, trusted, GRACE)
                missing = charge.units - trusted
            else:
                missing = book.take(charge.cell, charge.units)
            book.beyond(charge.cell, missing, OVER)
            self.over += missing
        book.visited({charge.cell.subject for charge in self._charges})


class Hold:
    """Effect: an open quote holds these units for `for_s` seconds of monotonic time, at most until the next boot.
    Raises `Conflict` when they are not left. What is given on trust is not held: the commit looks again."""

    def __init__(self, quote: str, charges: Sequence[Charge], for_s: float) -> None:
        self._quote = quote
        self._charges = charges
        self._for_ns = round(for_s * 1e9)

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM quota_hold WHERE quote=?", (self._quote,))
        for charge in self._charges:
            if charge.grace:
                continue
            parts = list(_parts(db, charge.cell, charge.units, now))
            if sum(units for _, units in parts) < charge.units:
                raise _changed(charge.cell)
            for number, units in parts:
                row = (number, self._quote, units, now.boot, now.mono_ns + self._for_ns)
                add = "ON CONFLICT DO UPDATE SET units=units + excluded.units"
                db.execute(f"INSERT INTO quota_hold VALUES (?,?,?,?,?) {add}", row)


class Release:
    """Effect: this quote holds nothing any more."""

    def __init__(self, quote: str) -> None:
        self._quote = quote

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM quota_hold WHERE quote=?", (self._quote,))


class GiveBack:
    """Effect of a void or a refund: what this entry used is free again, each unit once. `units`: quota key → how many
    (a refund of some of its lines); None for all. To an open lease at once; of a closed one the authority is told; what
    was used in an earlier life of this gateway stays used."""

    def __init__(self, entry: str, units: Mapping[str, int] | None = None) -> None:
        self._name = entry
        self._units = units

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        life = life_of(in_transaction(db))
        sql = (
            "SELECT part, kind, incarnation, number, key, period, subject, units FROM quota_spend WHERE entry=?"
            " ORDER BY part DESC"
        )
        wanted = dict(self._units) if self._units is not None else None
        for part, kind, incarnation, number, key, period, subject, units in db.execute(sql, (self._name,)).fetchall():
            back = units if wanted is None else min(units, wanted.get(key, 0))
            if back <= 0:
                continue
            if wanted is not None:
                wanted[key] -= back
            self._less(db, part, units - back)
            if kind != LEASE:
                cell = (back, key, period, subject, incarnation)
                column = "grace_back" if kind == GRACE else "over_back"
                sql_back = f"UPDATE quota_beyond SET {column}={column} + ?"
                db.execute(f"{sql_back} WHERE key=? AND period=? AND subject=? AND incarnation=?", cell)
            elif life is not None and incarnation == life.incarnation:
                self._to_lease(db, number, back, now)

    def _less(self, db: sqlite3.Connection, part: int, left: int) -> None:
        if left:
            db.execute("UPDATE quota_spend SET units=? WHERE entry=? AND part=?", (left, self._name, part))
        else:
            db.execute("DELETE FROM quota_spend WHERE entry=? AND part=?", (self._name, part))

    def _to_lease(self, db: sqlite3.Connection, number: int, units: int, now: Stamp) -> None:
        found = lease(in_transaction(db), number)
        if found is not None and not found.closed:
            db.execute("UPDATE quota_lease SET returned=returned + ? WHERE number=?", (units, number))
        else:
            add = "ON CONFLICT DO UPDATE SET units=units + excluded.units"
            row = (number, self._name, units, now.wall_ms)
            db.execute(f"INSERT INTO quota_void VALUES (?,?,?,0,?) {add}", row)


class _Book:
    """Writes down what one entry uses. Lives within `apply`."""

    def __init__(self, db: sqlite3.Connection, entry: str, now: Stamp) -> None:
        self._db = db
        self._entry = entry
        self._now = now
        life = life_of(in_transaction(db))
        self._life = life.incarnation if life is not None else 0
        self._part = 0

    def take(self, cell: Key, units: int) -> int:
        """Use units of open leases, the oldest first; how many are missing."""
        for number, some in list(_parts(self._db, cell, units, self._now)):
            sql = "UPDATE quota_lease SET used=used + ?, last=?, at_ms=? WHERE number=?"
            self._db.execute(sql, (some, self._entry, self._now.wall_ms, number))
            self._note(LEASE, number, cell, some)
            units -= some
        return units

    def beyond(self, cell: Key, units: int, kind: str) -> None:
        """Count units that no lease covers."""
        if units <= 0:
            return
        grace, over = (units, 0) if kind == GRACE else (0, units)
        add = "grace=grace + excluded.grace, over=over + excluded.over, at_ms=excluded.at_ms"
        self._db.execute(
            f"INSERT INTO quota_beyond VALUES (?,?,?,?,?,?,0,0,0,?) ON CONFLICT DO UPDATE SET {add}",
            (*cell, self._life, grace, over, self._now.wall_ms),
        )
        self._note(kind, 0, cell, units)

    def visited(self, subjects: set[str]) -> None:
        """Somebody used something here."""
        for subject in subjects - {""}:
            more = "ON CONFLICT DO UPDATE SET times=times + 1, at_ms=excluded.at_ms"
            self._db.execute(f"INSERT INTO quota_visit VALUES (?,1,?) {more}", (subject, self._now.wall_ms))

    def _note(self, kind: str, number: int, cell: Key, units: int) -> None:
        row = (self._entry, self._part, kind, self._life, number, *cell, units, self._now.wall_ms)
        self._db.execute("INSERT INTO quota_spend VALUES (?,?,?,?,?,?,?,?,?,?)", row)
        self._part += 1


def _parts(db: sqlite3.Connection, cell: Key, units: int, now: Stamp) -> Iterator[tuple[int, int]]:
    """(Lease, units) that together are as many of these as open leases cover now, the oldest lease first."""
    query = in_transaction(db)
    for open_lease in usable(query, cell, now):
        some = min(units, room(query, open_lease, now))
        if some > 0:
            units -= some
            yield open_lease.number, some


def _changed(cell: Key) -> Conflict:
    what = f"what is left of quota {cell.key!r} has changed meanwhile"
    return Conflict(what, "Decide once more", code="quota_changed")
