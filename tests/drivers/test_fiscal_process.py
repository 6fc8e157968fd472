"""The driver as the gateway runs it: its own process, the contract on its stdio, a printer on a pty."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.contract.core import Alive, DeviceState, Hello, Kind, Reply, Step, Stored
from drivers.contract.printer import (
    CashMove,
    Check,
    Checked,
    Line,
    Outcome,
    PrinterStatus,
    PrintPoint,
    PrintStep,
    Result,
    Settle,
    Status,
    Work,
)
from drivers.simulators import control
from drivers.simulators.fiscal_paper import Paper
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import receipt
from tests.support.driver_process import DriverProcess

FAST = {"silence_ms": 150, "resends": 2, "answer_ms": 3000, "poll_s": 0.2}


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path / "printer") as simulator:
        yield simulator


def driver_on(simulator: Simulator, **options: Any) -> DriverProcess:
    return DriverProcess("drivers.fiscal", {"port": simulator.port, **FAST, **options})


def outcome_of(reply: Reply) -> Outcome:
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=Outcome)


def status_of(driver: DriverProcess) -> PrinterStatus:
    reply = driver.ask(Status())
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=PrinterStatus)


def store_until(driver: DriverProcess, last: PrintPoint) -> Step:
    """Store every step before `last`; that one is returned, not stored."""
    while True:
        step = driver.expect(Step)
        if msgspec.json.decode(step.body, type=PrintStep).point is last:
            return step
        driver.send(Stored(step.id))


def test_hello_then_ready_then_alive(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        hello = driver.expect(Hello)
        assert (hello.driver, hello.kind, hello.contract) == ("fiscal", Kind.PRINTER, 1)
        ready = driver.expect_state(DeviceState.READY)
        assert ready.detail["model"] == "FP-2000"
        driver.expect(Alive)
        assert driver.stop() == 0


def test_receipt_from_call_to_paper(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        outcome = outcome_of(driver.ask(receipt()))
        assert (outcome.outcome, outcome.number, outcome.change_cents) == (Result.PRINTED, "0000001", 610)
        status = status_of(driver)
        assert (status.ready, status.paper, status.open_receipt) == (True, True, False)
        assert (status.last_number, status.cash_cents) == ("0000001", 1390)
    (document,) = simulator.device.documents
    assert (document.key, document.total_cents, document.closed) == ("k-1", 1390, True)


def checked(driver: DriverProcess, work: Work) -> Checked:
    reply = driver.ask(Check(work))
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=Checked)


UNPRINTABLE = msgspec.structs.replace(receipt("k-2"), items=(*receipt().items[:1], Line("漢字", "C", 940, 1000)))


def test_a_work_is_checked_without_the_device_also_in_the_middle_of_another(simulator: Simulator) -> None:
    with driver_on(simulator, poll_s=60) as driver:
        driver.expect_state(DeviceState.READY)
        assert status_of(driver).ready  # in its turn, after the first look at the device
        before = len(simulator.executed)
        assert checked(driver, receipt("k-2")) == Checked("k-2")
        said = checked(driver, UNPRINTABLE)
        assert (said.key, said.code, said.where) == ("k-2", "bad_text", "items[1].text")
        assert said.reason
        assert said.advice
        assert len(simulator.executed) == before
        driver.call(receipt(), deadline_ms=60_000)
        paying = store_until(driver, PrintPoint.PAYING)
        assert checked(driver, UNPRINTABLE) == said
        assert checked(driver, CashMove("c-1", 0)).code == "bad_amount"
        driver.send(Stored(paying.id))
        for _ in range(2):
            driver.send(Stored(driver.expect(Step).id))
        assert outcome_of(driver.expect(Reply)).outcome is Result.PRINTED


def test_a_work_is_checked_while_the_device_is_away(simulator: Simulator) -> None:
    simulator.stop()
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.LOST)
        assert checked(driver, UNPRINTABLE).code == "bad_text"
        assert checked(driver, receipt()) == Checked("k-1")


def test_nothing_goes_on_before_the_step_is_stored(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(receipt())
        intent = driver.expect(Step)
        driver.nothing(Step, 0.4)
        assert 48 not in simulator.executed
        driver.send(Stored(intent.id))
        driver.expect(Step)
        assert simulator.executed[-1] == 48


@pytest.mark.parametrize(
    ("point", "open_receipt"),
    [
        (PrintPoint.INTENT, False),
        (PrintPoint.OPENED, True),
        (PrintPoint.PAYING, True),
        (PrintPoint.CLOSING, True),
        (PrintPoint.CLOSED, False),
    ],
)
def test_killed_in_the_middle_and_started_again_it_tells_and_prints_nothing(
    simulator: Simulator, point: PrintPoint, open_receipt: bool
) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(receipt())
        store_until(driver, point)
        driver.process.kill()
        driver.process.wait()
    documents, executed = list(simulator.device.documents), len(simulator.executed)
    assert len(documents) == (point is PrintPoint.CLOSED)
    with driver_on(simulator) as driver:
        ready = driver.expect_state(DeviceState.READY)
        assert ("open_receipt" in ready.detail) is open_receipt
        assert status_of(driver).open_receipt is open_receipt
        if open_receipt:
            refused = outcome_of(driver.ask(receipt("k-2")))
            assert refused.outcome is Result.REFUSED
            assert refused.reason.startswith("receipt_open")
    assert simulator.device.documents == documents
    assert set(simulator.executed[executed:]) <= {90, 74, 76, 113, 97, 110, 65, 62, 70}


@pytest.mark.parametrize("point", PrintPoint)
def test_killed_in_the_middle_and_asked_by_the_gateway_it_finds_out(simulator: Simulator, point: PrintPoint) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(receipt())
        intent = store_until(driver, PrintPoint.INTENT)
        baseline = msgspec.json.decode(intent.body, type=PrintStep).baseline
        if point is not PrintPoint.INTENT:
            driver.send(Stored(intent.id))
            store_until(driver, point)
        driver.process.kill()
        driver.process.wait()
    assert baseline is not None
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        outcome = outcome_of(driver.ask(Settle(receipt(), point, baseline)))
        assert status_of(driver).open_receipt is False
    closed = sum(document.closed is True for document in simulator.device.documents)
    paid = point not in (PrintPoint.INTENT, PrintPoint.OPENED)
    assert closed == paid
    assert outcome.outcome is {
        PrintPoint.INTENT: Result.REFUSED,
        PrintPoint.OPENED: Result.CANCELLED,
    }.get(point, Result.PRINTED)
    assert outcome.number == ("0000001" if paid else "")


def test_gateway_that_goes_away_in_the_middle_stops_the_driver_where_it_is(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        driver.call(receipt())
        store_until(driver, PrintPoint.PAYING)
        driver.close_stream()
        assert driver.process.wait(5) == 0
    assert 53 not in simulator.executed
    assert not simulator.device.documents


def test_answer_lost_at_the_close_is_read_back_and_is_printed_once(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        simulator.fault("drop_answer", command=56, times=99)
        outcome = outcome_of(driver.ask(receipt()))
        assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000001")
        assert status_of(driver).last_number == "0000001"
    assert len(simulator.device.documents) == 1


def test_cable_pulled_and_put_back_is_told_once_each(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        simulator.fault("vanish", ms=700)
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "port_gone"
        again = driver.expect(type(lost))
        assert again.problem is not None
        assert again.problem.code == "port_missing"
        assert driver.expect(type(lost)).state is DeviceState.READY
        assert outcome_of(driver.ask(receipt())).outcome is Result.PRINTED


def test_silent_printer_is_lost_and_found_again(simulator: Simulator) -> None:
    with driver_on(simulator) as driver:
        driver.expect_state(DeviceState.READY)
        simulator.fault("silence")
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "no_answer"
        assert driver.ask(receipt()).problem is not None
        simulator.recover()
        driver.expect_state(DeviceState.READY)
        assert outcome_of(driver.ask(receipt())).outcome is Result.PRINTED
    assert len(simulator.device.documents) == 1


def test_garbage_from_the_port_is_survived(tmp_path: Path) -> None:
    link, done = tmp_path / "printer", threading.Event()
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    control.link(os.ttyname(slave), link)
    noise = random.Random(7)

    def babble() -> None:
        while not done.wait(0.002):
            try:
                os.write(master, noise.randbytes(200))
            except BlockingIOError:
                continue

    thread = threading.Thread(target=babble)
    thread.start()
    with DriverProcess("drivers.fiscal", {"port": str(link), **FAST}) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code in ("no_answer", "not_understood", "busy_too_long")
        assert driver.garbage == []
        done.set()
        thread.join()
        with Simulator(link) as simulator:
            os.close(slave)
            os.close(master)
            driver.expect_state(DeviceState.READY, 30)
            assert outcome_of(driver.ask(receipt())).outcome is Result.PRINTED
            assert len(simulator.device.documents) == 1


def test_options_that_are_wrong_end_the_driver_with_advice() -> None:
    with DriverProcess("drivers.fiscal", {"port": "/dev/null", "operator": "x"}) as driver:
        lost = driver.expect_state(DeviceState.LOST)
        assert lost.problem is not None
        assert lost.problem.code == "bad_options"
        assert driver.process.wait(5) == 9


class Program:
    """The simulator as a program: commands in, answers and events out."""

    def __init__(self, link: Path, journal: Path) -> None:
        argv = [sys.executable, "-m", "drivers.simulators.printer", "--link", str(link), "--journal", str(journal)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.line()["ready"]

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.communicate()

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message

    def do(self, name: str, **fields: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": name, **fields}) + "\n")
        self.process.stdin.flush()
        return self.line()


def test_simulator_as_a_program_keeps_its_paper_over_a_kill(tmp_path: Path) -> None:
    link, journal = tmp_path / "printer", tmp_path / "paper.txt"
    with Program(link, journal) as program:
        with DriverProcess("drivers.fiscal", {"port": program.ready["port"], **FAST}) as driver:
            driver.expect_state(DeviceState.READY)
            assert outcome_of(driver.ask(receipt())).number == "0000001"
        event = program.line()
        assert (event["event"], event["number"], event["key"]) == ("document", "0000001", "k-1")
        assert (event["kind"], event["total_cents"], event["closed"]) == ("sale", 1390, True)
    with Program(link, journal) as program:
        with DriverProcess("drivers.fiscal", {"port": program.ready["port"], **FAST}) as driver:
            driver.expect_state(DeviceState.READY)
            assert program.do("fault", kind="subtotal_off", command=51) == {"ok": None}
            assert outcome_of(driver.ask(receipt("k-2"))).outcome is Result.CANCELLED
        assert program.line()["closed"] == "cancelled"
        assert [(d["number"], d["key"], d["closed"]) for d in program.do("journal")["ok"]] == [
            ("0000001", "k-1", True),
            ("0000002", "k-2", "cancelled"),
        ]
        assert "error" in program.do("fault", kind="earthquake")
    paper = Paper(journal)
    paper.load()
    assert [document.total_cents for document in paper.documents] == [1390, 1390]
