"""Units of quotas: told against the limits, against the receipts, and against what the authority knows. Pure; from
outside."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.model.decision import QuotaUnit
from gateway.model.entry import EntryKind
from tests.faults.count import StoredEntry
from tests.faults.pos import Told
from tests.faults.quota_town import Limit

NOBODY = "?"
"""Whose a unit was that was told with a receipt that is not there."""


class Cell(NamedTuple):
    """What is counted together. `subject` is a holder, or empty for everybody."""

    key: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.key} of {self.subject or 'everybody'}"


Where = tuple[str, Cell]
"""A gateway's cell."""


class Books(NamedTuple):
    """The authority's. `out`: granted and not freed, which is `leased`: open leases whole, closed ones as far as they
    were used, those of lives that are over whole; `known`: in use, of leases of the present lives and of what was
    given beyond any lease; `fenced`: whole leases of lives that are over."""

    out: Mapping[Cell, int]
    leased: Mapping[Cell, int]
    known: Mapping[Where, int]
    fenced: Mapping[Where, int]


class Units(NamedTuple):
    """A sentence for each cell that is overspent, for each unit that was given and is unknown. `told`: by quota."""

    overspent: tuple[str, ...]
    unknown: tuple[str, ...]
    told: Counter[str]
    cells: Counter[Cell]
    """Units that were given of each cell: told, or (where nobody was told yet) stored."""


def count_units(
    told: Sequence[Told], stored: Sequence[StoredEntry], books: Books, limits: Mapping[str, Limit]
) -> Units:
    """Overspent: more units of a cell were told than its limit, or stand in receipts, or are granted and not freed.
    Unknown: a receipt takes less of a quota than what its POS was told to give; a gateway's receipts take more of a
    cell than the authority knows, or less and no life of the gateway is over; units of
    a cell are out and in no lease, or the other way round."""
    by_key = {(entry.id, str(entry.body.get("key"))): entry for entry in _receipts(stored)}
    in_receipts: Counter[Where] = Counter()
    for receipt in by_key.values():
        for cell, units in _uses(receipt).items():
            in_receipts[receipt.gateway, cell] += units
    told_units: Counter[Cell] = Counter()
    unknown: list[str] = []
    for each in {each.key: each for each in told}.values():
        entry = by_key.get((each.entry, each.key))
        for key, units in gave(each, limits).items():
            cell = _cell(entry, key, limits)
            told_units[cell] += units
            recorded = _uses(entry).get(cell, 0) if entry is not None else units
            if units != recorded:
                unknown.append(f"{each.key} was told {units} of {cell}, its receipt takes {recorded}")
    given: Counter[Cell] = Counter()
    for (_, cell), units in in_receipts.items():
        given[cell] += units
    given |= told_units
    by_quota: Counter[str] = Counter()
    for cell, units in told_units.items():
        by_quota[cell.key] += units
    unknown += [*_unknown(in_receipts, books), *_nowhere(books)]
    return Units(tuple(_overspent(given, books, limits)), tuple(unknown), by_quota, given)


def gave(told: Told, limits: Mapping[str, Limit]) -> dict[str, int]:
    """Units of each quota that the POS was told to give with this receipt: a use, or the cents."""
    return {
        key: 1 if limits[key].unit is QuotaUnit.USES else cents for key, cents in told.gave.items() if key in limits
    }


def books_of(store: str) -> Books:
    """What stands in a centre's SQLite store."""
    db = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        db.execute("BEGIN")  # One moment: a lease may be closed meanwhile.
        out = {
            Cell(key, subject): units
            for key, subject, units in db.execute("SELECT key, subject, granted - freed FROM quota_cells")
        }
        leased: Counter[Cell] = Counter()
        known: Counter[Where] = Counter()
        fenced: Counter[Where] = Counter()
        leases = "SELECT gateway, key, subject, standing, units, used - returned - credited FROM quota_leases"
        for gateway, key, subject, standing, units, used in db.execute(leases):
            cell = Cell(key, subject)
            leased[cell] += used if standing == "closed" else units
            if standing == "fenced":
                fenced[gateway, cell] += units
            elif standing != "denied":
                known[gateway, cell] += used
        beyond = "SELECT gateway, key, subject, grace + over - grace_back - over_back FROM quota_beyond"
        for gateway, key, subject, units in db.execute(beyond):
            known[gateway, Cell(key, subject)] += units
    finally:
        db.close()
    return Books(out, leased, known, fenced)


def _overspent(given: Mapping[Cell, int], books: Books, limits: Mapping[str, Limit]) -> Iterator[str]:
    for what, cells in (("given", given), ("granted", books.out)):
        for cell, units in sorted(cells.items()):
            if units > limits[cell.key].units:
                yield f"overspent: {units} {what} of {cell}, of {limits[cell.key].units} that there are"


def _unknown(in_receipts: Mapping[Where, int], books: Books) -> Iterator[str]:
    for where in sorted({*in_receipts, *books.known, *books.fenced}):
        gateway, cell = where
        used, known, fenced = in_receipts.get(where, 0), books.known.get(where, 0), books.fenced.get(where, 0)
        if not (known <= used <= known + fenced if fenced else used == known):
            yield f"{gateway}'s receipts take {used} of {cell}, and the authority knows of {known} to {known + fenced}"


def _nowhere(books: Books) -> Iterator[str]:
    for cell in sorted({*books.out, *books.leased}):
        out, leased = books.out.get(cell, 0), books.leased.get(cell, 0)
        if out != leased:
            yield f"{out} of {cell} are out, and leases have {leased}"


def _receipts(stored: Sequence[StoredEntry]) -> list[StoredEntry]:
    return [entry for entry in stored if entry.kind == EntryKind.RECEIPT and entry.body]


def _uses(entry: StoredEntry) -> dict[Cell, int]:
    holder = (entry.body.get("identification") or {}).get("holder", "")
    uses = entry.body.get("decision", {}).get("uses", ())
    return {Cell(use["key"], holder if use.get("holder", True) else ""): use["units"] for use in uses}


def _cell(entry: StoredEntry | None, key: str, limits: Mapping[str, Limit]) -> Cell:
    """Whose cell: uses are a holder's, who is named by the receipt; cents are everybody's."""
    if limits[key].unit is not QuotaUnit.USES:
        return Cell(key)
    holder = (entry.body.get("identification") or {}).get("holder") if entry is not None else None
    return Cell(key, holder or NOBODY)
