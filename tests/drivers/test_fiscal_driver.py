"""The driver object on a simulated printer: whole receipts, what is refused, what is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    Result,
    Status,
    Tender,
)
from drivers.driver import DeviceError
from drivers.fiscal.driver import FiscalDriver
from drivers.fiscal.options import Options
from drivers.simulators.printer import Simulator

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

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        raise AssertionError("a printer has no readings")

    def alive(self) -> None:
        return

    def concern(self, problem: Problem | None, detail: Callable[[], dict[str, str]] | None = None) -> None:
        raise AssertionError("a printer has no concerns")

    def step(self, body: msgspec.Struct) -> None:
        assert isinstance(body, PrintStep)
        self.steps.append(body)
        self.executed_at[body.point] = list(self._simulator.executed)


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

    def closed(self, key: str) -> int:
        """How many closed receipts of this key are on paper."""
        documents = self.simulator.device.documents
        return sum(document.key == key and document.closed is True for document in documents)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Simulator() as simulator:
        rig = Rig(simulator)
        yield rig
        rig.driver.close()


def test_receipt_is_printed_with_key_total_and_change(rig: Rig) -> None:
    outcome = rig.ask(receipt())
    assert outcome == Outcome("k-1", Result.PRINTED, number="0000001", total_cents=1390, change_cents=610)
    (document,) = rig.simulator.device.documents
    assert document.lines == (
        "Nr. k-1",
        "Coffee 2.000 x 2.50 A 5.00",
        "discount -0.50",
        "Book 1.000 x 9.90 C 9.90",
        "discount -0.50",
        "paid cash 20.00",
        "change 6.10",
    )
    assert (document.key, document.total_cents, document.closed) == ("k-1", 1390, True)


def test_durable_points_come_before_the_wire_steps_they_announce(rig: Rig) -> None:
    rig.ask(receipt())
    assert [(step.point, step.baseline and step.baseline.number, step.number) for step in rig.gateway.steps] == [
        (PrintPoint.INTENT, "0000000", ""),
        (PrintPoint.OPENED, "0000000", ""),
        (PrintPoint.PAYING, "0000000", ""),
        (PrintPoint.CLOSING, "0000000", ""),
        (PrintPoint.CLOSED, "0000000", "0000001"),
    ]
    at = rig.gateway.executed_at
    assert 48 not in at[PrintPoint.INTENT]
    assert at[PrintPoint.OPENED][-1] == 48
    assert at[PrintPoint.PAYING][-1] == 51
    assert at[PrintPoint.CLOSING][-1] == 53
    assert at[PrintPoint.CLOSED][-2:] == [56, 113]


def test_family_is_asked_first(rig: Rig) -> None:
    assert rig.simulator.executed == [90, 74, 76]
    assert rig.detail["model"] == "FP-2000"
    assert "open_receipt" not in rig.detail


def test_card_and_cash(rig: Rig) -> None:
    rig.ask(receipt(tenders=(Tender(Payment.CASH, 500), Tender(Payment.CARD, 1000))))
    assert rig.simulator.device.documents[0].payments == (("card", 1000), ("cash", 500))


def test_text_of_the_paper_is_latvian(rig: Rig) -> None:
    rig.ask(Print("k", (Line("Grāmata „Ķīļi”", "A", 100, 1000),), (Tender(Payment.CASH, 100),), 100))
    assert rig.simulator.device.documents[0].lines[1].startswith("Grāmata „Ķīļi” ")


def test_what_is_refused_prints_nothing(rig: Rig) -> None:
    outcome = rig.ask(Print("k", LINES, (Tender(Payment.CASH, 2000),), 1391))
    assert outcome.outcome is Result.REFUSED
    assert outcome.reason == "total_differs: the lines make 1390 cents, the caller says 1391"
    assert outcome.advice
    assert rig.gateway.steps == []
    assert 48 not in rig.simulator.executed


def test_same_key_is_not_printed_twice(rig: Rig) -> None:
    rig.ask(receipt())
    outcome = rig.ask(receipt())
    assert outcome.outcome is Result.REFUSED
    assert outcome.reason.startswith("key_used")
    assert rig.closed("k-1") == 1


def test_key_of_a_cancelled_receipt_may_come_again(rig: Rig) -> None:
    rig.simulator.fault("subtotal_off", command=51)
    assert rig.ask(receipt()).outcome is Result.CANCELLED
    assert rig.ask(receipt()).outcome is Result.PRINTED
    assert rig.closed("k-1") == 1


@pytest.mark.parametrize("problem", ["paper_out", "cover_open"])
def test_printer_that_cannot_print_refuses_before_a_byte(rig: Rig, problem: str) -> None:
    if problem == "paper_out":
        rig.simulator.device.has_paper = False
    else:
        rig.simulator.cover(open=True)
    outcome = rig.ask(receipt())
    assert outcome.outcome is Result.REFUSED
    assert outcome.reason == f"printer_not_ready: {problem}"
    status = rig.status()
    assert not status.ready
    assert status.paper is (problem != "paper_out")
    assert problem in status.problems
    rig.simulator.refill()
    rig.simulator.cover(open=False)
    assert rig.ask(receipt()).outcome is Result.PRINTED


def test_wrong_password_is_refused_and_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("1234\n")
    file.chmod(0o600)
    with Simulator() as simulator:
        rig = Rig(simulator, password_file=str(file))
        outcome = rig.ask(receipt())
        rig.driver.close()
        assert outcome.outcome is Result.REFUSED
        assert outcome.reason == "open_refused: the printer says not_allowed_now"
        assert "1234" not in f"{outcome}"
        assert simulator.device.wrong_passwords == 1


@pytest.mark.parametrize(("text", "mode"), [("1234", 0o644), ("", 0o600), ("12a4", 0o600), ("123456789", 0o600)])
def test_password_file_that_cannot_be_used_is_told(tmp_path: Path, text: str, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text(text)
    file.chmod(mode)
    with Simulator() as simulator, pytest.raises(DeviceError) as error:
        Rig(simulator, password_file=str(file))
    assert error.value.problem.code == "bad_password_file"
    assert text == "" or text not in f"{error.value.problem}"
    assert simulator.executed == []


def test_device_of_another_family_is_not_used() -> None:
    with Simulator() as simulator:
        simulator.device.model = msgspec.structs.replace(simulator.device.model, name="DP-150")
        with pytest.raises(DeviceError) as error:
            Rig(simulator)
        assert error.value.problem.code == "wrong_family"
        assert simulator.executed == [90]


def test_second_program_on_the_port_is_kept_out(rig: Rig) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator)
    assert error.value.problem.code == "port_busy"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/no-such-port"])
def test_port_that_is_none_is_told(rig: Rig, path: str) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=path)
    assert error.value.problem.code == "port_missing"
    assert path in error.value.problem.cause


def test_code_page_that_does_not_exist_is_told() -> None:
    with Simulator() as simulator, pytest.raises(DeviceError) as error:
        Rig(simulator, encoding="cp9999")
    assert error.value.problem.code == "bad_encoding"


def test_payment_that_the_printer_surely_refused_is_cancelled(rig: Rig) -> None:
    rig.simulator.fault("fail_payment", command=53)
    outcome = rig.ask(receipt())
    assert outcome.outcome is Result.CANCELLED
    assert "F" in outcome.reason
    assert rig.status().open_receipt is False


def test_second_payment_that_is_refused_is_unknown_and_nothing_more_is_sent(rig: Rig) -> None:
    rig.simulator.fault("refuse", command=53, after=1)
    outcome = rig.ask(receipt(tenders=(Tender(Payment.CARD, 1000), Tender(Payment.CASH, 500))))
    assert outcome.outcome is Result.UNKNOWN
    assert rig.simulator.executed[-1] == 53
    assert rig.status().open_receipt is True


def test_receipt_found_open_is_told_and_left_alone() -> None:
    with Simulator() as simulator:
        simulator.device.open(1, "0000", "1")
        simulator.device.sell("Tea", "A", 100)
        before = len(simulator.executed)
        rig = Rig(simulator)
        assert rig.detail["open_receipt"] == "1 lines, 100 cents"
        assert rig.status().open_receipt
        outcome = rig.ask(receipt())
        rig.driver.poll()
        rig.driver.close()
        assert outcome.outcome is Result.REFUSED
        assert outcome.reason == "receipt_open: 1 lines, 1.00, on the printer"
        assert set(simulator.executed[before:]) == {90, 74, 76, 113}


def test_printer_that_is_gone_before_the_intent_is_a_problem_and_nothing_was_begun(rig: Rig) -> None:
    rig.simulator.fault("silence")
    with pytest.raises(DeviceError) as error:
        rig.ask(receipt())
    assert error.value.problem.code == "no_answer"
    assert rig.gateway.steps == []


def test_log_tells_changes_only_and_no_password(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.simulator.device.has_paper = False
    for _ in range(3):
        rig.driver.poll()
    rig.simulator.refill()
    rig.driver.poll()
    assert capfd.readouterr().err.splitlines() == ["printer says: paper_out", "printer says: all is well"]
