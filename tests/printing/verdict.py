"""What has to hold after a run, whatever went wrong in it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from drivers.contract.printer import DayReport, Outcome, Print, Result
from drivers.simulators.fiscal_model import Stage
from drivers.simulators.fiscal_paper import Document, Kind, VatSum
from tests.printing.allowed import reason
from tests.printing.prepared import Prepared
from tests.printing.rows import Row
from tests.printing.world import World


class Wrong(StrEnum):
    DOUBLE = "double"
    """More than one document on paper."""
    LIE = "lie"
    """Told otherwise than it is on paper."""
    PAPER = "paper"
    """Other lines, sums or payments than were asked for."""
    ORDER = "order"
    """A step on the wire before it was on disk."""
    FOREIGN = "foreign"
    """Somebody else's receipt was touched."""
    LEFT_OPEN = "left open"
    """The end is known, and a receipt is open on the device."""
    UNTOLD = "untold"
    """The gateway does not even know that it does not know."""
    UNKNOWN = "unknown"
    """Nobody can say how it ended, where somebody could."""


class Complaint(msgspec.Struct, frozen=True):
    wrong: Wrong
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """`ended`: the outcome, an unknown one with its code. `numbered`: the number on the paper is known, where there
    is one."""

    ended: str
    complaints: tuple[Complaint, ...]
    numbered: bool = True

    def has(self, wrong: Wrong) -> bool:
        return any(complaint.wrong is wrong for complaint in self.complaints)


def verdict(world: World, row: Row, before: Prepared) -> Verdict:
    """Of one work, after the gateway has done all it can."""
    papers = papers_of(world, row)
    found = [Complaint(Wrong(what.partition(":")[0]), what) for what in world.notes.complaints]
    if len(papers) > 1:
        found.append(Complaint(Wrong.DOUBLE, f"{len(papers)} documents: {', '.join(one.number for one in papers)}"))
    for told in row.told:
        if not is_true(told, len(papers)) and not _is_another_z(world, row, told):
            what = f"{told.outcome} ({told.code}) was told, {len(papers)} are on paper: {told.reason}"
            found.append(Complaint(Wrong.LIE, what))
    if row.outcome is None:
        return Verdict("untold", (*found, Complaint(Wrong.UNTOLD, "no outcome was ever stored")))
    begun = world.notes.begun[row.work.key] and world.case.hand != "resets it"  # which leaves no trace of it
    if row.outcome.outcome is Result.REFUSED and begun:
        found.append(Complaint(Wrong.LIE, "refused was told, and a receipt was begun"))
    if world.case.hand != "finishes ours":
        found += [Complaint(Wrong.PAPER, what) for paper in papers for what in differences(paper, before.document)]
    if row.outcome.outcome is Result.PRINTED and papers:
        found += _numbered(row, papers[0])
    if row.ended and world.device.stage is not Stage.IDLE and not world.foreign_open:
        found.append(Complaint(Wrong.LEFT_OPEN, f"the device is {world.device.stage}"))
    found += _others(world, before)
    if row.outcome.outcome is Result.UNKNOWN:
        if reason(world.case, row.outcome.code) is None:
            found.append(Complaint(Wrong.UNKNOWN, f"{len(papers)} are on paper: {row.outcome.reason}"))
        return Verdict(f"unknown {row.outcome.code}", tuple(found))
    numbered = row.outcome.outcome is not Result.PRINTED or not isinstance(row.work, Print) or bool(row.number)
    return Verdict(row.outcome.outcome.value, tuple(found), numbered)


def papers_of(world: World, row: Row) -> list[Document]:
    """What counts on paper of this work."""
    if isinstance(row.work, Print):
        return [paper for device in world.devices for paper in device.documents if is_of(paper, row.work.key)]
    return world.notes.made[row.work.key]


def is_of(paper: Document, key: str) -> bool:
    return paper.key == key and paper.fiscal


def is_true(told: Outcome, papers: int) -> bool:
    return told.outcome is Result.UNKNOWN or papers == (told.outcome is Result.PRINTED)


def _is_another_z(world: World, row: Row, told: Outcome) -> bool:
    """The device made a Z report by itself between the counters' reading and ours, which then never came: the day was
    ended once, and that report's number was told. No counter tells the two apart."""
    if not isinstance(row.work, DayReport) or world.notes.made[row.work.key]:
        return False
    by_itself = [paper for paper in world.device.documents if paper.kind is Kind.Z]
    return any(told.z_number.lstrip("0") == str(paper.z_number) for paper in by_itself[world.reports_before :])


def differences(paper: Document, asked: Document) -> list[str]:
    """Of sums and payments; a line of text may be there twice."""
    found = []
    if paper.kind not in (Kind.X, Kind.Z) and sums(paper) != sums(asked):
        found.append(f"{sums(paper)}, asked for was {sums(asked)}")
    if paid(paper) != paid(asked):
        found.append(f"paid {paper.payments}, asked for was {asked.payments}")
    return found


def sums(paper: Document) -> tuple[Kind, int, tuple[VatSum, ...]]:
    return paper.kind, paper.total_cents, paper.vat


def paid(paper: Document) -> Counter[str]:
    """By means, the change taken off the cash."""
    given: Counter[str] = Counter()
    for means, cents in paper.payments:
        given[means] += cents
    if paper.payments:
        given["cash"] -= sum(given.values()) - paper.total_cents
    return given


def _numbered(row: Row, paper: Document) -> list[Complaint]:
    outcome = row.outcome
    assert outcome is not None
    if paper.kind is Kind.Z and outcome.z_number and int(outcome.z_number) != paper.z_number:
        return [Complaint(Wrong.LIE, f"Z report {outcome.z_number} was told, {paper.z_number} is on paper")]
    if isinstance(row.work, Print) and row.number and int(row.number) != int(paper.number):
        return [Complaint(Wrong.LIE, f"number {row.number} was told, {paper.number} is on paper")]
    told = tuple(VatSum(one.letter, one.gross_cents, one.tax_cents) for one in outcome.vat)
    return [Complaint(Wrong.LIE, f"{told} was told, {paper.vat} is on paper")] if told not in ((), paper.vat) else []


def _others(world: World, before: Prepared) -> list[Complaint]:
    """Receipts that nobody asked for."""
    known = {*world.rows, *world.foreign}
    return [
        Complaint(Wrong.DOUBLE, f"receipt {paper.number} has the key {paper.key!r}")
        for device in world.devices
        for paper in device.documents[len(before.device.documents) if device is world.device else 0 :]
        if paper.fiscal and paper.key not in known
    ]
