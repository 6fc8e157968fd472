"""A till's own fiscal printer: what a sale is on paper, and what the page shows when the printing has ended."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Sequence

from gateway.config.types import OnPaper, TillStation
from gateway.fiscal import checking, paper
from gateway.fiscal.journal import SELLS
from gateway.fiscal.rows import FiscalBegun, WorkRow
from gateway.ledger.effects import Effect
from gateway.model.decision import Decision
from gateway.model.entry import EntryId
from gateway.model.errors import InputRefused, NotReady
from gateway.model.fiscal import Payment, PrintOutcome, PrintResult, ReceiptWork, Reversal, Tender
from gateway.model.identification import Identification
from gateway.model.receipt import MAX_LINES, Receipt
from gateway.model.refund import Refund
from gateway.model.shown import Show
from gateway.stations.answers import Asked
from gateway.stations.sales import Sold
from gateway.stations.services import Services
from gateway.stations.till_ends import Ends
from gateway.stations.till_reports import Reports
from gateway.stations.till_words import CannotPrint

log = logging.getLogger("stations")


class Printing:
    """Prints receipts of one till. `start` before anything else."""

    def __init__(self, section: TillStation, device: str, services: Services) -> None:
        self._station = section.id
        self._device = device
        self._services = services
        self._how = paper.How({party: Payment(means) for party, means in section.payer_means.items()})
        self._on_paper = section.on_paper
        self._ends = Ends(services)
        self._unprintable: set[str] = set()
        """Lines at the foot that were left out."""
        self.reports = Reports(section.id, device, services, section.z_at or "")

    async def start(self) -> None:
        """Ends what a crash interrupted: see `Printers.own`."""
        await self._services.printers.own(self._station, self, (self._device,))
        self._services.printers.on_attention.append(self._attention)
        self._services.each_minute.append(self.reports.tick)

    async def hindrance(
        self, quote: str, receipt: Receipt, decision: Decision, who: Identification | None
    ) -> CannotPrint | None:
        """Why this decision could not be printed here now, for a quote; the POS may print it all the same."""
        try:
            self._services.printers.check(self._device)
            paid = [Tender(Payment(receipt.means), decision.due_cents)]
            await self._sale(quote, receipt, decision, paid, who, means_at="$.receipt.means")
        except (InputRefused, NotReady) as error:
            return CannotPrint(error.code, f"{error.where}: {error.what}" if error.where else error.what, error.advice)
        return None

    async def begun(
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
        work = await self._sale(key, receipt, decision, paid, who)
        return FiscalBegun(work, self._device, self._station, asked.key)

    @property
    def reversal_needs(self) -> tuple[str, ...]:
        """What the printer asks for of a receipt that is given back; empty too while it was never ready."""
        device = self._services.printers.description(self._device)
        return device.reversal_needs if device is not None else ()

    async def begun_refund(self, key: str, sold: Sold, back: Refund, original: Reversal, asked: Asked) -> FiscalBegun:
        """The effect that begins the printing of a refund's receipt. Raises as `begun` does."""
        self._services.printers.check(self._device)
        device = self._services.printers.description(self._device)
        receipt = sold.body.receipt
        work = paper.refund(key, receipt, back, original, Payment(receipt.means), device, self._how)
        try:
            await self._services.printers.check_work(self._device, work)
        except InputRefused as refused:
            index = {line.id: at for at, line in enumerate(receipt.lines)}
            raise checking.on_receipt(refused, [index[part.line] for part in back.lines]) from refused
        return FiscalBegun(work, self._device, self._station, asked.key)

    async def _sale(
        self,
        key: str,
        receipt: Receipt,
        decision: Decision,
        paid: Sequence[Tender],
        who: Identification | None,
        *,
        means_at: str = "$.paid",
    ) -> ReceiptWork:
        """The paper of a sale, which the printer's driver would print. A line at the foot that it would not is left
        out: nobody is turned away for a word of ours. Raises as `begun` does."""
        device = self._services.printers.description(self._device)
        lines = range(len(receipt.lines))
        notes = self._notes(decision, who)
        if device is not None and device.note_text_bytes:
            notes = [row for note in notes for row in textwrap.wrap(note, device.note_text_bytes)]
        notes = notes[: MAX_LINES - len(lines)]
        while True:
            work = paper.sale(key, receipt, decision, paid, device, self._how, notes, means_at)
            try:
                await self._services.printers.check_work(self._device, work)
            except InputRefused as refused:
                item = checking.item_of(refused)
                if item is None or item[0] not in range(len(lines), len(work.items)):
                    raise checking.on_receipt(refused, lines) from refused
                self._left_out(notes.pop(item[0] - len(lines)), refused)
            else:
                return work

    def _left_out(self, note: str, refused: InputRefused) -> None:
        """Once for each: there are as many as rules have titles."""
        if note not in self._unprintable:
            self._unprintable.add(note)
            log.warning("%s: a line at the foot of receipts is left out: %s", self._device, refused.what)

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
        return self._ends.answered(row, outcome)

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        last = self._services.board.last(self._station)
        if row.kind not in SELLS and outcome.result is PrintResult.PRINTED:
            # A report is nobody's receipt; but nobody is told any more that it is in doubt.
            doubt = row.said if row.result is PrintResult.UNKNOWN else None
            if doubt is not None and last is not None and last.reason == (doubt.code or doubt.reason):
                self._services.board.tell(self._station, Show.IDLE)
            return
        if row.result is PrintResult.UNKNOWN and last is not None and last.show not in (Show.IDLE, Show.ATTENTION):
            return  # Somebody else is being served meanwhile.
        show = Show.PRINTED if outcome.result is PrintResult.PRINTED else Show.ATTENTION
        reason = outcome.code or outcome.reason
        self._services.board.tell(self._station, show, reason=reason, advice=outcome.advice, entry=str(entry))

    def _attention(self, device: str, code: str, advice: str) -> None:
        if device == self._device:
            self._services.board.tell(self._station, Show.ATTENTION, reason=code, advice=advice)


def no_printer(station: str) -> NotReady:
    """The till prints nothing itself."""
    what = f"till {station} has no printer"
    return NotReady(what, "Print on the POS, or configure `printer`", code="no_printer")
