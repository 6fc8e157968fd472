"""A till's own fiscal printer: every durable point is an entry, and after a crash the outcome is told, not guessed."""

from __future__ import annotations

from gateway.ledger.effects import Effect
from gateway.model.bodies import FiscalOutcomeBody, FiscalStepBody
from gateway.model.decision import Decision
from gateway.model.device import Paid, PrintJob, PrintOutcome, PrintResult, PrintStepTaken
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.receipt import Receipt
from gateway.model.shown import Show
from gateway.stations.answers import FiscalEnded, FiscalPoint
from gateway.stations.services import Services, new_entry

DEADLINE_MS = 30_000
DEADLINE_MS_A_LINE = 1_000
"""A fiscal printer prints some lines a second; a slow one at the end of its roll less."""

LOOK = "Look at the printer's paper: if the receipt is there, note its number; if not, sell again with a new quote"


class Printing:
    """Prints receipts of one till. `settle_after_restart` before anything else."""

    def __init__(self, station: str, device: str, services: Services) -> None:
        self._station = station
        self._device = device
        self._services = services

    def check_ready(self) -> None:
        """Raises `NotReady` while the printer cannot be reached: nothing is recorded then."""
        if not self._services.outputs.is_ready(self._device):
            raise NotReady(f"printer {self._device} is not ready", "See `smartplace devices`", code="printer_not_ready")

    async def settle_after_restart(self) -> None:
        """Receipts that a crash interrupted. Without the driver's intent nothing was sent to the printer, so those are
        cancelled; all others are `unknown` until a person has looked."""
        rows = self._services.ledger.query(
            "SELECT key, point, number FROM fiscal WHERE station=? AND outcome='' ORDER BY at_ms", (self._station,)
        )
        for key, point, number in rows:
            if point == "recorded":
                outcome = PrintOutcome(key, PrintResult.CANCELLED, reason="restart_before_printing")
            else:
                outcome = PrintOutcome(key, PrintResult.UNKNOWN, number, reason=f"restart_at_{point}", advice=LOOK)
            await self.end(outcome, None)

    async def print(self, key: str, receipt: Receipt, decision: Decision, paid: tuple[Paid, ...]) -> PrintOutcome:
        """Print once. Never raises for what the printer does: the outcome says it."""
        discounts = tuple(line.discount_cents for line in decision.lines)
        job = PrintJob(key, receipt.lines, discounts, paid, decision.due_cents)
        deadline_ms = DEADLINE_MS + DEADLINE_MS_A_LINE * len(receipt.lines)
        begun = False

        async def on_step(step: PrintStepTaken) -> None:
            nonlocal begun
            begun = True
            await self._store_step(step)

        try:
            return await self._services.outputs.print_receipt(self._device, job, on_step, deadline_ms)
        except (InputRefused, NotReady) as error:
            if not begun:
                return PrintOutcome(key, PrintResult.REFUSED, reason=error.code, advice=str(error))
            return PrintOutcome(key, PrintResult.UNKNOWN, reason=error.code, advice=f"{error}. {LOOK}")
        except DeadlineMissed as error:
            return PrintOutcome(key, PrintResult.UNKNOWN, reason=error.code, advice=f"{error}. {LOOK}")

    async def end(self, outcome: PrintOutcome, answer: Effect | None) -> None:
        """Store how it ended, with the answer to who asked."""
        body = FiscalOutcomeBody(
            station=self._station,
            key=outcome.key,
            outcome=outcome.result,
            number=outcome.number,
            total_cents=outcome.total_cents,
            reason=outcome.reason,
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.FISCAL_OUTCOME, body)
        effects: list[Effect] = [FiscalEnded(outcome), *([answer] if answer is not None else [])]
        (stored,) = await self._services.ledger.commit([entry], effects)
        show = Show.PRINTED if outcome.result is PrintResult.PRINTED else Show.ATTENTION
        self._services.board.tell(self._station, show, reason=outcome.reason, advice=outcome.advice, entry=str(stored))

    async def _store_step(self, step: PrintStepTaken) -> None:
        body = FiscalStepBody(
            station=self._station, key=step.key, point=step.point, baseline=step.baseline, number=step.number
        )
        entry = new_entry(Stream.RECEIPT, EntryKind.FISCAL_STEP, body)
        await self._services.ledger.commit([entry], [FiscalPoint(step)])
