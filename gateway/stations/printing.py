"""A till's own fiscal printer: what a sale is on paper, and how its answer is amended when the printing has ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from gateway.fiscal import paper
from gateway.fiscal.rows import FiscalBegun, WorkRow
from gateway.ledger.effects import Effect
from gateway.model.clock import Stamp
from gateway.model.decision import Decision
from gateway.model.entry import EntryId, entry_name
from gateway.model.fiscal import Payment, PrintOutcome, PrintResult, Reversal, Tender
from gateway.model.receipt import Receipt
from gateway.model.refund import Refund
from gateway.model.shown import Show
from gateway.stations.answers import Asked
from gateway.stations.refund_words import RefundAnswer
from gateway.stations.sales import NotBack, OffPaper, Sold, id_of
from gateway.stations.services import Services
from gateway.stations.till_words import CommitAnswer, Fiscal


class Printing:
    """Prints receipts of one till. `start` before anything else."""

    def __init__(self, station: str, device: str, services: Services, how: paper.How) -> None:
        self._station = station
        self._device = device
        self._services = services
        self._how = how

    async def start(self) -> None:
        """Ends what a crash interrupted: see `Printers.own`."""
        await self._services.printers.own(self._station, self)

    def check(self, receipt: Receipt, decision: Decision) -> None:
        """Raises `InputRefused` when this decision cannot stand on this printer's paper."""
        paper.check(receipt, decision, self._services.printers.description(self._device), self._how)

    def begun(
        self, key: str, receipt: Receipt, decision: Decision, paid: Sequence[Tender], asked: Asked
    ) -> FiscalBegun:
        """The effect that begins a sale's printing. Raises `NotReady` while the printer cannot be reached or a work on
        it is in doubt, `InputRefused` for what cannot stand on its paper: nothing is recorded then."""
        self._services.printers.check(self._device)
        device = self._services.printers.description(self._device)
        work = paper.sale(key, receipt, decision, paid, device, self._how)
        return FiscalBegun(work, self._device, self._station, asked.key)

    def begun_refund(self, key: str, sold: Sold, back: Refund, original: Reversal, asked: Asked) -> FiscalBegun:
        """The effect that begins the printing of a refund's receipt. Raises as `begun` does."""
        self._services.printers.check(self._device)
        device = self._services.printers.description(self._device)
        receipt = sold.body.receipt
        work = paper.refund(key, receipt, back, original, Payment(receipt.means), device, self._how)
        return FiscalBegun(work, self._device, self._station, asked.key)

    # As an owner of works --------------------------------------------------------------------------------

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        amend = AmendFiscal(row.answer, fiscal(outcome))
        stored = self._services.ledger.query("SELECT body FROM answer WHERE key=?", (row.answer,))
        if not stored or outcome.result is PrintResult.UNKNOWN:
            return (amend,)
        answer = answer_type(row.answer)
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
                name = entry_name(id_of(answer.receipt))
                return deciding.given_back(name, answer.uses) if answer.rest else deciding.undone(name)
            case RefundAnswer():
                less = {line.line: line.quantity for line in answer.lines}
                return [OffPaper(entry), NotBack(id_of(answer.receipt), less)]

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        show = Show.PRINTED if outcome.result is PrintResult.PRINTED else Show.ATTENTION
        reason = outcome.code or outcome.reason
        self._services.board.tell(self._station, show, reason=reason, advice=outcome.advice, entry=str(entry))


class AmendFiscal(msgspec.Struct, frozen=True):
    """Effect: the answer to a commit says how its printing stands now. An answer that is gone (14 days) stays gone."""

    key: str
    fiscal: Fiscal

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT body FROM answer WHERE key=?", (self.key,)).fetchone()
        if row is None:
            return
        answer = msgspec.json.decode(row[0], type=answer_type(self.key))
        body = msgspec.json.encode(msgspec.structs.replace(answer, fiscal=self.fiscal))
        db.execute("UPDATE answer SET body=? WHERE key=?", (body, self.key))


def answer_type(key: str) -> type[CommitAnswer] | type[RefundAnswer]:
    """What was answered under this key of table `answer`."""
    return CommitAnswer if key.startswith("receipt/") else RefundAnswer


def fiscal(outcome: PrintOutcome) -> Fiscal:
    """What a POS is told of an outcome."""
    return Fiscal(outcome.result, outcome.number, outcome.change_cents, outcome.reason, outcome.advice)
