"""What a gateway does for its leases when nobody is waiting: closes what is over, keeps some units for who comes often,
and lets go of what nobody needs any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from gateway.ledger.effects import Effect
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.quota.keeping import Asking, Closing
from gateway.quota.leases import Query, denial, life_of, pending
from gateway.wire.quota import Key, Want

DAY_MS = 24 * 3600 * 1000


class Keeping(msgspec.Struct, frozen=True):
    """How much is kept here, and for how long."""

    warm_units: int = 2
    """Kept for a holder who comes often: below that more is asked for after a use."""
    often: int = 2
    """Uses here that make a holder one who comes often."""
    most: int = 2000
    """Open leases; above it the ones that were used longest ago are closed."""
    idle_ms: int = 14 * DAY_MS
    """A lease that was not used for so long is closed."""
    kept_ms: int = 40 * DAY_MS
    """How long it is known what an entry used, that the authority had nothing, and who was here."""


class _Row(NamedTuple):
    number: int
    key: str
    period: str
    subject: str
    rest: int
    stop_ms: int
    recalled: int
    at_ms: int

    @property
    def cell(self) -> Key:
        return Key(self.key, self.period, self.subject)


def duties(query: Query, keeping: Keeping, now: Stamp) -> Iterator[Effect]:
    """Effects that are due now. Each looks again when it is applied."""
    life = life_of(query)
    if life is None or not life.incarnation:
        return
    yield Tidy(keeping.kept_ms)
    sql = (
        "SELECT number, key, period, subject, units - used + returned, stop_ms, recalled, at_ms FROM quota_lease"
        " WHERE closed=0 ORDER BY at_ms DESC, number DESC"
    )
    living: dict[Key, int] = {}
    recent: list[Key] = []
    for place, row in enumerate(map(_Row._make, query(sql, ()))):
        # Of a cell the newest comes first: one that is used up goes when there is a newer one.
        if _is_over(row, keeping, now) or place >= keeping.most or (row.rest == 0 and row.cell in living):
            yield Closing(row.number)
            continue
        if row.cell not in living and row.subject and now.wall_ms - row.at_ms < DAY_MS:
            recent.append(row.cell)
        living[row.cell] = living.get(row.cell, 0) + row.rest
    if not life.handed and now.quality.trusted:
        for cell in recent:
            if (want := keeping.warm_units - living[cell]) > 0 and _comes_often(query, cell, keeping):
                yield Asking(cell, want, Want.WARM)


def _is_over(row: _Row, keeping: Keeping, now: Stamp) -> bool:
    """Recalled, past its end, or not used for long. By a clock that nobody vouches for nothing ends."""
    if not now.quality.trusted:
        return bool(row.recalled)
    past = 0 < row.stop_ms <= now.wall_ms
    return bool(row.recalled) or past or now.wall_ms - row.at_ms > keeping.idle_ms


def _comes_often(query: Query, cell: Key, keeping: Keeping) -> bool:
    """Who comes often finds some here next time, also offline; but for what the authority has just had nothing of."""
    rows = query("SELECT times FROM quota_visit WHERE subject=?", (cell.subject,))
    return bool(rows) and rows[0][0] >= keeping.often and not pending(query, cell) and denial(query, cell) is None


class Tidy:
    """Effect: holds that are over go, and what was kept long enough; the second not by the word of a clock that nobody
    vouches for."""

    def __init__(self, kept_ms: int) -> None:
        self._kept_ms = kept_ms

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM quota_hold WHERE boot<>? OR until_ns<=?", (now.boot, now.mono_ns))
        if not now.quality.trusted:
            return
        # Whoever asked has gone long ago. What is granted all the same is closed unused.
        db.execute("DELETE FROM quota_request WHERE at_ms<?", (now.wall_ms - DAY_MS,))
        before = (now.wall_ms - self._kept_ms,)
        for table in ("quota_spend", "quota_denied", "quota_visit"):
            db.execute(f"DELETE FROM {table} WHERE at_ms<?", before)
        db.execute("DELETE FROM quota_void WHERE at_ms<? AND units<=told", before)
