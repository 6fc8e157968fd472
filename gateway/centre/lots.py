"""What holders have bought, in and out of the store: sold at a desk, or in the file of whoever sells.

A lot is sold once, by the id that the seller gave it: sold again, with the same units and the same end, nothing is
changed. Lots are never taken back here; who sold one is in the log of holders (`gateway.centre.people_log`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Annotated, BinaryIO

import msgspec
from sqlalchemy import Connection, func, select, tuple_

from gateway.centre.database import Database
from gateway.centre.people_file import HolderId, Row, Time, read_rows
from gateway.centre.people_log import Change, Done, Journal, Verb, operate
from gateway.centre.people_rows import HolderState, holders_of, pages
from gateway.centre.people_staging import Progress
from gateway.centre.people_tables import holders
from gateway.centre.people_times import parse_time
from gateway.centre.quota_lots import put_lot
from gateway.centre.quota_rows import FENCED
from gateway.centre.quota_seen import prepaid_keys
from gateway.centre.quota_tables import quota_leases, quota_lots
from gateway.model.errors import Conflict, GatewayError, InputRefused, NotFound
from gateway.wire.contents import Code
from gateway.wire.quota import MAX_UNITS

NEVER = "never"
"""Instead of a date: the lot does not expire."""
EVER = "ever"
"""The one period of every prepaid quota: a lot's end is its own."""
ADVICE = "See docs/centre.md, What holders have bought"
COLUMNS = ("holder", "key", "units", "expires", "id")

LotId = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,64}$(?!\n)")]
Units = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNITS)]


class Sale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units of a prepaid quota that a holder has bought. `expires`: the last day on which they may be used, a time, ms
    since 1970, or `never`. `id`: the seller's own, once for each holder and key."""

    holder: HolderId
    key: Code
    units: Units
    expires: Time
    id: LotId


class LotRow(msgspec.Struct, frozen=True):
    """A lot as it is. `granted` minus `freed` of its units are out, used or leased to gateways; of these `fenced` were
    leased to a box whose life was ended, which had not told that they were used: nobody gets them any more. `left` may
    still be leased, unless it has expired. `expires_ms` 0: never."""

    holder: str
    key: str
    id: str
    units: int
    granted: int
    freed: int
    fenced: int
    left: int
    expires_ms: int
    sold_ms: int


class Sold(msgspec.Struct, frozen=True):
    """What became of a sale, and what could not be checked: whether any rule names such quotas (`no_rules`: none are
    published), whether these are holders (`no_holders`: the store has none)."""

    done: Done
    no_rules: bool
    no_holders: bool


def read_sales(source: BinaryIO) -> Iterator[Row[Sale]]:
    """Sales of a file: CSV with the columns holder, key, units, expires, id, or a JSON list. Raises `InputRefused` at
    the bad row."""
    return read_rows(source, Sale, COLUMNS, lambda cells: {name: cell for name, cell in cells.items() if cell}, ADVICE)


def sell(
    database: Database,
    sales: Sequence[Row[Sale]],
    officer: str,
    at_ms: int,
    zone: tzinfo | None = None,
    progress: Progress | None = None,
) -> Sold:
    """Keep all of these or, when it raises, none. `zone`: of days and times without one.

    A lot that is here already is never a fault, whatever became of its holder, its quota or its end since: a seller's
    file may hold the sales of years. Raises, with the row: `InputRefused` for a time that is none and, of new lots, for
    a key that no published rule names as prepaid and an end that is past; `NotFound` and `Conflict` for a new lot of a
    holder who is not here, or has ended; `Conflict` for an id that was sold with other units or another end. Raises
    `LedgerError`.
    """
    unchecked = []

    def work(db: Connection, journal: Journal) -> None:
        keys, someone = prepaid_keys(db), _anybody(db)
        unchecked.append((keys is None, not someone))
        done = 0
        for page in pages(sales):
            known = holders_of(db, [sale.holder for _, sale in page]) if someone else None
            for where, sale in page:
                try:
                    if _is_new(db, sale, journal.at_ms, zone):
                        _check(sale, keys, known)
                        journal.add(Change.LOT_SOLD, sale.holder)
                except GatewayError as error:
                    error.where = where
                    raise
            done += len(page)
            if progress is not None:
                progress("lots done", done)

    done = operate(database, Verb.SELL, officer, at_ms, work)
    return Sold(done, *unchecked[0])


def lots(db: Connection, holder: str | None, limit: int) -> list[LotRow]:
    """By holder, key and end, those that never expire last; at most so many."""
    of = quota_lots.c
    left = of.units - of.granted + of.freed
    columns = of.holder, of.key, of.lot, of.units, of.granted, of.freed, left, of.expires_ms, of.at_ms
    asked = select(*columns).order_by(of.holder, of.key, of.expires_ms == 0, of.expires_ms, of.lot).limit(limit)
    if holder is not None:
        asked = asked.where(of.holder == holder)
    rows = db.execute(asked).all()
    fenced: dict[tuple[str, ...], int] = {}
    for page in pages(rows):
        fenced |= _fenced(db, {(row.key, EVER, row.holder) for row in page})
    return [LotRow(*row[:6], fenced.get(tuple(row[:3]), 0), *row[6:]) for row in rows]


def _fenced(db: Connection, cells: set[tuple[str, str, str]]) -> dict[tuple[str, ...], int]:
    """(Holder, key, lot) → units that were fenced, of these cells."""
    of = quota_leases.c
    lot = of.subject, of.key, of.lot
    units = func.sum(of.units - of.used + of.returned + of.credited)
    mine = tuple_(of.key, of.period, of.subject).in_(sorted(cells)), of.standing == FENCED
    return {tuple(row[:3]): int(row[3]) for row in db.execute(select(*lot, units).where(*mine).group_by(*lot))}


def end_of(expires: int | str, zone: tzinfo | None) -> int:
    """The first millisecond at which a lot is over; 0: never. Raises `InputRefused`, never with the text itself."""
    if expires == NEVER:
        return 0
    expires_ms = parse_time(expires, zone, ends=True)
    if not expires_ms:
        raise InputRefused("an end that is none", f"A day, or {NEVER}")
    return expires_ms


def _is_new(db: Connection, sale: Sale, now_ms: int, zone: tzinfo | None) -> bool:
    expires_ms = end_of(sale.expires, zone)
    new = put_lot(db, sale.holder, sale.key, sale.id, sale.units, expires_ms, now_ms)
    if new and 0 < expires_ms <= now_ms:
        raise InputRefused("it has expired already", "Nobody could use it")
    return new


def _check(sale: Sale, keys: frozenset[str] | None, known: dict[str, HolderState] | None) -> None:
    """Somebody could use it. None: that cannot be told."""
    if keys is not None and sale.key not in keys:
        told = ", ".join(sorted(keys)) or "none is"
        raise InputRefused(f"no published rule has a prepaid quota {sale.key}", f"Prepaid are: {told}")
    if known is None:
        return
    found = known.get(sale.holder)
    if found is None:
        raise NotFound("there is no such holder", "Holders go by the id of the import", code="holder_unknown")
    if found.ended_ms:
        raise Conflict("the holder has ended", "Import the holder again", code="holder_ended")


def _anybody(db: Connection) -> bool:
    """A city that makes its registries elsewhere has no holders here, and may sell all the same."""
    return db.execute(select(holders.c.holder).limit(1)).first() is not None
