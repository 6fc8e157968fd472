"""Every fault at every step of a receipt: on paper there is one receipt or none, and the outcome tells which
or says honestly that it does not know. Nothing is ever printed by a restart."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.contract.printer import PrintPoint, Result
from drivers.driver import DeviceError
from drivers.simulators.fiscal_model import Stage
from drivers.simulators.printer import Simulator
from tests.drivers.test_fiscal_driver import Rig, receipt

STEPS = ("74", "113 before", "48", "54", "49 first", "49 second", "51", "53", "56", "113 after")
OPEN, PAY = STEPS.index("48"), STEPS.index("53")
MANY = 99

HARMLESS: dict[str, tuple[str, dict[str, Any]]] = {
    "one answer lost": ("drop_answer", {}),
    "one request lost": ("drop_request", {}),
    "one answer broken": ("corrupt", {}),
    "two NAKs": ("nak", {"times": 2}),
    "busy, then nothing": ("syn_storm", {"ms": 40}),
    "junk in front": ("junk", {}),
    "answer twice": ("duplicate", {}),
    "old answer first": ("stale", {}),
    "silence for a moment": ("silence", {"ms": 30}),
    "power cut before": ("power_cut", {"ms": 30, "executed": False}),
}

SERIOUS: dict[str, tuple[str, dict[str, Any]]] = {
    "all answers lost": ("drop_answer", {"times": MANY}),
    "all requests lost": ("drop_request", {"times": MANY}),
    "all answers broken": ("corrupt", {"times": MANY}),
    "all NAKs": ("nak", {"times": MANY}),
    "silence after": ("silence", {}),
    "silence before": ("silence", {"executed": False}),
    "paper out": ("paper_out", {}),
    "refused": ("refuse", {}),
    "power cut after": ("power_cut", {"ms": 30}),
    "long power cut after": ("power_cut", {"ms": 400}),
    "unplugged after": ("vanish", {"ms": 30}),
    "unplugged before": ("vanish", {"ms": 30, "executed": False}),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", HARMLESS)
def test_fault_that_the_protocol_covers_costs_nothing_but_time(step: str, fault: str) -> None:
    kind, fields = HARMLESS[fault]
    with Simulator(syn_ms=10) as simulator:
        rig = Rig(simulator)
        simulator.fault(kind, after=STEPS.index(step), **fields)
        outcome = rig.ask(receipt())
        rig.driver.close()
        assert outcome.outcome is Result.PRINTED, outcome
        assert outcome.number == "0000001"
        assert rig.closed("k-1") == 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", SERIOUS)
def test_outcome_is_never_wrong(step: str, fault: str, tmp_path: Path) -> None:
    kind, fields = SERIOUS[fault]
    at = STEPS.index(step)
    with Simulator(tmp_path / "port") as simulator:
        rig = Rig(simulator)
        simulator.fault(kind, after=at, **fields)
        try:
            outcome = rig.ask(receipt())
        except DeviceError:
            assert at < OPEN
            assert rig.gateway.steps == []
            assert not simulator.device.documents
            assert simulator.device.stage is Stage.IDLE
            rig.driver.close()
            return
        rig.driver.close()
        points = [step.point for step in rig.gateway.steps]
        match outcome.outcome:
            case Result.PRINTED:
                assert rig.closed("k-1") == 1
                assert points == list(PrintPoint)
            case Result.CANCELLED:
                assert rig.closed("k-1") == 0
                assert simulator.device.stage is Stage.IDLE
                assert PrintPoint.CLOSING not in points
            case Result.REFUSED:
                assert not simulator.device.documents
                assert simulator.device.stage is Stage.IDLE
                assert at <= OPEN
            case Result.UNKNOWN:
                assert rig.closed("k-1") <= 1
                assert outcome.advice.startswith("Do not print it again")
                assert at >= OPEN
        if step == "113 after":
            assert outcome.outcome is Result.PRINTED
        if at < PAY:
            assert rig.closed("k-1") == 0 or outcome.outcome is Result.PRINTED
        nothing_by_itself(simulator)


def restarted(simulator: Simulator) -> Rig:
    """A new driver, as soon as the port is there again."""
    until, pause = time.monotonic() + 10, threading.Event()
    while True:
        try:
            return Rig(simulator, silence_ms=500)
        except DeviceError:
            if time.monotonic() > until:
                raise
            pause.wait(0.01)


def nothing_by_itself(simulator: Simulator) -> None:
    """A driver that starts after the fault reads, tells what it finds, and prints nothing."""
    simulator.recover()
    simulator.refill()
    stage, documents = simulator.device.stage, list(simulator.device.documents)
    executed = len(simulator.executed)
    rig = restarted(simulator)
    status = rig.status()
    rig.driver.close()
    assert status.open_receipt is (stage is not Stage.IDLE)
    assert ("open_receipt" in rig.detail) is status.open_receipt
    assert simulator.device.documents == documents
    assert set(simulator.executed[executed:]) == {90, 74, 76, 113}


def test_doubt_at_close_is_unknown_though_the_receipt_is_on_paper() -> None:
    with Simulator() as simulator:
        rig = Rig(simulator)
        simulator.fault("drop_answer", command=56, times=MANY)
        outcome = rig.ask(receipt())
        rig.driver.close()
        assert outcome.outcome is Result.UNKNOWN
        assert outcome.reason.startswith("doubt_at_close: no answer to closing")
        assert rig.closed("k-1") == 1
        assert simulator.executed.count(56) == 1


def test_line_that_a_power_cut_doubled_is_found_by_the_subtotal_and_cancelled() -> None:
    with Simulator() as simulator:
        rig = Rig(simulator)
        simulator.fault("power_cut", command=49, ms=30)
        outcome = rig.ask(receipt())
        rig.driver.close()
        assert simulator.executed.count(49) == 3
        assert outcome.outcome is Result.CANCELLED
        assert "subtotal" in outcome.reason


def test_after_unknown_the_driver_still_tells_how_the_printer_is() -> None:
    with Simulator() as simulator:
        rig = Rig(simulator)
        simulator.fault("drop_answer", command=53, times=MANY)
        assert rig.ask(receipt()).outcome is Result.UNKNOWN
        assert rig.status().open_receipt
        second = rig.ask(receipt("k-2"))
        rig.driver.close()
        assert second.outcome is Result.REFUSED
        assert second.reason.startswith("receipt_open")
        assert rig.closed("k-2") == 0
