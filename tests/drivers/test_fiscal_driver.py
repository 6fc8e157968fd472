"""The driver object on a simulated printer: whole receipts, what is refused, what is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import pytest

from drivers.contract.core import Problem
from drivers.contract.printer import (
    CashMove,
    Copy,
    DayReport,
    Describe,
    Description,
    Line,
    Outcome,
    Payment,
    Print,
    PrinterStatus,
    PrintPoint,
    PrintStep,
    Raw,
    RawAnswer,
    Result,
    SetClock,
    Settle,
    Status,
    Tender,
)
from drivers.contract.slip import Slip, SlipCode, SlipPrinted, SlipText
from drivers.driver import CallRefused, DeviceError, GatewayGone
from drivers.fiscal.driver import FiscalDriver
from drivers.fiscal.options import Options
from drivers.simulators.fiscal_model import Act
from drivers.simulators.fiscal_v1 import Handler
from drivers.simulators.fiscal_v1_commands import COMMANDS_A
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
        self.detail: dict[str, str] = {}
        self.crash_at: PrintPoint | None = None
        self.on_concern: Callable[[], None] = lambda: None

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        raise AssertionError("a printer has no readings")

    def alive(self) -> None:
        return

    def concern(self, problem: Problem | None, detail: Callable[[], dict[str, str]] | None = None) -> None:
        if problem is not None and (not self.concerns or self.concerns[-1] != problem):
            self.concerns.append(problem)
            assert detail is not None
            self.detail = detail()
            self.on_concern()

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
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000001")
    assert (outcome.total_cents, outcome.change_cents) == (1390, 610)
    assert outcome.fiscal_memory == "02000600"
    assert outcome.device_time
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
        (PrintPoint.OPENED, None, ""),
        (PrintPoint.PAYING, None, ""),
        (PrintPoint.CLOSING, None, ""),
        (PrintPoint.CLOSED, None, "0000001"),
    ]
    at = rig.gateway.executed_at
    assert 48 not in at[PrintPoint.INTENT]
    assert at[PrintPoint.OPENED][-1] == 48
    assert at[PrintPoint.PAYING][-1] == 51
    assert at[PrintPoint.CLOSING][-1] == 53
    assert at[PrintPoint.CLOSED][-3:] == [56, 113, 62]


def test_family_is_asked_first(rig: Rig) -> None:
    assert rig.simulator.executed == [90, 74, 97, 110, 65, 62]
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
        assert outcome.reason == "open_refused: the printer says not_allowed_now (-150104)"
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


def test_second_payment_that_is_refused_once_is_paid_after_a_look_at_the_device(rig: Rig) -> None:
    rig.simulator.fault("refuse", command=53, after=1)
    outcome = rig.ask(receipt(tenders=(Tender(Payment.CARD, 1000), Tender(Payment.CASH, 500))))
    assert outcome.outcome is Result.PRINTED
    assert rig.simulator.device.documents[0].payments == (("card", 1000), ("cash", 500))


def test_answer_lost_at_the_close_is_read_back(rig: Rig) -> None:
    rig.simulator.fault("drop_answer", command=56, times=99)
    outcome = rig.ask(receipt())
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000001")
    assert rig.simulator.executed.count(56) == 1
    assert rig.closed("k-1") == 1


def test_unknown_outcome_leaves_the_frames_in_the_log_and_no_password(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "password"
    file.write_text("73917391\n")
    file.chmod(0o600)
    with Simulator() as simulator:
        simulator.device.passwords[1] = "73917391"
        rig = Rig(simulator, password_file=str(file), answer_ms=200)
        simulator.fault("syn_storm", command=53, ms=60_000)
        outcome = rig.ask(receipt())
        rig.driver.close()
    log = capfd.readouterr().err
    assert outcome.outcome is Result.UNKNOWN
    assert "wire " in log
    assert b"73917391".hex(" ") not in log
    assert "73917391" not in log
    assert b"\t".hex() + " 50 32 30" in log


def test_receipt_found_open_is_told_and_left_alone() -> None:
    with Simulator() as simulator:
        simulator.device.open(1, "0000", "1")
        simulator.device.sell("Tea", "A", 100)
        before = len(simulator.executed)
        rig = Rig(simulator)
        assert rig.detail["open_receipt"] == "1 lines, 1.00"
        assert rig.status().open_receipt
        outcome = rig.ask(receipt())
        rig.driver.poll()
        rig.driver.close()
        assert outcome.outcome is Result.REFUSED
        assert outcome.reason == "receipt_open: 1 lines, 1.00, on the printer"
        assert set(simulator.executed[before:]) == {90, 74, 76, 113, 97, 110, 65, 62, 70}
        assert simulator.device.stage == "open"


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


# What else is asked -----------------------------------------------------------------------------------------


def refused(rig: Rig, call: msgspec.Struct) -> str:
    with pytest.raises(CallRefused) as error:
        rig.driver.handle(call, time.monotonic() + 30)
    assert error.value.problem.advice
    return error.value.problem.code


def handled(rig: Rig, call: msgspec.Struct, kind: type[K]) -> K:
    answer = rig.driver.handle(call, time.monotonic() + 30)
    assert isinstance(answer, kind)
    return answer


@pytest.mark.parametrize("family", ["datecs-v1", "datecs-v1b", "datecs-v2", "tremol"])
@pytest.mark.parametrize("tcp", [None, 0], ids=["pty", "tcp"])
def test_every_family_on_every_port(family: str, tcp: int | None) -> None:
    with Simulator(family=family, tcp=tcp) as simulator:
        rig = Rig(simulator, family=family)
        assert rig.ask(receipt()).outcome is Result.PRINTED
        assert handled(rig, DayReport("x"), Outcome).outcome is Result.PRINTED
        assert handled(rig, CashMove("c", -500), Outcome).outcome is Result.PRINTED
        assert handled(rig, DayReport("z", z=True), Outcome).outcome is Result.PRINTED
        described = handled(rig, Describe(), Description)
        assert described.family == family
        assert described.serial == simulator.device.model.serial
        assert {letter: described.rates[letter] for letter in "ABCD"} == {"A": 2100, "B": 1200, "C": 500, "D": 0}
        assert described.counters["commands"] > 10
        assert described.frames
        status = rig.status()
        assert status.ready
        assert int(status.z_number) == 1
        assert handled(rig, Slip("s", (SlipText("Balance\nand more"), SlipCode("QR-1"))), SlipPrinted).sure
        rig.driver.close()
        kinds = [document.kind for document in simulator.device.documents]
        assert kinds == ["sale", "x", "cash", "z", "slip"]
        assert simulator.device.documents[-1].lines == ("Balance", "and more", "QR-1")


def test_receipt_that_a_crash_interrupted_is_settled_by_the_next_process(rig: Rig) -> None:
    rig.gateway.crash_at = PrintPoint.CLOSING
    with pytest.raises(GatewayGone):
        rig.ask(receipt())
    rig.driver.close()
    again = Rig(rig.simulator)
    baseline = rig.gateway.steps[0].baseline
    assert baseline is not None
    outcome = handled(again, Settle(receipt(), PrintPoint.CLOSING, baseline), Outcome)
    again.driver.close()
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000001")
    assert [step.point for step in again.gateway.steps] == [PrintPoint.CLOSED]
    assert rig.closed("k-1") == 1


def test_letter_that_the_device_has_not_programmed_is_refused(rig: Rig) -> None:
    outcome = rig.ask(Print("k", (Line("x", "E", 100, 1000),), (Tender(Payment.CASH, 100),), 100))
    assert (outcome.code, outcome.where) == ("bad_vat", "items[0].vat")
    assert rig.detail["vat_letters"] == "ABCD"


def test_copies_and_single_commands_are_off(rig: Rig) -> None:
    rig.ask(receipt())
    assert refused(rig, Copy()) == "switched_off"
    assert refused(rig, Raw(62, b"")) == "switched_off"
    assert len(rig.simulator.device.documents) == 1


def test_copies_and_single_commands_where_they_are_allowed() -> None:
    with Simulator() as simulator:
        rig = Rig(simulator, copies=True, raw=True)
        rig.ask(receipt())
        assert handled(rig, Copy(), PrinterStatus).ready
        assert handled(rig, Raw(113, b""), RawAnswer).data == b"0000002"
        assert refused(rig, Copy()) == "work_refused"
        for command in (38, 46, 48, 49, 51, 53, 54, 56, 60, 61, 69, 70, 108, 109, 117, 118):
            assert refused(rig, Raw(command, b"0")) == "not_supported"
        assert refused(rig, Raw(62, b"x" * 300)) == "not_supported"
        rig.driver.close()
        assert [document.kind for document in simulator.device.documents] == ["sale", "copy"]


def test_clock_is_compared_and_set_only_when_asked(rig: Rig) -> None:
    rig.simulator.clock(3600)
    rig.driver.close()
    off = Rig(rig.simulator)
    off.driver.poll()
    assert [problem.code for problem in off.gateway.concerns] == ["clock_off"]
    assert "1 h 0 min" in off.gateway.concerns[0].cause
    assert "clock_off" in off.status().problems
    ahead = datetime.now().astimezone() + timedelta(hours=2)
    status = handled(off, SetClock(ahead.replace(tzinfo=None).isoformat(timespec="seconds")), PrinterStatus)
    assert status.device_time[:16] == ahead.isoformat()[:16]
    assert refused(off, SetClock("2026-02-31T00:00:00")) == "bad_amount"
    off.driver.close()


def test_clock_that_was_never_set_and_rates_of_another_shape_keep_nobody_from_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = cast("dict[int, Handler]", COMMANDS_A)
    monkeypatch.setitem(commands, 62, Handler(Act.READ, lambda wire, data: b"00-00-00 00:00:00"))
    monkeypatch.setitem(commands, 97, Handler(Act.READ, lambda wire, data: b"21.00,12.00,5.00"))
    with Simulator() as simulator:
        rig = Rig(simulator)
        rig.driver.poll()
        assert rig.status().device_time == ""
        assert rig.detail["vat_letters"] == "ABCDEFGH"
        assert rig.gateway.concerns == []
        monkeypatch.undo()
        set_to = handled(rig, SetClock("2026-11-27T08:05:09"), PrinterStatus).device_time
        assert set_to[:16] == "2026-11-27T08:05"
        assert rig.ask(receipt()).outcome is Result.PRINTED
        rig.driver.close()


def test_clock_and_copies_wait_for_an_open_receipt() -> None:
    with Simulator() as simulator:
        simulator.device.open(1, "0000", "1")
        rig = Rig(simulator, copies=True)
        assert refused(rig, SetClock("2030-01-01T00:00:00")) == "receipt_open"
        assert refused(rig, Copy()) == "receipt_open"
        assert refused(rig, Slip("s", (SlipText("x"),))) == "receipt_open"
        rig.driver.close()


def test_z_report_that_the_device_makes_by_itself_is_told(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.ask(receipt())
    rig.simulator.z()
    status = rig.status()
    assert "z_by_itself" in status.problems
    rig.driver.poll()
    assert [problem.code for problem in rig.gateway.concerns] == ["z_by_itself"]
    assert rig.gateway.detail["commands"]
    assert handled(rig, DayReport("z", z=True), Outcome).z_number == "0002"
    assert "z_by_itself" not in rig.status().problems


def test_slip_that_cannot_be_printed_says_why(rig: Rig) -> None:
    assert refused(rig, Slip("s", (SlipText("日本"),))) == "bad_text"
    rig.simulator.paper(there=False)
    assert refused(rig, Slip("s", (SlipText("x"),))) == "work_refused"


def test_slip_that_breaks_off_is_closed_and_the_next_receipt_is_printed(rig: Rig) -> None:
    for command in (42, 39):
        rig.simulator.fault("refuse", command=command)
        with pytest.raises(DeviceError) as broken_off:
            rig.driver.handle(Slip("s", (SlipText("x"),)), time.monotonic() + 30)
        assert broken_off.value.problem.code == "slip_broken_off"
    assert handled(rig, Slip("s", (SlipText("y"),)), SlipPrinted).key == "s"
    rig.simulator.device.open_slip()
    assert rig.ask(receipt()).outcome is Result.PRINTED


def test_time_zone_that_does_not_exist_is_told() -> None:
    with Simulator() as simulator, pytest.raises(DeviceError) as error:
        Rig(simulator, time_zone="Mars/Olympus")
    assert error.value.problem.code == "bad_time_zone"


def test_two_names_of_one_port_are_one_port(rig: Rig, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(rig.simulator.port)
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=str(other))
    assert error.value.problem.code == "port_busy"


def test_one_network_printer_has_one_owner() -> None:
    with Simulator(tcp=0) as simulator:
        rig = Rig(simulator)
        with pytest.raises(DeviceError) as error:
            Rig(simulator)
        rig.driver.close()
        assert error.value.problem.code == "port_busy"
        Rig(simulator).driver.close()


@pytest.mark.parametrize("port", ["tcp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "tcp://a b:9100"])
def test_network_printer_that_is_none_is_told(rig: Rig, port: str) -> None:
    with pytest.raises(DeviceError) as error:
        Rig(rig.simulator, port=port)
    assert error.value.problem.code == "port_missing"
    assert port in error.value.problem.cause


def test_network_printer_that_hangs_up_is_gone() -> None:
    with Simulator(tcp=0) as simulator:
        rig = Rig(simulator)
        simulator.pull(60_000)
        with pytest.raises(DeviceError) as error:
            rig.driver.poll()
        rig.driver.close()
    assert error.value.problem.code == "port_gone"


def test_what_waits_for_paper_is_told_and_goes_on(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.simulator.fault("paper_out", command=49)
    rig.gateway.on_concern = rig.simulator.refill
    outcome = rig.ask(receipt())
    assert outcome.outcome is Result.PRINTED
    assert [problem.code for problem in rig.gateway.concerns] == ["waits_for_hand"]
    assert "a receipt waits: paper_out" in capfd.readouterr().err
