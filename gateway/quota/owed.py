"""What the authority is owed, read from the tables: it is said until it is answered, and rebuilt at each connection."""

from __future__ import annotations

import msgspec

from gateway.quota.leases import Query, life_of
from gateway.wire.quota import Beyond, Cell, Close, HandOver, Hello, LeaseId, Report, Request, Said, Void, Want

MOST = 500
"""Messages of a sort at a time; the next ones follow when these are answered."""

Id = tuple[object, ...]


def owed(query: Query, *, greet: bool) -> dict[Id, Said]:
    """Messages by what they speak of: another content under the same id takes the place of the one before. `greet`:
    ask in any case which life this is."""
    life = life_of(query)
    if life is None:
        return {}
    found: dict[Id, Said] = {}
    for incarnation, message in query("SELECT incarnation, message FROM quota_handed", ()):
        found["handed", incarnation] = msgspec.json.decode(message, type=HandOver)
    if greet or not life.incarnation:
        found["hello",] = Hello(life.nonce, life.closings)
    found |= _beyond(query)
    if not life.incarnation:
        return found
    of = life.incarnation
    rows = query("SELECT number, key, period, subject, want, why FROM quota_request ORDER BY number LIMIT ?", (MOST,))
    floor = min([life.next, *(row[0] for row in rows)])
    for number, key, period, subject, want, why in rows:
        cell = Cell(key, period, subject)
        found["request", number] = Request(LeaseId(of, number), cell, want, Want(why), floor)
    sql = (
        "SELECT number, used, returned, last, closed FROM quota_lease WHERE closed=1"
        " OR (closed=0 AND (used>told_used OR returned>told_returned)) ORDER BY closed DESC, number LIMIT ?"
    )
    for number, used, returned, last, closed in query(sql, (MOST,)):
        kind = Close if closed else Report
        found["lease", number] = kind(LeaseId(of, number), used, returned, last or None)
    for number, entry, units in query("SELECT number, entry, units FROM quota_void WHERE units>told LIMIT ?", (MOST,)):
        found["void", number, entry] = Void(LeaseId(of, number), entry, units)
    return found


def _beyond(query: Query) -> dict[Id, Said]:
    sql = (
        "SELECT key, period, subject, incarnation, grace, over, grace_back, over_back FROM quota_beyond"
        " WHERE grace + over + grace_back + over_back > told LIMIT ?"
    )
    return {
        ("beyond", incarnation, key, period, subject): Beyond(incarnation, Cell(key, period, subject), *totals)
        for key, period, subject, incarnation, *totals in query(sql, (MOST,))
    }
