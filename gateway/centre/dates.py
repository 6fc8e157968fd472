"""When stored entries happened, in UTC: by the rule of `gateway.wire.time`, from the anchors that the store has.

It is reckoned when entries are read, and nothing that is stored changes: so an anchor also dates what came here long
before it.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from gateway.centre.tables import entries, strands
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryKind, Stream
from gateway.wire.time import Timeline, anchors_in

_NO_ANCHORS = Timeline()
_TRUSTED = [quality.value for quality in ClockQuality if quality.trusted]


class Dates:
    """Lives as long as one reading of the store. A gateway's anchors are read once, at its first moment that cannot be
    dated without them, and kept in memory: one or two for each of its boots."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._timelines: dict[str, Timeline] = {}

    def utc_ms(self, gateway: str, at: Stamp) -> int | None:
        """When this moment of this gateway was, in ms since 1970 UTC; None when nobody can know. No gateway dates the
        entries of another one, whatever boot it names."""
        known = _NO_ANCHORS.utc_ms(at)
        return self._of(gateway).utc_ms(at) if known is None else known

    def _of(self, gateway: str) -> Timeline:
        found = self._timelines.get(gateway)
        if found is None:
            # By its strands: `entries` is found by gateway, epoch and stream.
            epochs = select(strands.c.epoch).where(strands.c.gateway == gateway, strands.c.stream == str(Stream.AUDIT))
            of = entries.c
            asked = select(of.body).where(of.gateway == gateway, of.epoch.in_(epochs), of.stream == str(Stream.AUDIT))
            asked = asked.where(of.kind == str(EntryKind.ANCHOR), of.body.is_not(None))
            bodies = self._db.execute(asked.order_by(of.epoch, of.seq)).scalars().all()
            found = self._timelines[gateway] = Timeline(anchors_in(bodies))
        return found


def may_be_between(since_ms: int, until_ms: int) -> ColumnElement[bool]:
    """For the database: what cannot have happened from `since_ms` on and before `until_ms` is not even read. A sieve,
    no answer: it lets through whatever needs anchors, and `Dates` decides."""
    of = entries.c
    return or_(of.quality.not_in(_TRUSTED), and_(of.wall_ms >= since_ms, of.wall_ms < until_ms))
