"""The driver object on a simulated printer: whole receipts, what is refused, what is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.contract.printer import (
    Check,
    Line,
    Outcome,
    Payment,
    Print,
    PrintPoint,
    Result,
    Settle,
    Tender,
)
from drivers.driver import CallRefused, DeviceError, GatewayGone
from drivers.fiscal.driver import FiscalDriver
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import LINES, Rig, handled, receipt


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Simulator() as simulator:
        rig = Rig(simulator)
        yield rig
        rig.close()


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
        rig.close()
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
        rig.close()
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


def test_receipt_that_a_crash_interrupted_is_settled_by_the_next_process(rig: Rig) -> None:
    rig.gateway.crash_at = PrintPoint.CLOSING
    with pytest.raises(GatewayGone):
        rig.ask(receipt())
    rig.close()
    again = Rig(rig.simulator)
    baseline = rig.gateway.steps[0].baseline
    assert baseline is not None
    outcome = handled(again, Settle(receipt(), PrintPoint.CLOSING, baseline), Outcome)
    again.close()
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000001")
    assert [step.point for step in again.gateway.steps] == [PrintPoint.CLOSED]
    assert rig.closed("k-1") == 1


def test_letter_that_the_device_has_not_programmed_is_refused(rig: Rig) -> None:
    outcome = rig.ask(Print("k", (Line("x", "E", 100, 1000),), (Tender(Payment.CASH, 100),), 100))
    assert (outcome.code, outcome.where) == ("bad_vat", "items[0].vat")
    assert rig.detail["vat_letters"] == "ABCD"


def test_what_waits_for_paper_is_told_and_goes_on(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.simulator.fault("paper_out", command=49)
    rig.gateway.on_concern = rig.simulator.refill
    outcome = rig.ask(receipt())
    assert outcome.outcome is Result.PRINTED
    assert [problem.code for problem in rig.gateway.concerns] == ["waits_for_hand"]
    assert "a receipt waits: paper_out" in capfd.readouterr().err


@pytest.mark.parametrize("code", ["paper_out", "cover_open"])
def test_printer_that_would_print_nothing_is_told_before_anybody_sells(rig: Rig, code: str) -> None:
    if code == "paper_out":
        rig.simulator.device.has_paper = False
    else:
        rig.simulator.cover(True)
    rig.driver.poll()
    rig.driver.poll()
    assert [problem.code for problem in rig.gateway.concerns] == [code]
    rig.simulator.refill()
    rig.simulator.cover(False)
    rig.driver.poll()
    assert rig.gateway.concern_now() == ("", "")


def test_receipt_that_somebody_has_left_open_is_told_when_it_stays(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.gateway.crash_at = PrintPoint.PAYING
    with pytest.raises(GatewayGone):
        rig.ask(receipt())
    rig.driver.poll()
    assert rig.gateway.concern_now() == ("", "")  # it may be on its way to its end
    monkeypatch.setattr("drivers.fiscal.driver.BLOCKED_S", 0.0)
    rig.driver.poll()
    code, cause = rig.gateway.concern_now()
    assert code == "takes_no_receipt"
    assert "receipt_open" in cause


def test_before_its_options_a_driver_says_nothing_of_a_work(rig: Rig) -> None:
    with pytest.raises(CallRefused) as refused:
        FiscalDriver(rig.gateway).aside(Check(receipt()))
    assert refused.value.problem.code == "no_such_call"
