"""What `gateway.fiscal` asks of devices and tells those who print: small ports, filled by the daemon and by callers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from gateway.fiscal.rows import WorkRow
from gateway.ledger.effects import Effect
from gateway.model.entry import EntryId
from gateway.model.fiscal import (
    Baseline,
    PrinterDescription,
    PrinterStatus,
    PrintOutcome,
    Work,
    WorkPoint,
    WorkStep,
)

OnStep = Callable[[WorkStep], Awaitable[None]]


class FiscalDevices(Protocol):
    """Fiscal devices (`gateway.devices.Devices`). `NotReady` and `InputRefused` mean that nothing was done,
    `DeadlineMissed` that it is not known."""

    def is_ready(self, device: str) -> bool: ...
    async def check_work(self, device: str, work: Work, deadline_ms: int = 1000) -> PrintOutcome | None: ...
    async def do_work(self, device: str, work: Work, on_step: OnStep, deadline_ms: int) -> PrintOutcome: ...
    async def settle(
        self,
        device: str,
        work: Work,
        point: WorkPoint,
        baseline: Baseline,
        on_step: OnStep,
        deadline_ms: int,
    ) -> PrintOutcome: ...
    async def printer_status(self, device: str, deadline_ms: int = 3000) -> PrinterStatus: ...
    async def describe(self, device: str, deadline_ms: int = 3000) -> PrinterDescription: ...


class Owner(Protocol):
    """Who has works done: a till, a face of the API. Its answers are amended in the commit of what they tell."""

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        """Effects that make the answer of this work say how it ended, committed with the outcome. `row` is the work
        before it; called again when an `unknown` is settled, also after a restart."""
        ...

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        """The outcome is on disk in `entry`: show it. Must not raise."""
        ...
