"""Settling a receipt that is still open, as a value; and what holds for any answers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Payment, PrintPoint, Result
from drivers.fiscal import operations as op
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.errors import Trouble
from drivers.fiscal.moves import Ask, Event, Heard, Lost, Move, Reopen
from drivers.fiscal.operations import Cancel, Close, Pay, ReadTransaction
from drivers.fiscal.said import Stage
from drivers.fiscal.settle import MAX_ACTS
from tests.drivers.fiscal_values import HERE, SILENT, A, asked, drawn, points
from tests.drivers.settling import CLOSED, CLOSING, INTENT, OPENED, PAYING, Silent, Told, settled


@pytest.mark.parametrize(
    ("point", "items", "amount"),
    [
        *((OPENED, *at) for at in [(0, 0), (1, 450), (2, 1390), (2, 900), (3, 1840), (3, 2330)]),
        *((OPENED, *at) for at in [(None, 450), (1, None)]),
        (INTENT, 0, 0),
    ],
)
def test_receipt_that_is_ours_and_not_paid_is_cancelled(
    point: PrintPoint, items: int | None, amount: int | None
) -> None:
    """A beginning of our lines, or one with a line twice."""
    outcome, moves = settled(Told(Stage.OPEN, items, amount), point)
    assert (outcome.outcome, outcome.code) == (Result.CANCELLED, "stopped_before_payment")
    assert asked(moves).count(Cancel()) == 1


@pytest.mark.parametrize(
    "told",
    [
        Told(Stage.OPEN, 1, 451),
        Told(Stage.OPEN, 5, 1390),
        Told(Stage.OPEN, 2, 1390, reversal=True),
        Told(Stage.PAYING, 2, 1390, 390),
    ],
)
def test_receipt_that_is_not_ours_is_not_touched(told: Told) -> None:
    outcome, moves = settled(told, OPENED)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "other_receipt")
    assert not {type(operation) for operation in asked(moves)} & {Cancel, Close, Pay}
    assert "finish or cancel it" in outcome.advice


def test_once_paying_only_the_whole_receipt_is_ours() -> None:
    outcome, moves = settled(Told(Stage.OPEN, 1, 450), PAYING)
    assert outcome.code == "other_receipt"
    assert Cancel() not in asked(moves)


def test_half_paid_receipt_is_paid_as_recorded_and_closed() -> None:
    outcome, moves = settled(Told(Stage.PAYING, paid=390, due=1000), PAYING)
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000007")
    assert [operation for operation in asked(moves) if isinstance(operation, Pay)] == [Pay(Payment.CASH, 2000)]
    assert points(moves) == [CLOSING, CLOSED]
    assert Cancel() not in asked(moves)


def test_paid_receipt_is_closed() -> None:
    outcome, moves = settled(Told(Stage.PAID, paid=2390), CLOSING)
    assert outcome.outcome is Result.PRINTED
    assert points(moves) == [CLOSED]
    assert not any(isinstance(operation, Pay) for operation in asked(moves))


def test_unpaid_receipt_whose_payment_was_to_begin_is_paid_and_closed() -> None:
    outcome, moves = settled(Told(Stage.OPEN, due=1390), PAYING)
    assert outcome.outcome is Result.PRINTED
    assert [type(operation) for operation in asked(moves)].count(Pay) == 2


def test_receipt_whose_payment_the_device_refuses_is_cancelled_when_it_says_that_nothing_is_paid() -> None:
    outcome, moves = settled(Told(Stage.OPEN, refuses=(Pay,)), PAYING)
    assert (outcome.outcome, outcome.code) == (Result.CANCELLED, "stopped_unpaid")
    assert asked(moves).count(Cancel()) == 1


def test_such_a_receipt_stays_open_where_no_sums_would_tell_it_from_a_printed_one() -> None:
    outcome, moves = settled(Told(Stage.OPEN, refuses=(Pay,), sold=None), PAYING)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "doubt_at_payment")
    assert Cancel() not in asked(moves)


def test_sum_that_no_tenders_make_is_left_to_a_person() -> None:
    outcome, moves = settled(Told(Stage.PAYING, paid=780), PAYING)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "doubt_at_payment")
    assert "780" in outcome.reason
    assert not any(isinstance(operation, Pay) for operation in asked(moves))


@pytest.mark.parametrize(
    ("told", "point", "code"),
    [
        (Told(Stage.OPEN, refuses=(Cancel,)), OPENED, "cancel_not_confirmed"),
        (Told(Stage.PAYING, paid=390, refuses=(Pay,)), PAYING, "doubt_at_payment"),
        (Told(Stage.PAID, paid=2390, refuses=(Close,)), CLOSING, "doubt_at_close"),
    ],
)
def test_what_the_device_will_not_do_is_tried_so_often_and_left_to_a_person(
    told: Told, point: PrintPoint, code: str
) -> None:
    outcome, moves = settled(told, point)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, code)
    assert sum(isinstance(operation, told.refuses) for operation in asked(moves)) == MAX_ACTS


def test_answer_lost_while_settling_is_read_back_again() -> None:
    for told, point in (
        (Told(Stage.OPEN, loses=1), OPENED),
        (Told(Stage.PAYING, paid=390, due=1000, loses=1), PAYING),
        (Told(Stage.PAID, paid=2390, loses=1), CLOSING),
    ):
        outcome, moves = settled(told, point)
        assert outcome.outcome in (Result.CANCELLED, Result.PRINTED)
        assert sum(isinstance(move, Reopen) for move in moves) == 1


def test_device_that_stays_away_is_settled_later() -> None:
    gone = Lost("gone", Trouble.PORT_GONE)
    outcome, moves = settled(lambda move: gone if isinstance(move, Reopen) else SILENT, PAYING, why=SILENT)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "not_read_back")
    assert sum(isinstance(move, Reopen) for move in moves) == 6
    assert "asks the printer itself" in outcome.advice


def test_device_that_opens_and_does_not_answer_is_settled_later() -> None:
    outcome, _ = settled(lambda move: HERE if isinstance(move, Reopen) else SILENT, PAYING)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "not_read_back")


@pytest.mark.parametrize("silent", [op.ReadLast(), op.ReadDay(0)])
def test_half_an_answer_is_none(silent: op.Operation) -> None:
    told = Told()
    outcome, _ = settled(lambda move: SILENT if move == Ask(silent) else told(move), PAYING)
    assert outcome.code == "not_read_back"


def test_device_that_does_not_tell_whether_a_receipt_is_open_is_not_guessed_at() -> None:
    outcome, _ = settled(Told(refuses=(ReadTransaction,)), PAYING)
    assert outcome.code == "not_read_back"


def test_device_that_refuses_to_tell_a_counter_is_judged_by_the_others() -> None:
    outcome, _ = settled(Told(number="0000007", paid=2390, refuses=(op.ReadDay,)), CLOSING)
    assert outcome.outcome is Result.PRINTED
    outcome, _ = settled(Told(sold=6390, refuses=(op.ReadLast,)), CLOSING)
    assert outcome.outcome is Result.PRINTED


# Anything --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=600)
@given(st.data(), st.sampled_from(PrintPoint), st.booleans())
def test_rules_hold_for_any_answers(data: st.DataObject, point: PrintPoint, tells: bool) -> None:
    answer, replies = drawn(data, good_of=2), list[tuple[op.Operation, Event]]()

    def kept(move: Move) -> Event:
        event = answer(move)
        if isinstance(move, Ask):
            replies.append((move.operation, event))
        return event

    dialect = A if tells else Silent(DATECS_V1_A, Clerk("1", "0000", "1"))
    whys: list[Lost | str] = ["", "no", SILENT]
    why = data.draw(st.sampled_from(whys))
    outcome, moves = settled(kept, point, dialect=dialect, why=why)
    operations, stored = asked(moves), points(moves)
    assert not {type(operation) for operation in operations} & {op.Open, op.Sale, op.PrintDay, op.MoveCash}
    assert all(list(PrintPoint).index(one) >= list(PrintPoint).index(CLOSING) for one in stored)
    if point in (INTENT, OPENED):
        assert not any(isinstance(operation, Pay | Close) for operation in operations)
        assert outcome.outcome is not Result.PRINTED
    elif outcome.outcome is Result.PRINTED:
        assert stored[-1] is CLOSED
    if point not in (INTENT, OPENED) and Cancel() in operations:
        first = operations.index(Cancel())
        paid = [reply for operation, reply in replies[:first] if isinstance(operation, Pay)]
        assert any(isinstance(reply, Heard) and (reply.said.refused or not reply.open) for reply in paid)
    if outcome.outcome is Result.REFUSED:
        assert point is INTENT
    if outcome.outcome is Result.UNKNOWN:
        assert "last document" in outcome.reason
        assert outcome.advice
