"""What a gateway says of quotas beside its leases: which life it is in, and what it gave without a lease."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from gateway.centre.quota_limits import Limits
from gateway.centre.quota_tables import quota_beyond, quota_lives
from gateway.centre.sql import insert
from gateway.wire.quota import Beyond, Counted, Hello

MAX_BEYOND = 20_000
"""Cells of which one gateway says that it gave without a lease."""
LIVES_KEPT = 100
"""Of one gateway. A hello of an older one that still comes would begin another life, and cost the present one its
leases."""
TOTALS = ("grace", "over", "grace_back", "over_back")


def count_beyond(db: Connection, limits: Limits, gateway: str, said: Beyond, life: int, now_ms: int) -> bool:
    """Keep the greatest of each total. False: it is of no quota that there is, of a life that there was not, or one too
    many; nothing is kept."""
    c = quota_beyond.c
    if said.incarnation > life or not limits.names(db, gateway, said.cell.key):
        return False
    count = select(func.count()).select_from(quota_beyond).where(c.gateway == gateway)
    if db.execute(count).scalar_one() >= MAX_BEYOND:
        return False
    row = {**said.cell.by._asdict(), "gateway": gateway, "incarnation": said.incarnation, "at_ms": now_ms}
    statement = insert(db, quota_beyond)
    most = func.max if db.dialect.name == "sqlite" else func.greatest
    kept = {name: most(c[name], statement.excluded[name]) for name in TOTALS}
    keys = [c.key, c.period, c.subject, c.gateway, c.incarnation]
    db.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=kept),
        {**row, **{name: getattr(said, name) for name in TOTALS}},
    )
    return True


def life_of(db: Connection, gateway: str, said: Hello) -> tuple[int, int]:
    """The number of the life of this nonce (0: not heard of before), and how many leases it has told to be closed."""
    c = quota_lives.c
    mine = c.gateway == gateway, c.nonce == said.nonce
    number, closings = db.execute(select(c.incarnation, c.closings).where(*mine)).one_or_none() or (0, 0)
    if number and said.closings > closings:
        closings = said.closings
        db.execute(update(quota_lives).where(*mine).values(closings=closings))
    return number, closings


def keep_life(db: Connection, gateway: str, said: Hello, number: int, now_ms: int) -> None:
    """A life begins with this hello."""
    row = {"gateway": gateway, "nonce": said.nonce, "incarnation": number, "closings": said.closings}
    db.execute(quota_lives.insert(), {**row, "at_ms": now_ms})
    c = quota_lives.c
    db.execute(quota_lives.delete().where(c.gateway == gateway, c.incarnation <= number - LIVES_KEPT))


def counted(said: Beyond) -> Counted:
    """The answer: so much is known, whatever became of it."""
    return Counted(said.incarnation, said.cell, said.grace, said.over, said.grace_back, said.over_back)
