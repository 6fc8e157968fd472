"""The course of a receipt as a value: whatever the device answers, the rules of fiscal printing hold."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Baseline, Line, Outcome, PrintPoint, Result
from drivers.fiscal import dialect as op
from drivers.fiscal.dialect import Cancel, Close, Open, Pay, ReadStatus, ReadSubtotal, ReadTransaction, Said, Stage
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Event, Heard, InTime, Move, NotBegun, Reopen, Store, Tell, Wait
from drivers.fiscal.plan import row_cents
from drivers.fiscal.receipt import receipt
from tests.drivers.fiscal_values import HERE, OPEN, SILENT, A, asked, drawn, example, good, points, walk

PATIENCE_S = 300.0


def run(answer: Callable[[Move], Event]) -> tuple[Outcome, list[Move]]:
    return walk(receipt(example(), A, HERE, PATIENCE_S), answer)


def well(move: Move) -> Event:
    match move:
        case Ask(operation=op.ReadLast()):
            return Heard(Said(frozenset(), value=op.Last("0000006")))
        case Ask(operation=operation):
            return good(operation)
        case Reopen():
            return HERE
        case _:
            return True


class Numbers:
    """Counts documents as a device does: one more after the close."""

    def __init__(self, also: Callable[[Move], Event | None] = lambda move: None) -> None:
        self._also = also
        self._closed = False

    def __call__(self, move: Move) -> Event:
        if (event := self._also(move)) is not None:
            return event
        match move:
            case Ask(operation=op.ReadLast()):
                return Heard(Said(frozenset(), value=op.Last("0000007" if self._closed else "0000006")))
            case Ask(operation=op.ReadDay()):
                return Heard(Said(frozenset(), value=op.Day("0003", 1390 if self._closed else 0, 0)))
            case Ask(operation=Close()):
                self._closed = True
        return well(move)


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
    before = Baseline("0000006", "0003", None, 0, 0, "DT000600", "02000600")
    assert moves[4] == Store(PrintPoint.INTENT, baseline=before)
    assert moves[-1] == Store(PrintPoint.CLOSED, "0000007")


def test_subtotal_that_differs_is_cancelled_before_anything_is_paid() -> None:
    state = {"open": False}

    def also(move: Move) -> Event | None:
        match move:
            case Ask(operation=ReadSubtotal()):
                return Heard(Said(OPEN, value=op.Subtotal(1391)))
            case Ask(operation=Open()):
                state["open"] = True
            case Ask(operation=Cancel()):
                state["open"] = False
            case Ask(operation=ReadTransaction()) if state["open"]:
                return Heard(Said(OPEN, value=op.Transaction(Stage.OPEN, False, 2, 1390, 0)))
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
                return Heard(Said(OPEN, value=op.Paid(610, 0)))
            case Ask(operation=ReadTransaction()) if state["paid"]:
                return Heard(Said(OPEN, value=op.Transaction(Stage.PAYING, False, 2, 1390, 780)))
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
                return Heard(Said(OPEN, value=op.Transaction(Stage.OPEN, False, 0, 0, 0)))
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
        assert subtotal.said.value == op.Subtotal(1390)
        assert not subtotal.said.refused
    if Close in order:
        assert order.index(PrintPoint.CLOSING) < order.index(Close)
    # From `paying` on nothing is cancelled but what the device has refused to be paid, and says is not.
    for at, (operation, _) in enumerate(replies):
        if operation == Cancel():
            before = [reply for asked_before, reply in replies[:at] if asked_before == ReadTransaction()]
            last = before[-1]
            assert isinstance(last, Heard)
            assert isinstance(last.said.value, op.Transaction)
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
                if isinstance(reply, Heard) and isinstance(reply.said.value, op.Last) and operation == op.ReadLast()
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
