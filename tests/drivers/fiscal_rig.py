"""A fiscal driver on a simulated printer in this process, and the gateway's end of it, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest

from drivers.contract.core import Problem
from drivers.contract.printer import (
    Line,
    Outcome,
    Payment,
    Print,
    PrinterStatus,
    PrintPoint,
    PrintStep,
    Status,
    Tender,
)
from drivers.driver import CallRefused, GatewayGone
from drivers.fiscal.driver import FiscalDriver
from drivers.fiscal.options import Options
from drivers.simulators.printer import Simulator

K = TypeVar("K")

LINES = (Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50))


def receipt(key: str = "k-1", tenders: tuple[Tender, ...] = (Tender(Payment.CASH, 2000),)) -> Print:
    """Coffee 2 x 2.50 less 0.50, book 9.90 less 0.50: 13.90, and 20.00 given."""
    return Print(key, LINES, tenders, 1390)


class Gateway:
    """The gateway's end of a driver in this process: keeps the steps, and what the device had executed when
    each was stored."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.steps: list[PrintStep] = []
        self.executed_at: dict[PrintPoint, list[int]] = {}
        self.concerns: list[Problem] = []
        self._now: Problem | None = None
        self.detail: dict[str, str] = {}
        self.crash_at: PrintPoint | None = None
        self.on_concern: Callable[[], None] = lambda: None

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        raise AssertionError("a printer has no readings")

    def alive(self) -> None:
        return

    def concern(self, problem: Problem | None, detail: Callable[[], dict[str, str]] | None = None) -> None:
        self._now = problem
        if problem is not None and (not self.concerns or self.concerns[-1] != problem):
            self.concerns.append(problem)
            assert detail is not None
            self.detail = detail()
            self.on_concern()

    def concern_now(self) -> tuple[str, str]:
        """Code and cause of what a person should see to now; empty for nothing."""
        return ("", "") if self._now is None else (self._now.code, self._now.cause)

    def step(self, body: msgspec.Struct) -> None:
        assert isinstance(body, PrintStep)
        self.steps.append(body)
        self.executed_at[body.point] = list(self._simulator.executed)
        if body.point is self.crash_at:
            raise GatewayGone


class Rig:
    """A driver on a simulated printer, without processes."""

    def __init__(self, simulator: Simulator, **options: object) -> None:
        self.simulator = simulator
        self.gateway = Gateway(simulator)
        self.driver = FiscalDriver(self.gateway)
        given = {"port": simulator.port, "silence_ms": 60, "resends": 2, "answer_ms": 1500, **options}
        self.detail = self.driver.open(msgspec.convert(given, Options))

    def ask(self, asked: Print, seconds: float = 30) -> Outcome:
        outcome = self.driver.handle(asked, time.monotonic() + seconds)
        assert isinstance(outcome, Outcome)
        return outcome

    def status(self) -> PrinterStatus:
        status = self.driver.handle(Status(), time.monotonic() + 30)
        assert isinstance(status, PrinterStatus)
        return status

    def close(self) -> None:
        """As when its process ends."""
        self.driver.close()
        self.driver.release()

    def closed(self, key: str) -> int:
        """How many closed receipts of this key are on paper."""
        documents = self.simulator.device.documents
        return sum(document.key == key and document.closed is True for document in documents)


def refused(rig: Rig, call: msgspec.Struct) -> str:
    with pytest.raises(CallRefused) as error:
        rig.driver.handle(call, time.monotonic() + 30)
    assert error.value.problem.advice
    return error.value.problem.code


def handled(rig: Rig, call: msgspec.Struct, kind: type[K]) -> K:
    answer = rig.driver.handle(call, time.monotonic() + 30)
    assert isinstance(answer, kind)
    return answer
