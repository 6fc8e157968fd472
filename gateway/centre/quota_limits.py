"""How much there is of a quota, and what a lease of it should be: from the newest published rules of a gateway, from
what a holder has bought, and by policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, select

from gateway.centre import shelf
from gateway.centre.tables import bundle_chunks, bundles
from gateway.model.decision import QuotaUnit
from gateway.model.errors import InputRefused
from gateway.rules.compiled import Counted
from gateway.rules.document import Quota
from gateway.rules.periods import Period, period_of
from gateway.rules.read import load
from gateway.wire.bundle import BundleKind
from gateway.wire.quota import Cell, Denial

HOLDER_UNITS = 2
"""Uses or pieces of a holder's cell in one lease: of 1 to 5 these two or three keep most people from being refused for
nothing (docs/quotas.md)."""
MONEY_PARTS = 8
"""Of a holder's budget in cents one lease is an eighth."""
LEASE_MS = 35 * 24 * 3600 * 1000
"""A lease that its gateway has not renewed for so long may not be used any more; that frees nothing."""
_DAY = timedelta(1)


class Terms(msgspec.Struct, frozen=True):
    """A quota in one period: how much there is of it, until when. `prepaid`: what was bought counts, not `limit`."""

    unit: QuotaUnit
    limit: int
    end_ms: int
    holder: bool
    prepaid: bool = False


class Limits:
    """Reads the rules that are published; of each document its quotas are remembered. For one thread."""

    def __init__(self, zone: str = "UTC") -> None:
        self._zone: tzinfo = ZoneInfo(zone)
        self._known: dict[str, Mapping[str, Quota]] = {}

    def terms(self, db: Connection, gateway: str, cell: Cell, now_ms: int) -> Terms | Denial:
        """Of this cell by the newest rules that are published for this gateway; what a card holds is never leased. A
        period counts from the day before it begins to the day after its end: two clocks never agree on midnight."""
        quota = self._quotas(db, gateway).get(cell.key)
        if quota is None or quota.source == "card" or (quota.per == "holder") != bool(cell.subject):
            return Denial.NO_QUOTA
        counted = _counted(quota)
        today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).date()
        for day in (today, today + _DAY, today - _DAY):
            period = period_of(counted, day)
            if period.name == cell.period:
                return Terms(
                    counted.unit, period.limit, self._end_ms(period), counted.holder, prepaid=quota.source == "prepaid"
                )
        return Denial.NOT_NOW

    def names(self, db: Connection, gateway: str, key: str) -> bool:
        """Whether the rules for this gateway name this quota."""
        return key in self._quotas(db, gateway)

    def _end_ms(self, period: Period) -> int:
        """Midnight after the period's last day, 0 for a period without end."""
        if period.last is None:
            return 0
        midnight = datetime.combine(_after(period.last), time(), self._zone)
        return int(midnight.timestamp() * 1000)

    def _quotas(self, db: Connection, gateway: str) -> Mapping[str, Quota]:
        asked = select(bundles.c.sha256).where(
            bundles.c.kind == BundleKind.RULES.value,
            bundles.c.base == 0,
            bundles.c.target.in_((gateway, shelf.EVERYONE)),
        )
        sha256 = db.execute(asked.order_by(bundles.c.number.desc()).limit(1)).scalar()
        if not sha256:
            return {}
        if sha256 not in self._known:
            parts = select(bundle_chunks.c.data).where(bundle_chunks.c.sha256 == sha256)
            content = b"".join(db.execute(parts.order_by(bundle_chunks.c.part)).scalars())
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[sha256] = _quotas_in(content)
        return self._known[sha256]


_KEPT = 64
"""Documents whose quotas are remembered."""


def size(terms: Terms, want: int, rest: int, gateways: int) -> int:
    """Units of one lease. A holder's: two uses, or an eighth of a budget, so that a gateway that falls silent keeps
    little from them. Everybody's: a share that shrinks with the rest, so that no gateway takes the end of it away."""
    if not terms.holder:
        share = max(1, rest // (2 * max(1, gateways)))
    elif terms.unit is QuotaUnit.CENTS:
        share = max(1, terms.limit // MONEY_PARTS)
    else:
        share = HOLDER_UNITS
    return max(0, min(rest, max(want, share)))


def _quotas_in(content: bytes) -> Mapping[str, Quota]:
    try:
        document = load(content)
    except InputRefused:
        return {}  # No gateway takes it either.
    return {
        quota.key: quota for rule in document.rules if rule.quota is not UNSET for quota in rule.quota
    }  # Rules that share a key count alike; the check of the document sees to that.


def _counted(quota: Quota) -> Counted:
    carry = quota.carry
    return Counted(
        key=quota.key,
        unit=QuotaUnit(quota.unit),
        limit=quota.limit if quota.limit is not UNSET else 0,
        period=quota.period,
        holder=quota.per == "holder",
        cut=False,
        first=carry.first.toordinal() if carry is not UNSET else 0,
        until=carry.until.toordinal() if carry is not UNSET else 0,
    )


def _after(day: date) -> date:
    return day + _DAY
