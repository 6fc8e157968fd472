"""Held against each other: what receipts say that was used of a quota, and what the authority knows (I8).

Per gateway and cell: the units that the decisions of stored entries take, less those of voided ones, of what was given
back, and of receipts that the gateway's own printer has refused or cancelled, are the units of its leases that are in
use, with what it gave on trust and late. After all is told and closed they are the same.
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
from gateway.model.fiscal import PrintResult

PAGE = 1000
LATE_MS = 7 * 24 * 3600 * 1000
"""After the end of a period everything should have come. What is missing then is no longer on its way."""
_KINDS = (
    *(EntryKind.RECEIPT, EntryKind.ADMISSION, EntryKind.VOID),
    *(EntryKind.REFUND, EntryKind.FISCAL_OUTCOME),
)
_NOT_PRINTED = (PrintResult.REFUSED, PrintResult.CANCELLED)


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


class _Refund(msgspec.Struct):
    uses: list[Use] = []


class _Body(msgspec.Struct):
    """What of an entry's body matters here. `receipt` is an entry's name in a refund, a content elsewhere."""

    decision: _Decided | None = None
    identification: _Identified | None = None
    admission: int = 0
    epoch: str = ""
    passed: int = 0
    returned: list[Use] = []
    quote: str = ""
    receipt: Any = None
    refund: _Refund | None = None
    work: str = ""
    key: str = ""
    outcome: str = ""


_body = msgspec.json.Decoder(_Body)
Who = tuple[str, str]
Name = tuple[str, str, int]
"""Gateway, epoch and number of an entry of stream `receipt`."""
Work = tuple[str, str]
"""Gateway and key of a work of its printer."""


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
    books = _Books(key, period)
    for row in _entries(db):
        try:
            body = _body.decode(row.body) if row.body is not None else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        if body is None:
            books.erased[row.gateway] += row.kind != EntryKind.FISCAL_OUTCOME
        else:
            books.take((row.gateway, row.epoch, row.seq), row.kind, body)
    return books.used, books.erased


class _Books:
    """What entries, in the order of their arrival, say of one quota in one period."""

    def __init__(self, key: str, period: str) -> None:
        self._of = key, period
        self.used: Counter[Who] = Counter()
        self.erased: Counter[str] = Counter()
        self._taken: dict[Name, list[tuple[str, int]]] = {}
        self._printing: dict[Work, Name] = {}
        """Receipts by the work of a printer that they would be."""
        self._awaited: dict[Work, tuple[Name, list[Use]]] = {}
        """What comes back of which receipt when a work has been printed."""

    def take(self, name: Name, kind: str, body: _Body) -> None:
        gateway = name[0]
        if kind == EntryKind.VOID:
            self._void((gateway, body.epoch or name[1], body.admission), body)
        elif kind == EntryKind.REFUND:
            self._refund(gateway, body)
        elif kind == EntryKind.FISCAL_OUTCOME:
            self._ended((gateway, body.key), body)
        elif body.decision is not None:
            holder = body.identification.holder if body.identification is not None else ""
            taken = [(holder if use.holder else "", use.units) for use in self._mine(body.decision.uses)]
            for subject, units in taken:
                self.used[gateway, subject] += units
            if taken:
                self._taken[name] = taken
                self._printing[gateway, body.quote] = name

    def _mine(self, uses: list[Use]) -> list[Use]:
        return [use for use in uses if (use.key, use.period, use.card) == (*self._of, False)]

    def _void(self, name: Name, body: _Body) -> None:
        for subject, units in _given_back(body, self._taken.pop(name, []), *self._of):
            self.used[name[0], subject] -= units

    def _refund(self, gateway: str, body: _Body) -> None:
        parts = body.receipt.split("/") if isinstance(body.receipt, str) else []
        if body.refund is None or len(parts) != 4 or not parts[3].isdecimal():
            return
        of, uses = (gateway, parts[1], int(parts[3])), self._mine(body.refund.uses)
        if body.work:
            self._awaited[gateway, body.work] = of, uses
        else:
            self._back(of, uses)

    def _ended(self, work: Work, body: _Body) -> None:
        if body.outcome in _NOT_PRINTED and work in self._printing:
            for subject, units in self._taken.pop(self._printing.pop(work), []):
                self.used[work[0], subject] -= units
        elif body.outcome == PrintResult.PRINTED and work in self._awaited:
            self._back(*self._awaited.pop(work))

    def _back(self, name: Name, uses: list[Use]) -> None:
        """Never more than was taken."""
        taken = self._taken.get(name, [])
        for use in uses:
            for at, (subject, units) in enumerate(taken):
                if bool(subject) == use.holder:
                    back = min(units, use.units)
                    taken[at] = (subject, units - back)
                    self.used[name[0], subject] -= back


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
