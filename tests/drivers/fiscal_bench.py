"""A whole fiscal driver but for its process, on a simulated printer in the same thread and on a clock of its own: for
tests of works, of every family, with every fault."""

from __future__ import annotations

import random

from drivers.contract.printer import (
    Baseline,
    CashMove,
    DayReport,
    Line,
    Note,
    Outcome,
    Payment,
    Print,
    PrintPoint,
    PrintStep,
    Result,
    Reversal,
    ReversalReason,
    Settle,
    Tender,
    Work,
)
from drivers.driver import DeviceError, GatewayGone
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.families import Sign
from drivers.fiscal.plan import Terms
from drivers.fiscal.wire import Timing
from drivers.fiscal.works import Works
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_families import endpoint
from drivers.simulators.fiscal_line import MemoryLine, VirtualClock
from drivers.simulators.fiscal_model import MODELS, Habits
from drivers.simulators.fiscal_paper import Kind

FAMILIES = tuple(SPOKEN)
DEADLINE_S = 60.0
KEY = "k-1"

COFFEE, BOOK = Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50)
SALE = Print(KEY, (COFFEE, BOOK), (Tender(Payment.CARD, 390), Tender(Payment.CASH, 2000)), 1390)
"""13.90: a part by card, the rest in cash with change."""
THREE = Print(
    KEY,
    (COFFEE, Note("Hello"), BOOK, Note("Come again", footer=True)),
    (Tender(Payment.CARD, 390), Tender(Payment.COUPON, 500), Tender(Payment.CASH, 500)),
    1390,
)
BEFORE = Print("k-0", (Line("Tea", "A", 250, 1000),), (Tender(Payment.CASH, 250),), 250)
GIVEN_BACK = Print(
    KEY,
    (Line("Tea", "A", 250, 1000),),
    (Tender(Payment.CASH, 250),),
    250,
    reversal=Reversal("000001", ReversalReason.REFUND, "2026-11-27T08:00:00", "02000600"),
)
X, Z, CASH = DayReport(KEY), DayReport(KEY, z=True), CashMove(KEY, 500)


class Bench:
    """One device and the driver on it. `crash_at`: the gateway goes away when this point is to be stored (it is stored,
    and the driver hears nothing more)."""

    def __init__(
        self,
        family: str,
        *,
        line_ms: float = 0.0,
        timing: Timing | None = None,
        seed: int = 1,
        habits: Habits | None = None,
    ) -> None:
        self.family = family
        self.clock = VirtualClock()
        self.device = Device(MODELS[family], now=self.clock.datetime)
        self.device.habits = Habits() if habits is None else habits
        self.endpoint = endpoint(family, self.device, line_ms=line_ms)
        self.steps: list[PrintStep] = []
        self.held: list[tuple[Sign, ...]] = []
        self.crash_at: PrintPoint | None = None
        self._timing = timing
        self._random = random.Random(seed)
        self.works = self._started()
        self.works.open()

    def _started(self) -> Works:
        return Works(
            dialect_of(self.family, Clerk("1", "", "1")),
            self._line,
            self._store,
            terms=lambda: Terms("cp1257", "ABC", Payment.RESERVED1),
            timing=self._timing,
            first_seq=self._random.randrange(256),
            clock=self.clock,
            wait=self.clock.advance,
            held=self.held.append,
            known=SPOKEN[self.family].known,
        )

    def restart(self) -> None:
        """A new process of the driver, as soon as the device answers."""
        self.works.close()
        self.works = self._started()
        for _ in range(30):
            try:
                self.works.open()
            except DeviceError:
                self.clock.advance(1.0)
            else:
                return
        raise AssertionError("the device does not come back")

    def put_right(self) -> None:
        """Whatever a person can do at the printer."""
        self.endpoint.recover()
        self.device.has_paper, self.device.cover_open = True, False

    def do(self, work: Work, seconds: float = DEADLINE_S) -> Outcome:
        return self.works.do(work, self.clock() + seconds)

    def settle(self, work: Work) -> Outcome:
        """As the gateway asks, with what it has stored of the work."""
        return self.works.settle(Settle(work, self.steps[-1].point, self.baseline))

    @property
    def baseline(self) -> Baseline:
        (first, *_) = (step.baseline for step in self.steps if step.baseline is not None)
        return first

    @property
    def points(self) -> list[PrintPoint]:
        return [step.point for step in self.steps]

    def printed(self, work: Work) -> int:
        """How often it is on paper, and counts."""
        documents = self.device.documents
        if isinstance(work, Print):
            return sum(document.key == work.key and document.fiscal for document in documents)
        kind = Kind.CASH if isinstance(work, CashMove) else Kind.Z if work.z else Kind.X
        return sum(document.kind is kind for document in documents)

    def _line(self) -> MemoryLine:
        line = MemoryLine(self.endpoint, self.clock)
        line.open()
        return line

    def _store(self, step: PrintStep) -> None:
        self.steps.append(step)
        if step.point is self.crash_at:
            self.crash_at = None
            raise GatewayGone


def is_honest(bench: Bench, work: Work, outcome: Outcome) -> bool:
    """What is told is what is on paper."""
    printed = bench.printed(work)
    match outcome.outcome:
        case Result.PRINTED:
            return printed == 1
        case Result.UNKNOWN:
            return printed <= 1 and bool(outcome.advice)
        case _:
            return printed == 0
