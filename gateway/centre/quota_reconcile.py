"""Held against each other: what receipts say that was used of a quota, and what the authority knows (I8).

Per gateway and cell: the units that the decisions of stored entries take, less those of voided ones, are the units of
its leases that are in use, with what it gave on trust and late. After all is told and closed they are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from gateway.centre.quota_tables import quota_beyond, quota_cells, quota_leases
from gateway.centre.tables import entries
from gateway.model.decision import Use
from gateway.model.entry import EntryKind, Stream

PAGE = 1000
LATE_MS = 7 * 24 * 3600 * 1000
"""After the end of a period everything should have come. What is missing then is no longer on its way."""
_KINDS = (EntryKind.RECEIPT, EntryKind.ADMISSION, EntryKind.VOID)


class Difference(msgspec.Struct, frozen=True):
    """A gateway's cell that does not come out. `used` by its entries, `known` by its leases and what it told beyond
    them. `open`: leases that are not closed, which still may be told about; `fenced`: units that count as used because
    nobody knows; `erased`: entries of this gateway without their content, which cannot be counted."""

    gateway: str
    subject: str
    used: int
    known: int
    open: int = 0
    fenced: int = 0
    erased: int = 0

    @property
    def alarming(self) -> bool:
        """More was used than the authority can know of: an I2 or I5 is broken, or a card was copied."""
        return self.used > self.known + self.fenced


class _Decided(msgspec.Struct):
    uses: list[Use] = []


class _Identified(msgspec.Struct):
    holder: str = ""


class _Body(msgspec.Struct):
    """What of an entry's body matters here."""

    decision: _Decided | None = None
    identification: _Identified | None = None
    admission: int = 0
    epoch: str = ""
    passed: int = 0
    returned: list[Use] = []


_body = msgspec.json.Decoder(_Body)
Who = tuple[str, str]


def reconcile(db: Connection, key: str, period: str, now_ms: int) -> list[Difference]:
    """What does not come out of this quota in this period. Reads all receipts that are stored: not in a hurry."""
    used, erased = _of_entries(db, key, period)
    known, fenced, unclosed = _of_leases(db, key, period)
    ended = [end for end in db.execute(_ends(key, period)).scalars() if end]
    settled = bool(ended) and max(ended) + LATE_MS < now_ms
    found = []
    for who in sorted({*used, *known, *fenced}):
        one = Difference(*who, used[who], known[who], unclosed[who], fenced[who], erased[who[0]])
        if one.alarming or (settled and not fenced[who] and used[who] != known[who] and not erased[who[0]]):
            found.append(one)
    return found


def _of_leases(db: Connection, key: str, period: str) -> tuple[Counter[Who], Counter[Who], Counter[Who]]:
    known: Counter[Who] = Counter()
    fenced: Counter[Who] = Counter()
    unclosed: Counter[Who] = Counter()
    c = quota_leases.c
    for row in db.execute(select(quota_leases).where(c.key == key, c.period == period)).all():
        who = row.gateway, row.subject
        match row.standing:
            case "fenced":
                fenced[who] += row.units
            case "open":
                known[who] += row.used - row.returned
                unclosed[who] += 1
            case "closed":
                known[who] += row.used - row.returned - row.credited
    b = quota_beyond.c
    for row in db.execute(select(quota_beyond).where(b.key == key, b.period == period)).all():
        known[row.gateway, row.subject] += row.grace + row.over - row.grace_back - row.over_back
    return known, fenced, unclosed


def _of_entries(db: Connection, key: str, period: str) -> tuple[Counter[Who], Counter[str]]:
    used: Counter[Who] = Counter()
    erased: Counter[str] = Counter()
    admitted: dict[tuple[str, str, int], list[tuple[str, int]]] = {}
    for row in _entries(db):
        try:
            body = _body.decode(row.body) if row.body is not None else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        if body is None:
            erased[row.gateway] += 1
        elif row.kind == EntryKind.VOID:
            taken = admitted.pop((row.gateway, body.epoch or row.epoch, body.admission), [])
            for subject, units in _given_back(body, taken, key, period):
                used[row.gateway, subject] -= units
        elif body.decision is not None:
            holder = body.identification.holder if body.identification is not None else ""
            mine = [use for use in body.decision.uses if (use.key, use.period, use.card) == (key, period, False)]
            taken = [(holder if use.holder else "", use.units) for use in mine]
            for subject, units in taken:
                used[row.gateway, subject] += units
            if taken:
                admitted[row.gateway, row.epoch, row.seq] = taken
    return used, erased


def _given_back(body: _Body, taken: list[tuple[str, int]], key: str, period: str) -> Iterator[tuple[str, int]]:
    """What a void gives back of what its admission took: all of it, or, when some of a group have passed, so much as it
    says, and never more than was taken."""
    rest = sum(use.units for use in body.returned if (use.key, use.period) == (key, period))
    for subject, units in taken:
        back = min(units, rest) if body.passed else units
        rest -= back
        yield subject, back


def _entries(db: Connection) -> Iterator[Any]:
    c = entries.c
    after = 0
    asked = select(c.arrival, c.gateway, c.epoch, c.seq, c.kind, c.body).where(
        c.stream == Stream.RECEIPT.value, c.kind.in_([kind.value for kind in _KINDS])
    )
    while rows := db.execute(asked.where(c.arrival > after).order_by(c.arrival).limit(PAGE)).all():
        yield from rows
        after = rows[-1].arrival


def _ends(key: str, period: str) -> Select[Any]:
    c = quota_cells.c
    return select(c.end_ms).where(c.key == key, c.period == period)
