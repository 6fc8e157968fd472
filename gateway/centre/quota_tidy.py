"""What the quota authority need not know any more: cells whose period ended long ago, with all that hangs on them."""

from __future__ import annotations

from sqlalchemy import Connection, select, tuple_

from gateway.centre.quota_tables import quota_beyond, quota_cells, quota_credits, quota_leases

KEPT_MS = 400 * 24 * 3600 * 1000
"""After the end of a period. Cells without an end stay."""
MOST = 200
"""Cells in one transaction."""


def tidy(db: Connection, now_ms: int) -> int:
    """Let some of it go; how many cells. The caller asks again until there are none."""
    c, leases, credits = quota_cells.c, quota_leases.c, quota_credits.c
    old = select(c.key, c.period, c.subject).where(c.end_ms > 0, c.end_ms < now_ms - KEPT_MS).limit(MOST)
    cells = [tuple(row) for row in db.execute(old).all()]
    if not cells:
        return 0
    gone = tuple_(leases.key, leases.period, leases.subject).in_(cells)
    named = select(leases.gateway, leases.incarnation, leases.number).where(gone)
    db.execute(quota_credits.delete().where(tuple_(credits.gateway, credits.incarnation, credits.number).in_(named)))
    db.execute(quota_leases.delete().where(gone))
    beyond = quota_beyond.c
    db.execute(quota_beyond.delete().where(tuple_(beyond.key, beyond.period, beyond.subject).in_(cells)))
    db.execute(quota_cells.delete().where(tuple_(c.key, c.period, c.subject).in_(cells)))
    return len(cells)
