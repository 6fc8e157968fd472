"""The course of a receipt as a value: whatever the device answers, the rules of fiscal printing hold."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Baseline, Line, PrintPoint, Result
from drivers.fiscal import operations as op
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Event, Heard, InTime, Move, NotBegun, Reopen, Store
from drivers.fiscal.operations import Cancel, Close, Open, Pay, ReadSubtotal, ReadTransaction
from drivers.fiscal.plan import row_cents
from drivers.fiscal.said import Last, Paid, Said, Stage, Subtotal, Transaction
from tests.drivers.fiscal_values import OPEN, SILENT, asked, drawn, points
from tests.drivers.receipt_course import Numbers, run, well


def test_receipt_in_its_order() -> None:
    outcome, moves = run(Numbers())
    assert outcome.outcome is Result.PRINTED
    assert (outcome.number, outcome.change_cents) == ("0000007", 1000)
    assert (outcome.device_time, outcome.fiscal_memory) == ("2026-11-27T08:05:09", "02000600")
    done = [
        move.point.value if isinstance(move, Store) else type(move.operation).__name__
        for move in moves
        if isinstance(move, Store | Ask)
    ]
    assert done == [
        "ReadStatus", "ReadDay", "ReadDay", "ReadLast", "intent", "Open", "opened", "Text", "Sale", "Sale",
        "ReadSubtotal", "paying", "Pay", "Pay", "Text", "closing", "Close", "ReadLast", "ReadClock", "closed",
    ]  # fmt: skip
    assert moves[4] == Store(
        PrintPoint.INTENT, baseline=Baseline("0000006", "0003", None, 0, 0, "DT000600", "02000600")
    )
    assert moves[-1] == Store(PrintPoint.CLOSED, "0000007")


def test_subtotal_that_differs_is_cancelled_before_anything_is_paid() -> None:
    state = {"open": False}

    def also(move: Move) -> Event | None:
        match move:
            case Ask(operation=ReadSubtotal()):
                return Heard(Said(OPEN, value=Subtotal(1391)))
            case Ask(operation=Open()):
                state["open"] = True
            case Ask(operation=Cancel()):
                state["open"] = False
            case Ask(operation=ReadTransaction()) if state["open"]:
                return Heard(Said(OPEN, value=Transaction(Stage.OPEN, False, 2, 1390, 0)))
        return None

    outcome, moves = run(Numbers(also))
    assert outcome.outcome is Result.CANCELLED
    assert "1391 cents" in outcome.reason
    assert asked(moves).count(Cancel()) == 1
    assert points(moves) == [PrintPoint.INTENT, PrintPoint.OPENED]


def test_deadline_that_has_passed_before_the_opening_refuses() -> None:
    outcome, moves = run(Numbers(lambda move: False if isinstance(move, InTime) else None))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "too_late")
    assert Open() not in asked(moves)


def test_payment_after_which_the_device_says_another_sum_is_read_back() -> None:
    state = {"paid": False}

    def also(move: Move) -> Event | None:
        match move:
            case Ask(operation=Pay(cents=390)):
                state["paid"] = True
                return Heard(Said(OPEN, value=Paid(610, 0)))
            case Ask(operation=ReadTransaction()) if state["paid"]:
                return Heard(Said(OPEN, value=Transaction(Stage.PAYING, False, 2, 1390, 780)))
        return None

    outcome, moves = run(Numbers(also))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "doubt_at_payment")
    assert [operation.cents for operation in asked(moves) if isinstance(operation, Pay)] == [390]
    assert Cancel() not in asked(moves)


def test_receipt_that_is_not_open_after_an_answer_that_says_yes_is_read_back() -> None:
    closed = Heard(Said(frozenset()))
    outcome, moves = run(
        Numbers(lambda move: closed if isinstance(move, Ask) and isinstance(move.operation, op.Sale) else None)
    )
    assert (outcome.outcome, outcome.code) == (Result.CANCELLED, "stopped_before_payment")
    assert "the receipt is not open" in outcome.reason
    assert PrintPoint.PAYING not in points(moves)


def test_subtotal_that_is_not_told_stops_before_the_payment() -> None:
    outcome, moves = run(Numbers(lambda move: Heard(Said(OPEN)) if move == Ask(ReadSubtotal()) else None))
    assert "does not tell its subtotal" in outcome.reason
    assert PrintPoint.PAYING not in points(moves)


def test_course_takes_no_event_that_does_not_answer_its_move() -> None:
    with pytest.raises(TypeError):
        run(lambda move: True if isinstance(move, Ask) else well(move))
    with pytest.raises(TypeError):
        run(lambda move: SILENT if isinstance(move, InTime) else well(move))
    with pytest.raises(TypeError):
        run(lambda move: SILENT if move == Ask(Open()) else True if isinstance(move, Reopen) else well(move))


def test_number_that_cannot_be_read_does_not_make_the_receipt_less_printed() -> None:
    state = {"closed": False}

    def also(move: Move) -> Event | None:
        state["closed"] |= move == Ask(Close())
        return SILENT if state["closed"] and move == Ask(op.ReadLast()) else None

    outcome, moves = run(Numbers(also))
    assert outcome.outcome is Result.PRINTED
    assert (outcome.number, outcome.code) == ("", "number_not_read")
    assert moves[-1] == Store(PrintPoint.CLOSED)


def test_close_that_is_confirmed_while_the_number_stands_still_is_not_believed() -> None:
    outcome, _ = run(well)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "doubt_at_close")
    assert "0000006 before, 0000006 now" in outcome.reason


def test_device_that_is_trained_on_counts_nothing_and_prints() -> None:
    trained = Heard(Said(frozenset({Sign.TRAINING})))
    outcome, _ = run(lambda move: trained if move == Ask(Close()) else well(move))
    assert outcome.outcome is Result.PRINTED
    assert outcome.number == ""


@settings(deadline=None, max_examples=600)
@given(st.data())
def test_rules_hold_for_any_answers(data: st.DataObject) -> None:
    answer, replies = drawn(data), list[tuple[op.Operation, Event]]()

    def kept(move: Move) -> Event:
        event = answer(move)
        if isinstance(move, Ask):
            replies.append((move.operation, event))
        return event

    try:
        outcome, moves = run(kept)
    except NotBegun:
        assert Open() not in [operation for operation, _ in replies]
        return
    operations, stored = asked(moves), points(moves)
    names = [type(operation).__name__ for operation in operations]
    # Every durable point comes once at most, in its order; nothing prints before the intent.
    assert stored == sorted(set(stored), key=list(PrintPoint).index)
    assert names.count("Open") <= 1
    order = [
        move.point if isinstance(move, Store) else type(move.operation)
        for move in moves
        if isinstance(move, Store | Ask)
    ]
    if Open in order:
        assert order.index(PrintPoint.INTENT) < order.index(Open)
    if Pay in order:
        assert order.index(PrintPoint.PAYING) < order.index(Pay)
        subtotal = next(reply for operation, reply in replies if operation == ReadSubtotal())
        assert isinstance(subtotal, Heard)
        assert subtotal.said.value == Subtotal(1390)
        assert not subtotal.said.refused
    if Close in order:
        assert order.index(PrintPoint.CLOSING) < order.index(Close)
    # From `paying` on nothing is cancelled but what the device has refused to be paid, and says is not.
    for at, (operation, _) in enumerate(replies):
        if operation == Cancel():
            before = [reply for asked_before, reply in replies[:at] if asked_before == ReadTransaction()]
            last = before[-1]
            assert isinstance(last, Heard)
            assert isinstance(last.said.value, Transaction)
            assert last.said.value.stage is Stage.OPEN
            if PrintPoint.PAYING in stored:
                paid = [reply for operation, reply in replies[:at] if isinstance(operation, Pay)]
                assert any(isinstance(x, Heard) and (x.said.refused or not x.open) for x in paid)
    match outcome.outcome:
        case Result.PRINTED:
            assert stored[-1] is PrintPoint.CLOSED
            assert PrintPoint.PAYING in stored
            closes = [reply for operation, reply in replies if operation == Close()]
            confirmed = [x for x in closes if isinstance(x, Heard) and not x.said.refused and not x.open]
            numbers = [
                reply.said.value.number
                for operation, reply in replies
                if isinstance(reply, Heard) and isinstance(reply.said.value, Last) and operation == op.ReadLast()
            ]
            assert confirmed or len(set(numbers)) > 1 or numbers == []
        case Result.CANCELLED:
            assert "Open" in names
            assert PrintPoint.CLOSED not in stored
        case Result.REFUSED:
            assert PrintPoint.OPENED not in stored
        case Result.UNKNOWN:
            assert outcome.advice
            assert "last document" in outcome.reason


@settings(deadline=None)
@given(st.integers(1, 99_999_999), st.integers(1, 99_999_999))
def test_rows_are_the_devices_rows(unit_cents: int, quantity: int) -> None:
    exact = (Decimal(unit_cents) * quantity / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    assert row_cents(Line("x", "A", unit_cents, quantity)) == exact
