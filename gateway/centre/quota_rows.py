"""Rows of the quota authority: read, locked and written on an open transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, func, select, update

from gateway.centre.quota_lots import Lot, free_of_lot
from gateway.centre.quota_tables import quota_beyond, quota_boxes, quota_cells, quota_credits, quota_leases
from gateway.centre.sql import insert, upsert
from gateway.wire.quota import Cell, Denial, Denied, Fence, Grant, Key, LeaseId, Recall, Request
from gateway.wire.topics import shard_of

OPEN, FENCED = "open", "fenced"
UNTOLD, TOLD = 1, 2
"""Of `recall`."""
MAX_RECALLED = 20
"""Leases of everybody's cell that one refusal recalls, the largest first."""


class Box(msgspec.Struct):
    """A gateway as the authority knows it: its present life (0: none yet), below which number it waits for no answer,
    and how many leases it has open."""

    incarnation: int = 0
    floor: int = 1
    open: int = 0


def box_of(db: Connection, gateway: str) -> Box:
    """Nobody else changes it until the commit: an officer may fence a gateway beside the worker that answers it."""
    c = quota_boxes.c
    asked = select(c.incarnation, c.floor, c.open).where(c.gateway == gateway).with_for_update()
    row = db.execute(asked).one_or_none()
    return Box(*row) if row is not None else Box()


def save_box(db: Connection, gateway: str, box: Box) -> None:
    row = {"gateway": gateway, "incarnation": box.incarnation, "floor": box.floor, "open": box.open}
    db.execute(upsert(db, quota_boxes, "incarnation", "floor", "open"), row)


def lock_cells(db: Connection, cells: Iterable[Key]) -> None:
    """Nobody else changes these cells until the commit. (SQLite has one writer anyway.)"""
    c = quota_cells.c
    for cell in sorted(cells):
        db.execute(select(c.key).where(*_is(quota_cells, cell)).with_for_update())


def open_cell(db: Connection, cell: Key, unit: str, limit: int, end_ms: int) -> int:
    """Units of a cell that are out: granted and not freed. Its row is there, and ours until the commit, afterwards."""
    row = {**cell._asdict(), "unit": unit, "limit_units": limit, "granted": 0, "freed": 0, "end_ms": end_ms}
    db.execute(insert(db, quota_cells).on_conflict_do_nothing(), row)
    c = quota_cells.c
    asked = select(c.granted - c.freed).where(*_is(quota_cells, cell)).with_for_update()
    return int(db.execute(asked).scalar_one())


def over_of(db: Connection, cell: Key) -> int:
    """Units of a cell that were used and that no lease covered; what was given on trust is paid from elsewhere."""
    c = quota_beyond.c
    asked = select(func.coalesce(func.sum(c.over - c.over_back), 0)).where(*_is(quota_beyond, cell))
    return max(0, int(db.execute(asked).scalar_one()))


def lease_row(db: Connection, gateway: str, of: LeaseId) -> Row[Any] | None:
    c = quota_leases.c
    mine = c.gateway == gateway, c.incarnation == of.incarnation, c.number == of.number
    return db.execute(select(quota_leases).where(*mine)).one_or_none()


def answer_of(row: Row[Any]) -> Grant | Denied:
    """What was answered to a request before."""
    lease, cell = LeaseId(row.incarnation, row.number), Cell(row.key, row.period, row.subject)
    if row.standing == "denied":
        return Denied(lease, cell, Denial(row.why))
    return Grant(lease, cell, row.units, row.base, row.stop_ms, elsewhere=bool(row.elsewhere))


def insert_lease(db: Connection, gateway: str, said: Request, granted: Denied | Lot, now_ms: int) -> None:
    """Keep the answer to a request, so that it is given again."""
    grant = granted.grant if isinstance(granted, Lot) else None
    row = {
        "gateway": gateway,
        "incarnation": said.lease.incarnation,
        "number": said.lease.number,
        "shard": shard_of(gateway),
        **said.cell.by._asdict(),
        "lot": granted.name if isinstance(granted, Lot) else "",
        "units": grant.units if grant is not None else 0,
        "base": grant.base if grant is not None else 0,
        "stop_ms": grant.stop_ms if grant is not None else 0,
        "elsewhere": int(grant.elsewhere) if grant is not None else 0,
        **dict.fromkeys(("used", "returned", "credited", "recall"), 0),
        "standing": OPEN if grant is not None else "denied",
        "why": granted.why.value if isinstance(granted, Denied) else "",
        "last": "",
        "made_ms": now_ms,
        "changed_ms": now_ms,
    }
    db.execute(quota_leases.insert(), row)


def free(db: Connection, row: Row[Any], units: int) -> None:
    """Units of a lease are nobody's again."""
    if units <= 0:
        return
    c, cell = quota_cells.c, Key(row.key, row.period, row.subject)
    db.execute(update(quota_cells).where(*_is(quota_cells, cell)).values(freed=c.freed + units))
    if row.lot:
        free_of_lot(db, row.subject, row.key, row.lot, units)


def credit(db: Connection, row: Row[Any], entry: str, units: int) -> tuple[int, int]:
    """Note that of what this entry used of a closed lease so much (a running total) was given back. Returns how much of
    that is new and can be credited, and how much cannot, because so much was not used."""
    c = quota_credits.c
    lease = {"gateway": row.gateway, "incarnation": row.incarnation, "number": row.number}
    mine = and_(*(c[name] == value for name, value in lease.items()), c.entry == entry)
    told, credited = db.execute(select(c.told, c.units).where(mine)).one_or_none() or (0, 0)
    if units <= told:
        return 0, 0
    new = units - told
    more = 0 if row.standing == FENCED else min(new, max(0, row.used - row.returned - row.credited))
    kept = {**lease, "entry": entry, "told": units, "units": credited + more}
    db.execute(upsert(db, quota_credits, "told", "units"), kept)
    return more, 0 if row.standing == FENCED else new - more


def others_open(db: Connection, cell: Key, gateway: str) -> bool:
    """Whether another gateway has some of this cell that it has not used, as far as it has told."""
    return db.execute(_idle(cell, gateway).limit(1)).first() is not None


def recall_others(db: Connection, cell: Key, gateway: str, holder: bool, now_ms: int) -> bool:
    """Ask the others for what they do not use. False: they all have been asked before."""
    c = quota_leases.c
    asked = _idle(cell, gateway).where(c.recall == 0).order_by((c.units - c.used).desc())
    rows = db.execute(asked if holder else asked.limit(MAX_RECALLED)).all()
    for row in rows:
        mine = and_(c.gateway == row.gateway, c.incarnation == row.incarnation, c.number == row.number)
        db.execute(update(quota_leases).where(mine).values(recall=UNTOLD, changed_ms=now_ms))
    return bool(rows)


def recalls_of(db: Connection, gateway: str, life: int) -> list[Recall]:
    """What a gateway has been asked for and not closed."""
    c = quota_leases.c
    mine = c.gateway == gateway, c.incarnation == life, c.standing == OPEN, c.recall > 0
    return [Recall(LeaseId(life, number)) for number in db.execute(select(c.number).where(*mine)).scalars()]


def take_untold(db: Connection, shards: Iterable[int]) -> list[tuple[str, Recall | Fence]]:
    """Recalls that nobody has sent to the gateways of these shards, and that their life was ended by an officer, once
    for each. They count as sent from now on, and are said again when such a gateway says hello."""
    c, boxes = quota_leases.c, quota_boxes.c
    due = c.recall == UNTOLD, c.shard.in_(list(shards)), c.standing.in_((OPEN, FENCED))
    asked = select(c.gateway, c.incarnation, c.number, c.standing).where(*due)
    rows = db.execute(asked.with_for_update(skip_locked=True)).all()
    for gateway, incarnation, number, _ in rows:
        mine = and_(c.gateway == gateway, c.incarnation == incarnation, c.number == number)
        db.execute(update(quota_leases).where(mine).values(recall=TOLD))
    fenced = sorted({row.gateway for row in rows if row.standing == FENCED})
    lives = select(boxes.gateway, boxes.incarnation).where(boxes.gateway.in_(fenced)).order_by(boxes.gateway)
    found: list[tuple[str, Recall | Fence]] = [(gateway, Fence(life)) for gateway, life in db.execute(lives).all()]
    found += [(row.gateway, Recall(LeaseId(row.incarnation, row.number))) for row in rows if row.standing == OPEN]
    return found


def _idle(cell: Key, gateway: str) -> Any:
    c = quota_leases.c
    asked = select(c.gateway, c.incarnation, c.number).where(*_is(quota_leases, cell))
    return asked.where(c.standing == OPEN, c.gateway != gateway, c.units > c.used - c.returned)


def _is(table: Any, cell: Key) -> tuple[Any, ...]:
    return table.c.key == cell.key, table.c.period == cell.period, table.c.subject == cell.subject
