"""A receipt on a printer that is not ready: openings that are refused, slips left open, paper that is out."""

from __future__ import annotations

import pytest

from drivers.contract.printer import Result
from drivers.fiscal import operations as op
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Event, Heard, InTime, Move, NotBegun, Tell, Wait
from drivers.fiscal.operations import Cancel, Open, Pay, ReadStatus, ReadTransaction
from drivers.fiscal.said import Said, Stage, Transaction
from tests.drivers.fiscal_values import OPEN, SILENT, asked, points
from tests.drivers.receipt_course import Numbers, run


def test_opening_that_is_refused_prints_nothing_and_cancels_nothing() -> None:
    refusal = Heard(Said(frozenset({Sign.NOT_ALLOWED}), "not_allowed_now", "-150204"))
    outcome, moves = run(Numbers(lambda move: refusal if move == Ask(Open()) else None))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "open_refused")
    assert outcome.reason == "open_refused: the printer says not_allowed_now (-150204)"
    assert asked(moves)[-2:] == [Open(), op.ReadError()]


def test_device_that_is_silent_about_its_error_has_refused_all_the_same() -> None:
    refusal = Heard(Said(frozenset({Sign.NOT_ALLOWED}), "not_allowed_now"))
    replies: dict[op.Operation, Event] = {Open(): refusal, op.ReadError(): SILENT}

    def also(move: Move) -> Event | None:
        return replies.get(move.operation) if isinstance(move, Ask) else None

    outcome, _ = run(Numbers(also))
    assert outcome.reason == "open_refused: the printer says not_allowed_now"


def test_opening_that_is_refused_because_the_day_is_over_says_so() -> None:
    refusal = Heard(Said(frozenset({Sign.DAY_OVER}), "24 hours without a Z report"))
    outcome, _ = run(Numbers(lambda move: refusal if move == Ask(Open()) else None))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "z_overdue")


@pytest.mark.parametrize(
    ("signs", "code"),
    [
        ({Sign.PAPER_OUT}, "printer_not_ready"),
        ({Sign.COVER_OPEN, Sign.DAY_OVER}, "z_overdue"),
        ({Sign.RECEIPT_OPEN}, "receipt_open"),
        ({Sign.STORNO_OPEN}, "receipt_open"),
    ],
)
def test_printer_that_is_not_ready_is_asked_nothing_more(signs: set[Sign], code: str) -> None:
    outcome, moves = run(Numbers(lambda move: Heard(Said(frozenset(signs))) if move == Ask(ReadStatus()) else None))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, code)
    assert points(moves) == []


def test_slip_that_was_left_open_is_closed_first() -> None:
    slip = Heard(Said(frozenset({Sign.SERVICE_OPEN})))
    outcome, moves = run(Numbers(lambda move: slip if move == Ask(ReadStatus()) else None))
    assert outcome.outcome is Result.PRINTED
    assert asked(moves)[1] == op.CloseSlip()


def test_slip_that_cannot_be_closed_is_not_printed_over() -> None:
    slip = Heard(Said(frozenset({Sign.SERVICE_OPEN}), "no"))
    refused = Numbers(lambda move: slip if move in (Ask(ReadStatus()), Ask(op.CloseSlip())) else None)
    outcome, _ = run(refused)
    assert (outcome.code, "service_receipt_open" in outcome.reason) == ("printer_not_ready", True)
    with pytest.raises(NotBegun):
        run(lambda move: SILENT if move == Ask(op.CloseSlip()) else slip)


@pytest.mark.parametrize("silent", [ReadStatus(), op.ReadLast(), op.ReadDay(0), op.ReadDay(1)])
def test_device_that_is_silent_before_the_intent_has_begun_nothing(silent: op.Operation) -> None:
    with pytest.raises(NotBegun, match="silent"):
        run(Numbers(lambda move: SILENT if move == Ask(silent) else None))


def test_device_that_does_not_tell_its_status_has_begun_nothing() -> None:
    with pytest.raises(NotBegun, match="status"):
        run(Numbers(lambda move: Heard(Said(frozenset(), "no")) if move == Ask(ReadStatus()) else None))


def test_paper_that_ends_in_the_middle_is_waited_for_and_the_command_is_sent_once_more() -> None:
    looks = iter([frozenset(), frozenset({Sign.PAPER_OUT}), frozenset({Sign.PAPER_OUT}), frozenset()])
    refused = iter([True, False])

    def also(move: Move) -> Event | None:
        match move:
            case Ask(operation=ReadStatus()):
                return Heard(Said(next(looks)))
            case Ask(operation=Pay(cents=390)) if next(refused):
                return Heard(Said(OPEN | {Sign.PAPER_OUT}, "paper_out"))
        return None

    outcome, moves = run(Numbers(also))
    assert outcome.outcome is Result.PRINTED
    assert [move.signs for move in moves if isinstance(move, Tell)] == [(Sign.PAPER_OUT,), ()]
    assert sum(isinstance(move, Wait) for move in moves) == 3
    assert [operation.cents for operation in asked(moves) if isinstance(operation, Pay)] == [390, 390, 2000]


def test_paper_that_is_not_put_in_is_given_up_when_the_time_is_over() -> None:
    refused = Heard(Said(OPEN | {Sign.PAPER_OUT}, "paper_out"))
    state = {"open": False}

    def also(move: Move) -> Event | None:
        match move:
            case Ask(operation=Open()):
                state["open"] = True
            case Ask(operation=op.Sale() | Cancel()):
                return refused
            case Ask(operation=ReadTransaction()) if state["open"]:
                return Heard(Said(OPEN, value=Transaction(Stage.OPEN, False, 0, 0, 0)))
            case InTime():
                return not state["open"]
        return None

    outcome, moves = run(Numbers(also))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "cancel_not_confirmed")
    assert asked(moves).count(Cancel()) == 3
    assert "Nr. k-1" in outcome.advice


def test_command_sent_twice_over_a_silence_is_not_repeated_for_paper() -> None:
    """It may have been carried out the first time."""
    unsure = Heard(Said(OPEN | {Sign.PAPER_OUT}, "paper_out"), unsure=True)
    _, moves = run(
        Numbers(lambda move: unsure if isinstance(move, Ask) and isinstance(move.operation, op.Sale) else None)
    )
    assert sum(isinstance(operation, op.Sale) for operation in asked(moves)) == 1
