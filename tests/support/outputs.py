"""The devices behind stations, as a script: relays and printers that answer, refuse, stay silent, or die in the middle.

Obeys the `Outputs` protocol with the promises of `gateway.devices`: `NotReady` and `InputRefused` mean that nothing
was done, `DeadlineMissed` that it is not known; a printer goes on only when its step is stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

from gateway.model.counter import CardDebited, DebitEnd
from gateway.model.errors import DeadlineMissed, GatewayError
from gateway.model.fiscal import (
    Baseline,
    PrinterDescription,
    PrinterStatus,
    PrintOutcome,
    PrintResult,
    ReceiptWork,
    Work,
    WorkPoint,
    WorkStep,
)

POINTS = tuple(WorkPoint)[1:]


class Silence:
    """A device that has the question and never answers, a printer perhaps `after` this point was stored. `asked` is
    set when it falls silent."""

    def __init__(self, after: str = "") -> None:
        self.after = after
        self.asked = asyncio.Event()


class ScriptedOutputs:
    """Each call takes the next item of its script: an error is raised, a `Silence` is kept, nothing left is success.

    `on_pulse` and `on_print` are called when the relay or the printer would move: what is durable then?
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.ready = True
        self.pulses: list[tuple[str, int, int]] = []
        """Device, channel and ms of every pulse that a relay may have made."""
        self.refuses: deque[PrintOutcome | GatewayError] = deque()
        """What its driver says of the next works that it is only asked about; nothing left is no objection."""
        self.checked: list[Work] = []
        """Every work that it was asked about."""
        self.jobs: list[Work] = []
        """Every work that a printer was asked for."""
        self.settled: list[tuple[str, WorkPoint]] = []
        """Every work that a printer was asked how it ended, with the point that was stored last."""
        self.settle_script: deque[GatewayError | Silence | PrintOutcome] = deque()
        self.description = PrinterDescription(
            "datecs-v1-a", "Datecs", "FP-2000", zero_total=True, reversals=True, rounding=True, checks=True
        )
        self.z_number = "7"
        self.baseline = Baseline("41")
        self.paper: list[str] = []
        """Keys of what stands on paper."""
        self.pulse_script: deque[GatewayError | Silence] = deque()
        self.print_script: deque[GatewayError | Silence | PrintOutcome | str] = deque()
        """A string is the point after which the deadline passes."""
        self.on_pulse: Callable[[], None] = lambda: None
        self.on_print: Callable[[], None] = lambda: None
        self.on_check: Callable[[], None] = lambda: None

    async def debit_card(
        self, device: str, uid: bytes, quota: str, units: int, name: bytes, deadline_ms: int = 1500
    ) -> CardDebited:
        """No card lies anywhere: see `tests.support.card_field` for readers at which cards do."""
        return CardDebited(DebitEnd.NOTHING)

    def is_ready(self, device: str) -> bool:
        return self.ready

    async def pulse(self, device: str, channel: int, ms: int, deadline_ms: int = 1500) -> int:
        match self.pulse_script.popleft() if self.pulse_script else None:
            case DeadlineMissed() as error:
                self._open(device, channel, ms)
                raise error
            case GatewayError() as error:
                raise error
            case Silence() as silence:
                self._open(device, channel, ms)
                await _for_ever(silence)
        self._open(device, channel, ms)
        return self._now_ns()

    async def check_work(self, device: str, work: Work, deadline_ms: int = 1000) -> PrintOutcome | None:
        self.checked.append(work)
        self.on_check()
        match self.refuses.popleft() if self.refuses else None:
            case GatewayError() as error:
                raise error
            case said:
                return said

    async def do_work(
        self, device: str, work: Work, on_step: Callable[[WorkStep], Awaitable[None]], deadline_ms: int
    ) -> PrintOutcome:
        self.jobs.append(work)
        said = self.print_script.popleft() if self.print_script else None
        match said:
            case GatewayError():
                raise said
            case Silence(after=""):
                await _for_ever(said)
            case PrintOutcome():
                return msgspec.structs.replace(said, key=work.key)
        points = POINTS if isinstance(work, ReceiptWork) else (WorkPoint.INTENT, WorkPoint.CLOSED)
        for point in points:
            last = point is WorkPoint.CLOSED
            step = WorkStep(work.key, point, None if last else self.baseline, "42" if last else "")
            try:
                await on_step(step)
            except GatewayError as error:
                raise DeadlineMissed("a step could not be stored", "Look", code="not_stored") from error
            if point is points[-2]:
                self.on_print()
                self.paper.append(work.key)
            if isinstance(said, Silence) and said.after == point:
                await _for_ever(said)
            if said == point:
                raise DeadlineMissed(f"no answer within {deadline_ms} ms", "Look")
        return self._printed(work)

    async def settle(
        self,
        device: str,
        work: Work,
        point: WorkPoint,
        baseline: Baseline,
        on_step: Callable[[WorkStep], Awaitable[None]],
        deadline_ms: int,
    ) -> PrintOutcome:
        """What stands on paper was printed, all else was cancelled; unless the script says otherwise."""
        self.settled.append((work.key, point))
        match self.settle_script.popleft() if self.settle_script else None:
            case GatewayError() as error:
                raise error
            case Silence() as silence:
                await _for_ever(silence)
            case PrintOutcome() as outcome:
                return msgspec.structs.replace(outcome, key=work.key)
        if work.key in self.paper:
            return self._printed(work)
        return PrintOutcome(work.key, PrintResult.CANCELLED, reason="cancelled at the printer", code="read_back")

    async def printer_status(self, device: str, deadline_ms: int = 3000) -> PrinterStatus:
        return PrinterStatus(True, True, False, "42" if self.paper else "41", z_number=self.z_number)

    async def describe(self, device: str, deadline_ms: int = 3000) -> PrinterDescription:
        return self.description

    def _printed(self, work: Work) -> PrintOutcome:
        if not isinstance(work, ReceiptWork):
            return PrintOutcome(work.key, PrintResult.PRINTED, "42")
        change = sum(tender.cents for tender in work.tenders) - work.total_cents - work.rounding_cents
        return PrintOutcome(work.key, PrintResult.PRINTED, "42", work.total_cents, change)

    def _open(self, device: str, channel: int, ms: int) -> None:
        self.on_pulse()
        self.pulses.append((device, channel, ms))


async def _for_ever(silence: Silence) -> None:
    silence.asked.set()
    await asyncio.get_running_loop().create_future()
