"""What the tables say of leases: read by the stations before they decide, and again in the commit.

State tables `quota_…` of ledger.db; they are written by the effects of `spending` and `keeping` only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.model.clock import Stamp
from gateway.wire.quota import Key

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class Life(msgspec.Struct, frozen=True):
    """The present life of this gateway. `incarnation` 0: the authority has not told yet which it is. `next`: number of
    the next request; `closings`: leases that it has closed. `handed`: it has said its last word, and asks for nothing
    more."""

    incarnation: int
    nonce: str
    next: int
    closings: int
    handed: bool


class Lease(msgspec.Struct, frozen=True):
    """Units of a cell that this gateway may use without asking."""

    number: int
    units: int
    base: int
    stop_ms: int
    elsewhere: bool
    used: int
    returned: int
    recalled: bool
    closed: bool

    @property
    def net(self) -> int:
        """Units in use."""
        return self.used - self.returned

    @property
    def rest(self) -> int:
        """Units not in use; what open quotes hold is not taken off."""
        return self.units - self.net


_COLUMNS = "number, units, base, stop_ms, elsewhere, used, returned, recalled, closed"


def in_transaction(db: sqlite3.Connection) -> Query:
    """Rows as the ledger's open transaction sees them."""
    return lambda sql, parameters: db.execute(sql, parameters).fetchall()


def life_of(query: Query) -> Life | None:
    """None: this file has none yet."""
    rows = query("SELECT incarnation, nonce, next, closings, handed FROM quota_life", ())
    if not rows:
        return None
    incarnation, nonce, following, closings, handed = rows[0]
    return Life(incarnation, nonce, following, closings, bool(handed))


def lease(query: Query, number: int) -> Lease | None:
    """A lease of this life."""
    rows = query(f"SELECT {_COLUMNS} FROM quota_lease WHERE number=?", (number,))
    return _lease(rows[0]) if rows else None


def leases_of(query: Query, cell: Key) -> list[Lease]:
    """All leases of a cell, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM quota_lease WHERE key=? AND period=? AND subject=? ORDER BY number"
    return [_lease(row) for row in query(sql, cell)]


def usable(query: Query, cell: Key, now: Stamp) -> list[Lease]:
    """Those of which something may be used now, or could if something were left."""
    return [lease for lease in leases_of(query, cell) if is_usable(lease, now)]


def is_usable(lease: Lease, now: Stamp) -> bool:
    """Not closed, and not past its end by a clock that somebody vouches for."""
    return not lease.closed and now.quality.trusted and (lease.stop_ms == 0 or now.wall_ms < lease.stop_ms)


def held(query: Query, number: int, now: Stamp, without: frozenset[str] = frozenset()) -> int:
    """Units of a lease that open quotes hold, those `without` left out. A hold ends by monotonic time, and with its
    boot."""
    sql = "SELECT quote, units FROM quota_hold WHERE number=? AND boot=? AND until_ns>?"
    return sum(units for quote, units in query(sql, (number, now.boot, now.mono_ns)) if quote not in without)


def room(query: Query, lease: Lease, now: Stamp, without: frozenset[str] = frozenset()) -> int:
    """Units that may be used now, or could if quotes `without` held nothing."""
    return max(0, lease.rest - held(query, lease.number, now, without))


def trusted_given(query: Query, cell: Key) -> int:
    """Units given on trust in a cell and not taken back, in all lives that this file knows of."""
    sql = "SELECT coalesce(sum(grace - grace_back), 0) FROM quota_beyond WHERE key=? AND period=? AND subject=?"
    return int(query(sql, cell)[0][0])


def denial(query: Query, cell: Key) -> tuple[str, int] | None:
    """Why the authority had nothing, and when it said so (wall clock)."""
    rows = query("SELECT why, at_ms FROM quota_denied WHERE key=? AND period=? AND subject=?", cell)
    return (str(rows[0][0]), int(rows[0][1])) if rows else None


def pending(query: Query, cell: Key) -> bool:
    """Whether a request for this cell waits for its answer."""
    sql = "SELECT 1 FROM quota_request WHERE key=? AND period=? AND subject=?"
    return bool(query(sql, cell))


def _lease(row: tuple[Any, ...]) -> Lease:
    number, units, base, stop_ms, elsewhere, used, returned, recalled, closed = row
    return Lease(number, units, base, stop_ms, bool(elsewhere), used, returned, bool(recalled), bool(closed))
