"""Whether a gateway was ever heard of. What an officer orders is for one that was: a slip of the pen would otherwise be
kept, be answered with "ok", and never reach anybody."""

from __future__ import annotations

from sqlalchemy import Connection, select

from gateway.centre.quota_tables import quota_boxes
from gateway.centre.tables import gateways
from gateway.model.errors import NotFound


def is_online(db: Connection, gateway: str) -> bool:
    """Whether it is online, of one that has said anything: its birth, or a word about quotas (whose birth may have been
    lost). Raises `NotFound` (`gateway_unknown`)."""
    online = db.execute(select(gateways.c.online).where(gateways.c.gateway == gateway)).scalar()
    if online is None and not _is_counted(db, gateway):
        advice = "`smartplace centre gateways` lists those that were"
        raise NotFound("no gateway of this id was ever heard of", advice, where=gateway, code="gateway_unknown")
    return bool(online)


def _is_counted(db: Connection, gateway: str) -> bool:
    asked = select(quota_boxes.c.gateway).where(quota_boxes.c.gateway == gateway)
    return db.execute(asked).first() is not None
