"""Quotas as people look at them: which are prepaid, what of each cell is out and who holds it. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, func, select, tuple_

from gateway.centre.quota_rows import FENCED, OPEN
from gateway.centre.quota_tables import quota_cells, quota_leases
from gateway.centre.shelf import EVERYONE
from gateway.centre.tables import bundle_chunks, bundles
from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.read import load
from gateway.wire.bundle import BundleKind
from gateway.wire.quota import Key

PAGE = 200
"""Cells whose leases are asked for at once."""


class Holding(msgspec.Struct, frozen=True):
    """What a gateway has of a cell in open leases: units in all, and of these used and not given back, as far as it has
    told."""

    gateway: str
    leases: int
    units: int
    used: int


class CellRow(msgspec.Struct, frozen=True):
    """A cell (docs/centre.md, What of a quota is out). `limit` is that of the newest grant. `granted` minus `freed`
    is out. `used`: of all its leases, as far as gateways have told; `fenced`: units of lives that were ended, which
    were not told to be used, and which nobody gets any more. `subject` empty: everybody; `end_ms` 0: never."""

    key: str
    period: str
    subject: str
    unit: str
    limit: int
    granted: int
    freed: int
    used: int
    fenced: int
    end_ms: int
    open: tuple[Holding, ...]


def prepaid_keys(db: Connection) -> frozenset[str] | None:
    """Quotas that the newest published rules of any gateway name as prepaid; None when no rules are published."""
    newest = select(bundles.c.target, func.max(bundles.c.number)).group_by(bundles.c.target)
    newest = newest.where(bundles.c.kind == BundleKind.RULES.value, bundles.c.base == 0, bundles.c.size > 0)
    numbers: dict[str, int] = {row[0]: row[1] for row in db.execute(newest)}
    if not numbers:
        return None
    # A gateway has the newer one of its own rules and everybody's.
    living = {target: number for target, number in numbers.items() if number >= numbers.get(EVERYONE, 0)}
    found: set[str] = set()
    for target, number in living.items():
        for rule in _rules(db, target, number).rules:
            quotas = rule.quota if rule.quota is not UNSET else ()
            found |= {quota.key for quota in quotas if quota.source == "prepaid"}
    return frozenset(found)


def is_leased(db: Connection, key: str, period: str) -> bool:
    """Whether any gateway ever leased some of this quota in this period, as far as that is still known."""
    c = quota_cells.c
    return db.execute(select(c.key).where(c.key == key, c.period == period).limit(1)).first() is not None


def cells(db: Connection, holder: str | None, key: str | None, limit: int) -> list[CellRow]:
    """Cells (of this holder, of this quota) by quota, period and holder; at most so many."""
    c = quota_cells.c
    asked = select(c.key, c.period, c.subject, c.unit, c.limit_units, c.granted, c.freed, c.end_ms)
    for column, wanted in ((c.subject, holder), (c.key, key)):
        if wanted is not None:
            asked = asked.where(column == wanted)
    rows = db.execute(asked.order_by(c.key, c.period, c.subject).limit(limit)).all()
    return [row for at in range(0, len(rows), PAGE) for row in _with_leases(db, rows[at : at + PAGE])]


def _with_leases(db: Connection, page: Sequence[Any]) -> Iterator[CellRow]:
    of = quota_leases.c
    names = [Key(*row[:3]) for row in page]
    net = of.used - of.returned - of.credited
    asked = select(
        of.key, of.period, of.subject, of.gateway, of.standing, func.count(), func.sum(of.units), func.sum(net)
    )
    asked = asked.where(tuple_(of.key, of.period, of.subject).in_(names), of.standing != "denied")
    asked = asked.group_by(of.key, of.period, of.subject, of.gateway, of.standing).order_by(of.gateway)
    used: defaultdict[Key, int] = defaultdict(int)
    fenced: defaultdict[Key, int] = defaultdict(int)
    held: defaultdict[Key, list[Holding]] = defaultdict(list)
    for key, period, subject, gateway, standing, count, units, net_used in db.execute(asked):
        cell = Key(key, period, subject)
        used[cell] += int(net_used)
        if standing == FENCED:
            fenced[cell] += int(units) - int(net_used)
        if standing == OPEN:
            held[cell].append(Holding(gateway, int(count), int(units), int(net_used)))
    for name, (_, _, _, unit, limit, granted, freed, end_ms) in zip(names, page, strict=True):
        yield CellRow(*name, unit, limit, granted, freed, used[name], fenced[name], end_ms, tuple(held[name]))


def _rules(db: Connection, target: str, number: int) -> RulesContent:
    mine = bundles.c.kind == BundleKind.RULES.value, bundles.c.target == target, bundles.c.number == number
    sha256 = db.execute(select(bundles.c.sha256).where(*mine, bundles.c.base == 0)).scalar_one()
    parts = select(bundle_chunks.c.data).where(bundle_chunks.c.sha256 == sha256).order_by(bundle_chunks.c.part)
    try:
        return load(b"".join(db.execute(parts).scalars()))
    except InputRefused:
        return RulesContent(schema=1, rules=())  # No gateway takes it either.
