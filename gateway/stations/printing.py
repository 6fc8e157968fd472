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
from gateway.model.entry import EntryId
from gateway.model.fiscal import PrintOutcome, PrintResult, Tender
from gateway.model.receipt import Receipt
from gateway.model.shown import Show
from gateway.stations.answers import Asked
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

    # As an owner of works --------------------------------------------------------------------------------

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        return (AmendFiscal(row.answer, fiscal(outcome)),)

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
        answer = msgspec.json.decode(row[0], type=CommitAnswer)
        body = msgspec.json.encode(msgspec.structs.replace(answer, fiscal=self.fiscal))
        db.execute("UPDATE answer SET body=? WHERE key=?", (body, self.key))


def fiscal(outcome: PrintOutcome) -> Fiscal:
    """What a POS is told of an outcome."""
    return Fiscal(outcome.result, outcome.number, outcome.change_cents, outcome.reason, outcome.advice)
