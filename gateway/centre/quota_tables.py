"""Tables of the quota authority. What never goes back: `freed`, `used`, `returned`, `credited` and the totals of cells
only rise; a lease leaves `open` once.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from gateway.centre.people_tables import Id
from gateway.centre.tables import Number, metadata


def _key(name: str, kind: object = Text) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)  # type: ignore[arg-type]


def _given(name: str, kind: object = Text) -> Column[object]:
    return Column(name, kind, nullable=False)  # type: ignore[arg-type]


def _cell() -> tuple[Column[object], ...]:
    return _given("key"), _given("period"), _given("subject", Id)


# `limit_units`: as it was at the newest grant. Granted minus freed never passes it.
quota_cells = Table(
    "quota_cells",
    metadata,
    _key("key"),
    _key("period"),
    _key("subject", Id),
    _given("unit"),
    _given("limit_units", Number),
    _given("granted", Number),
    _given("freed", Number),
    _given("end_ms", Number),
    sqlite_with_rowid=False,
)
# Every request of a life that is to be answered the same way again. `standing`: open, closed, denied, fenced.
# `recall`: 0 none, 1 to be told, 2 told; of a fenced one: that its life was ended.
quota_leases = Table(
    "quota_leases",
    metadata,
    _key("gateway"),
    _key("incarnation", Number),
    _key("number", Number),
    _given("shard", Number),
    *_cell(),
    _given("lot"),
    _given("units", Number),
    _given("base", Number),
    _given("stop_ms", Number),
    _given("elsewhere", Integer),
    _given("used", Number),
    _given("returned", Number),
    _given("credited", Number),
    _given("standing"),
    _given("why"),
    _given("last"),
    _given("recall", Integer),
    _given("made_ms", Number),
    _given("changed_ms", Number),
    sqlite_with_rowid=False,
)
quota_leases_of_cell = Index("quota_leases_of_cell", quota_leases.c.key, quota_leases.c.period, quota_leases.c.subject)
quota_leases_recalled = Index("quota_leases_recalled", quota_leases.c.recall, quota_leases.c.shard)
# The present life of each gateway, the number of its lives, and below which number it waits for no answer.
quota_boxes = Table(
    "quota_boxes",
    metadata,
    _key("gateway"),
    _given("incarnation", Number),
    _given("floor", Number),
    _given("open", Number),
    sqlite_with_rowid=False,
)
quota_lives = Table(
    "quota_lives",
    metadata,
    _key("gateway"),
    _key("nonce"),
    _given("incarnation", Number),
    _given("closings", Number),
    _given("at_ms", Number),
    sqlite_with_rowid=False,
)
quota_credits = Table(
    "quota_credits",
    metadata,
    _key("gateway"),
    _key("incarnation", Number),
    _key("number", Number),
    _key("entry"),
    _given("told", Number),
    _given("units", Number),
    sqlite_with_rowid=False,
)
quota_beyond = Table(
    "quota_beyond",
    metadata,
    _key("key"),
    _key("period"),
    _key("subject", Id),
    _key("gateway"),
    _key("incarnation", Number),
    _given("grace", Number),
    _given("over", Number),
    _given("grace_back", Number),
    _given("over_back", Number),
    _given("at_ms", Number),
    sqlite_with_rowid=False,
)
# What holders have bought. `expires_ms` 0: never.
quota_lots = Table(
    "quota_lots",
    metadata,
    _key("holder", Id),
    _key("key"),
    _key("lot"),
    _given("units", Number),
    _given("expires_ms", Number),
    _given("granted", Number),
    _given("freed", Number),
    _given("at_ms", Number),
    sqlite_with_rowid=False,
)

QUOTAS = (quota_cells, quota_leases, quota_boxes, quota_lives, quota_credits, quota_beyond, quota_lots)
