"""What holders have bought: lots of units, each with its end. A lease is of one lot, the one that ends first."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select, update

from gateway.centre.quota_tables import quota_lots
from gateway.centre.sql import insert
from gateway.model.errors import Conflict, InputRefused
from gateway.wire.quota import MAX_UNITS, Cell, Grant

_of = quota_lots.c


class Lot(msgspec.Struct, frozen=True):
    """Where a lease comes from. `limit`: of the whole cell; `rest`: of this lot. `grant`: the lease, once decided."""

    name: str
    limit: int
    expires_ms: int
    rest: int = 0
    grant: Grant = None  # type: ignore[assignment]


def put_lot(db: Connection, holder: str, key: str, lot: str, units: int, expires_ms: int, now_ms: int) -> bool:
    """Keep what a holder has bought, once for each `lot` (the seller's own number). False: it was there. Raises
    `InputRefused`, or `Conflict` when it was there with other units or another end."""
    try:
        msgspec.convert({"key": key, "period": "ever", "subject": holder}, Cell)
    except msgspec.ValidationError as error:
        raise InputRefused(f"no lot of a holder: {error}") from error
    if not holder or not lot or "\0" in lot or not 0 < units <= MAX_UNITS or expires_ms < 0:
        raise InputRefused("a lot has a holder, a name, units from 1 on, and an end")
    row = {"holder": holder, "key": key, "lot": lot, "units": units, "expires_ms": expires_ms}
    new = {**row, "granted": 0, "freed": 0, "at_ms": now_ms}
    kept = db.execute(insert(db, quota_lots).on_conflict_do_nothing().returning(_of.lot), new).first() is not None
    if not kept:
        there = db.execute(select(_of.units, _of.expires_ms).where(*_is(holder, key, lot))).one()
        if tuple(there) != (units, expires_ms):
            raise Conflict(f"lot {lot} of {key} is there with other units or another end", "Give it a name of its own")
    return kept


def lots_of(db: Connection, cell: Cell, now_ms: int) -> Lot:
    """The lot that ends first and has something left; `limit` counts all that was ever bought, whose expired rest no
    lot grants any more."""
    mine = _of.holder == cell.subject, _of.key == cell.key
    limit = int(db.execute(select(func.coalesce(func.sum(_of.units), 0)).where(*mine)).scalar_one())
    rest = _of.units - _of.granted + _of.freed
    living = (_of.expires_ms == 0) | (_of.expires_ms > now_ms)
    asked = select(_of.lot, _of.expires_ms, rest.label("rest")).where(*mine, living, rest > 0)
    row = db.execute(asked.order_by((_of.expires_ms == 0), _of.expires_ms, _of.lot).limit(1).with_for_update()).first()
    return Lot(row.lot, limit, row.expires_ms, row.rest) if row is not None else Lot("", limit, 0)


def take_of_lot(db: Connection, cell: Cell, lot: str, units: int) -> bool:
    """I1 for a lot, asserted by the statement itself."""
    within = _of.granted - _of.freed + units <= _of.units
    taken = update(quota_lots).where(*_is(cell.subject, cell.key, lot), within).values(granted=_of.granted + units)
    return db.execute(taken).rowcount == 1


def free_of_lot(db: Connection, holder: str, key: str, lot: str, units: int) -> None:
    """Units of a lease of this lot are its own again."""
    db.execute(update(quota_lots).where(*_is(holder, key, lot)).values(freed=_of.freed + units))


def _is(holder: str, key: str, lot: str) -> tuple[ColumnElement[bool], ...]:
    return _of.holder == holder, _of.key == key, _of.lot == lot
