"""A till's own fiscal printer: what a sale is on paper, and how its answer is amended when the printing has ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from gateway.config.types import OnPaper, TillStation
from gateway.fiscal import paper
from gateway.fiscal.journal import SELLS
from gateway.fiscal.rows import FiscalBegun, WorkRow
from gateway.ledger.effects import Effect
from gateway.model.clock import Stamp
from gateway.model.decision import Decision
from gateway.model.entry import EntryId, entry_name
from gateway.model.errors import InputRefused, NotReady
from gateway.model.fiscal import Payment, PrintOutcome, PrintResult, Reversal, Tender
from gateway.model.identification import Identification
from gateway.model.receipt import Receipt
from gateway.model.refund import Refund
from gateway.model.shown import Show
from gateway.stations.answers import Asked
from gateway.stations.refund_words import RefundAnswer
from gateway.stations.sales import Back, NotBack, OffPaper, Sold, id_of
from gateway.stations.services import Services
from gateway.stations.till_reports import Reports
from gateway.stations.till_words import CannotPrint, CommitAnswer, Fiscal

ANSWERS: dict[str, type[CommitAnswer] | type[RefundAnswer]] = {"receipt": CommitAnswer, "reversal": RefundAnswer}
"""Kinds of works with what was answered to who asked for one."""


class Printing:
    """Prints receipts of one till. `start` before anything else."""

    def __init__(self, section: TillStation, device: str, services: Services) -> None:
        self._station = section.id
        self._device = device
        self._services = services
        self._how = paper.How({party: Payment(means) for party, means in section.payer_means.items()})
        self._on_paper = section.on_paper
        self.reports = Reports(section.id, device, services, section.z_at or "")

    async def start(self) -> None:
        """Ends what a crash interrupted: see `Printers.own`."""
        await self._services.printers.own(self._station, self, (self._device,))
        self._services.printers.on_attention.append(self._attention)
        self._services.each_minute.append(self.reports.tick)

    def hindrance(self, receipt: Receipt, decision: Decision) -> CannotPrint | None:
        """Why this decision could not be printed here now, for a quote; the POS may print it all the same."""
        try:
            self._services.printers.check(self._device)
            paper.check(receipt, decision, self._services.printers.description(self._device), self._how)
        except (InputRefused, NotReady) as error:
            return CannotPrint(error.code, f"{error.where}: {error.what}" if error.where else error.what, error.advice)
        return None

    def begun(
        self,
        key: str,
        receipt: Receipt,
        decision: Decision,
        paid: Sequence[Tender],
        asked: Asked,
        who: Identification | None = None,
    ) -> FiscalBegun:
        """The effect that begins a sale's printing. Raises `NotReady` while the printer cannot be reached or a work on
        it is in doubt, `InputRefused` for what cannot stand on its paper: nothing is recorded then."""
        self._services.printers.check(self._device)
        device = self._services.printers.description(self._device)
        work = paper.sale(key, receipt, decision, paid, device, self._how, self._notes(decision, who))
        return FiscalBegun(work, self._device, self._station, asked.key)

    def begun_refund(self, key: str, sold: Sold, back: Refund, original: Reversal, asked: Asked) -> FiscalBegun:
        """The effect that begins the printing of a refund's receipt. Raises as `begun` does."""
        self._services.printers.check(self._device)
        device = self._services.printers.description(self._device)
        receipt = sold.body.receipt
        work = paper.refund(key, receipt, back, original, Payment(receipt.means), device, self._how)
        return FiscalBegun(work, self._device, self._station, asked.key)

    def _notes(self, decision: Decision, who: Identification | None) -> list[str]:
        """Lines at the foot, where the configuration asks for them: never a card's number, only its mark."""
        notes = []
        if OnPaper.MARK in self._on_paper and who is not None and who.credential is not None:
            notes.append(f"{who.credential.kind} {who.credential.digest[:6]}")
        if OnPaper.BENEFITS in self._on_paper:
            notes += self._services.benefits.titles(decision)
        return notes

    # As an owner of works --------------------------------------------------------------------------------

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        amend = AmendFiscal(row.answer, fiscal(outcome))
        answer = ANSWERS.get(row.kind)
        stored = self._services.ledger.query("SELECT body FROM answer WHERE key=?", (row.answer,))
        if answer is None or not stored or outcome.result is PrintResult.UNKNOWN:
            return (amend,)
        printed = outcome.result is PrintResult.PRINTED
        return (amend, *self._follows(msgspec.json.decode(stored[0][0], type=answer), printed=printed))

    def _follows(self, answer: CommitAnswer | RefundAnswer, *, printed: bool) -> list[Effect]:
        """What was not printed did not take place: units of quotas are free again with the word of it, and what was to
        be given back is not. What was given back is so with the paper."""
        deciding, entry = self._services.deciding, id_of(answer.entry)
        match answer:
            case CommitAnswer():
                return [] if printed else [OffPaper(entry), *deciding.undone(entry_name(entry))]
            case RefundAnswer() if printed:
                of = id_of(answer.receipt)
                name = entry_name(of)
                return [Back(of), *(deciding.given_back(name, answer.uses) if answer.rest else deciding.undone(name))]
            case RefundAnswer():
                less = {line.line: line.quantity for line in answer.lines}
                return [OffPaper(entry), NotBack(id_of(answer.receipt), less)]

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        last = self._services.board.last(self._station)
        if row.kind not in SELLS and outcome.result is PrintResult.PRINTED:
            return  # A report is nobody's receipt.
        if row.result is PrintResult.UNKNOWN and last is not None and last.show not in (Show.IDLE, Show.ATTENTION):
            return  # Somebody else is being served meanwhile.
        show = Show.PRINTED if outcome.result is PrintResult.PRINTED else Show.ATTENTION
        reason = outcome.code or outcome.reason
        self._services.board.tell(self._station, show, reason=reason, advice=outcome.advice, entry=str(entry))

    def _attention(self, device: str, code: str, advice: str) -> None:
        if device == self._device:
            self._services.board.tell(self._station, Show.ATTENTION, reason=code, advice=advice)


class AmendFiscal(msgspec.Struct, frozen=True):
    """Effect: a stored answer says in its field `fiscal` how its printing stands now, whatever else it holds. An answer
    that is gone (14 days) stays gone."""

    key: str
    fiscal: Fiscal

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT body FROM answer WHERE key=?", (self.key,)).fetchone()
        if row is None:
            return
        answer = msgspec.json.decode(row[0], type=dict[str, msgspec.Raw])
        body = msgspec.json.encode({**answer, "fiscal": self.fiscal})
        db.execute("UPDATE answer SET body=? WHERE key=?", (body, self.key))


def no_printer(station: str) -> NotReady:
    """The till prints nothing itself."""
    what = f"till {station} has no printer"
    return NotReady(what, "Print on the POS, or configure `printer`", code="no_printer")


def fiscal(outcome: PrintOutcome) -> Fiscal:
    """What a POS is told of an outcome."""
    return Fiscal(
        outcome.result,
        outcome.number,
        outcome.change_cents,
        outcome.code or outcome.reason,
        outcome.advice,
        detail=outcome.reason.removeprefix(outcome.code).removeprefix(": "),
        device_time=outcome.device_time,
        fiscal_memory=outcome.fiscal_memory,
        z_number=outcome.z_number,
    )
