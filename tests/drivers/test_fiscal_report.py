"""Day reports and movements of cash as values: once per key, found out by the counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Baseline, CashMove, DayReport, Outcome, PrintPoint, Result
from drivers.fiscal import operations as op
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.errors import Trouble
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Event, Heard, InTime, Lost, Move, NotBegun, Reopen, Store
from drivers.fiscal.operations import MoveCash, PrintDay, ReadCash, ReadDay, ReadStatus
from drivers.fiscal.report import ATTEMPTS, Booking
from drivers.fiscal.said import Cash, Day, Identity, Said
from tests.drivers.fiscal_values import HERE, OPEN, SILENT, A, asked, drawn, good, points, walk

X, Z, IN = DayReport("k-1"), DayReport("k-1", z=True), CashMove("k-1", 500)
BEFORE = Baseline("0000006", "0003", 1000, 5000, 0, "DT000600")
ALL = (PrintPoint.INTENT, PrintPoint.CLOSED)


class Told:
    """A device with a drawer and a fiscal day. `lost`: the answers of so many printing commands are lost, with the
    command carried out or not."""

    def __init__(self, *lost: bool, z: int = 3, cash: int = 1000, sold: int | None = 5000, **answers: Any) -> None:
        self._lost = list(lost)
        self.z, self.cash, self._sold = z, cash, sold
        self._answers = answers

    def __call__(self, move: Move) -> Event:
        if isinstance(move, Reopen):
            return HERE
        if not isinstance(move, Ask):
            return True
        operation = move.operation
        if (said := self._answers.get(type(operation).__name__)) is not None:
            event: Event = said
            return event
        if isinstance(operation, PrintDay | MoveCash):
            executed = self._lost.pop(0) if self._lost else None
            if executed is not False:
                self.z += isinstance(operation, PrintDay) and operation.z
                self.cash += operation.cents if isinstance(operation, MoveCash) else 0
            if executed is not None:
                return SILENT
        match operation:
            case ReadDay(part=1):
                return Heard(Said(frozenset(), value=Day(sold_cents=self._sold)))
            case ReadDay(part=0) | PrintDay():
                return Heard(Said(frozenset(), value=Day(f"{self.z:04}")))
            case ReadCash() | MoveCash():
                return Heard(Said(frozenset(), value=Cash(self.cash)))
            case _:
                return good(operation)


def run(work: DayReport | CashMove, told: Callable[[Move], Event]) -> tuple[Outcome, list[Move]]:
    return walk(Booking(work, A, HERE).run(), told)


def settled(
    work: DayReport | CashMove,
    told: Callable[[Move], Event],
    point: PrintPoint = PrintPoint.INTENT,
    who: Identity = HERE,
) -> tuple[Outcome, list[Move]]:
    return walk(Booking(work, A, who).settle(point, BEFORE), told)


def sent(moves: list[Move]) -> int:
    return sum(isinstance(operation, PrintDay | MoveCash) for operation in asked(moves))


@pytest.mark.parametrize("work", [X, Z, IN], ids=["x", "z", "cash"])
def test_once_with_an_intent_before_and_a_point_behind(work: DayReport | CashMove) -> None:
    outcome, moves = run(work, Told())
    assert outcome.outcome is Result.PRINTED
    assert tuple(points(moves)) == ALL
    assert sent(moves) == 1
    assert all(move.once for move in moves if isinstance(move, Ask) and isinstance(move.operation, PrintDay | MoveCash))


@pytest.mark.parametrize("work", [Z, IN], ids=["z", "cash"])
def test_both_numbers_of_the_device_are_stored_with_the_intent(work: DayReport | CashMove) -> None:
    """A device may tell only one of them, and settles by that."""
    _, moves = run(work, Told())
    [before] = [move.baseline for move in moves if isinstance(move, Store) and move.point is PrintPoint.INTENT]
    assert before is not None
    assert (before.serial, before.fiscal_memory) == (HERE.serial, HERE.fiscal_memory)
    assert HERE.fiscal_memory


def test_report_says_its_number_also_where_only_the_counters_tell_it() -> None:
    assert run(Z, Told())[0].z_number == "0004"
    told = Told()

    def quiet(move: Move) -> Event:
        heard = told(move)
        return Heard(Said(frozenset())) if isinstance(move, Ask) and isinstance(move.operation, PrintDay) else heard

    assert run(Z, quiet)[0].z_number == "0004"
    lost = Told(PrintDay=Heard(Said(frozenset())))
    days = iter([False])
    outcome, _ = run(Z, lambda move: SILENT if move == Ask(ReadDay(0)) and next(days, True) else lost(move))
    assert (outcome.outcome, outcome.z_number) == (Result.PRINTED, "")


@pytest.mark.parametrize("work", [Z, IN], ids=["z", "cash"])
@pytest.mark.parametrize("executed", [True, False])
def test_lost_answer_is_read_back_and_what_was_not_done_is_asked_again(
    work: DayReport | CashMove, executed: bool
) -> None:
    told = Told(executed)
    outcome, moves = run(work, told)
    assert outcome.outcome is Result.PRINTED
    assert sent(moves) == (1 if executed else 2)
    assert (told.z, told.cash) == ((4, 1000) if work is Z else (3, 1500))


def test_the_number_of_a_report_is_read_next_to_it_on_both_sides() -> None:
    """A day that ends by itself in between leaves a doubt: nothing that a report does not need is read there."""
    _, moves = run(Z, Told(True))
    assert asked(moves) == [ReadStatus(), op.ReadLast(), ReadDay(), PrintDay(True), ReadStatus(), ReadDay()]


def test_what_is_never_done_is_given_up_and_booked_nowhere() -> None:
    outcome, moves = run(Z, Told(*[False] * 9))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "never_begun")
    assert sent(moves) == ATTEMPTS


def test_x_report_has_no_trace() -> None:
    outcome, moves = run(X, Told(True))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "x_has_no_trace")
    assert sent(moves) == 1
    assert settled(X, Told())[0].code == "x_has_no_trace"


def test_device_that_does_not_come_back_or_is_another_one() -> None:
    told = Told(True)
    gone = Lost("gone", Trouble.PORT_GONE)
    outcome, _ = run(Z, lambda move: gone if isinstance(move, Reopen) else told(move))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "not_read_back")
    other = Identity("FP-2000", serial="DT000999")
    told = Told(True)
    outcome, _ = run(Z, lambda move: other if isinstance(move, Reopen) else told(move))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "other_device")


@pytest.mark.parametrize(("work", "read"), [(Z, ReadDay(0)), (IN, ReadCash())])
def test_counter_that_cannot_be_read_back_leaves_it_unknown(work: DayReport | CashMove, read: op.Operation) -> None:
    told, again = Told(True), iter([False])
    outcome, _ = run(work, lambda move: SILENT if move == Ask(read) and next(again, True) else told(move))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "not_read_back")


@pytest.mark.parametrize("work", [Z, IN], ids=["z", "cash"])
def test_refused_is_refused(work: DayReport | CashMove) -> None:
    no = Heard(Said(frozenset({Sign.NOT_ALLOWED}), "not_allowed_now", "-1"))
    outcome, moves = run(work, Told(PrintDay=no, MoveCash=no))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "work_refused")
    assert outcome.reason.endswith("(-1)")
    assert points(moves) == [PrintPoint.INTENT]


class Refusing(Told):
    """It does what it is asked, and calls that a refusal: paper has ended on the way."""

    def __call__(self, move: Move) -> Event:
        event = super().__call__(move)
        if move in (Ask(PrintDay(True), once=True), Ask(MoveCash(500), once=True)):
            return Heard(Said(frozenset({Sign.PAPER_OUT}), "paper_out"))
        return event


@pytest.mark.parametrize("work", [Z, IN], ids=["z", "cash"])
def test_what_is_called_refused_and_was_counted_is_printed(work: DayReport | CashMove) -> None:
    outcome, moves = run(work, Refusing())
    assert outcome.outcome is Result.PRINTED
    assert (outcome.z_number, sent(moves), points(moves)) == ("0004" if work is Z else "0003", 1, list(ALL))


def test_z_report_that_the_printer_confirms_and_does_not_count_is_unknown() -> None:
    stale = Heard(Said(frozenset(), value=Day("0004")))
    outcome, moves = run(Z, Told(PrintDay=stale))
    assert (outcome.outcome, outcome.code, points(moves)) == (Result.UNKNOWN, "counters_differ", [PrintPoint.INTENT])
    training = Heard(Said(frozenset({Sign.TRAINING}), value=Day("0004")))
    assert run(Z, Told(PrintDay=training))[0].outcome is Result.PRINTED


def test_more_than_the_drawer_holds_is_told_with_what_it_holds() -> None:
    no = Heard(Said(frozenset({Sign.NOT_ALLOWED}), "answered F"))
    outcome, moves = run(CashMove("k-1", -500_000), Told(MoveCash=no))
    assert (outcome.outcome, outcome.code) == (Result.REFUSED, "not_enough_cash")
    assert "the drawer holds 10.00" in outcome.reason
    assert points(moves) == [PrintPoint.INTENT]


def test_an_error_that_has_its_code_in_its_words_is_told_once() -> None:
    no = Heard(Said(frozenset({Sign.NOT_ALLOWED}), "not allowed (-112002)", "-112002"))
    outcome, _ = run(Z, Told(PrintDay=no))
    assert outcome.reason.count("-112002") == 1


def test_drawer_that_holds_something_else_than_it_should_is_unknown() -> None:
    outcome, _ = run(IN, Told(MoveCash=Heard(Said(frozenset(), value=Cash(2000)))))
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "counters_differ")
    assert "500 cents" in outcome.reason


def test_nothing_is_moved_by_nothing_or_by_too_much() -> None:
    for cents in (0, 10**9, -(10**9)):
        outcome, moves = run(CashMove("k-1", cents), Told())
        assert (outcome.code, outcome.where, moves) == ("bad_amount", "cents", [])


def test_what_the_family_cannot_send_is_refused_before_a_byte() -> None:
    class Narrow(type(A)):  # type: ignore[misc]
        def request(self, operation: op.Operation) -> tuple[int, bytes]:
            raise ValueError("cents: too many")

    outcome, moves = walk(Booking(IN, Narrow(A.family, Clerk("1", "0000", "1")), HERE).run(), Told())
    assert (outcome.code, outcome.where, moves) == ("not_supported", "cents", [])


def test_day_that_is_over_is_what_a_z_report_ends_and_nothing_else_goes_on() -> None:
    over = Heard(Said(frozenset({Sign.DAY_OVER})))
    assert run(Z, Told(ReadStatus=over))[0].outcome is Result.PRINTED
    assert run(IN, Told(ReadStatus=over))[0].code == "z_overdue"


def test_open_receipt_deadline_and_silence_come_before_the_intent() -> None:
    assert run(Z, Told(ReadStatus=Heard(Said(OPEN))))[0].code == "receipt_open"
    told = Told()
    outcome, moves = run(Z, lambda move: False if isinstance(move, InTime) else told(move))
    assert (outcome.code, sent(moves)) == ("too_late", 0)
    with pytest.raises(NotBegun):
        run(Z, Told(ReadStatus=SILENT))
    with pytest.raises(NotBegun):
        run(IN, Told(ReadCash=SILENT))


@pytest.mark.parametrize(
    ("work", "told", "result", "code"),
    [
        (Z, Told(), Result.REFUSED, "never_begun"),
        (Z, Told(z=4), Result.PRINTED, ""),
        (Z, Told(z=5), Result.UNKNOWN, "counters_differ"),
        (IN, Told(), Result.REFUSED, "never_begun"),
        (IN, Told(cash=1500), Result.PRINTED, ""),
        (IN, Told(cash=1700), Result.UNKNOWN, "counters_differ"),
        (IN, Told(cash=1500, z=4), Result.UNKNOWN, "counters_differ"),
        (IN, Told(cash=1500, sold=5500), Result.UNKNOWN, "counters_differ"),
        (IN, Told(cash=1000, sold=4500), Result.UNKNOWN, "counters_differ"),
        (IN, Told(cash=1500, sold=None), Result.PRINTED, ""),
        (IN, Told(ReadCash=Heard(Said(frozenset(), "no"))), Result.UNKNOWN, "counters_differ"),
        (Z, Told(ReadDay=SILENT), Result.UNKNOWN, "not_read_back"),
        (IN, Told(ReadCash=SILENT), Result.UNKNOWN, "not_read_back"),
    ],
)
def test_settled_by_the_counters(work: DayReport | CashMove, told: Told, result: Result, code: str) -> None:
    outcome, moves = settled(work, told)
    assert (outcome.outcome, outcome.code) == (result, code)
    assert sent(moves) == 0
    assert points(moves) == ([PrintPoint.CLOSED] if result is Result.PRINTED else [])


def test_settled_after_closed_stays_printed() -> None:
    outcome, moves = settled(Z, Told(z=4), PrintPoint.CLOSED)
    assert (outcome.outcome, outcome.z_number, points(moves)) == (Result.PRINTED, "0004", [])
    outcome, moves = settled(Z, Told(z=9), PrintPoint.CLOSED)
    assert (outcome.outcome, outcome.z_number, points(moves)) == (Result.PRINTED, "", [])
    assert settled(Z, Told(ReadDay=SILENT), PrintPoint.CLOSED)[0].outcome is Result.PRINTED


def test_settled_on_another_device_is_unknown() -> None:
    assert settled(Z, Told(z=4), who=Identity("FP-2000", serial="DT000999"))[0].code == "other_device"


@settings(deadline=None, max_examples=400)
@given(st.data(), st.sampled_from([X, Z, IN]))
def test_rules_hold_for_any_answers(data: st.DataObject, work: DayReport | CashMove) -> None:
    answer = drawn(data)
    try:
        outcome, moves = run(work, answer)
    except NotBegun:
        return
    assert tuple(points(moves)) in ((), ALL[:1], ALL)
    order = [type(move.operation) if isinstance(move, Ask) else type(move) for move in moves]
    if sent(moves):
        assert PrintPoint.INTENT in points(moves)
    assert sent(moves) <= ATTEMPTS
    assert not set(order) & {op.Open, op.Pay, op.Close, op.Cancel}
    assert ReadStatus in order
    if outcome.outcome is Result.PRINTED:
        assert sent(moves)
    if outcome.outcome is Result.UNKNOWN:
        assert outcome.advice
