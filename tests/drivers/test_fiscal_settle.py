"""Settling as a value: what a device says of itself, and what that makes of a receipt that was begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract.printer import Baseline, Line, Outcome, Payment, Print, PrintPoint, Result, Reversal, Tender
from drivers.fiscal import dialect as op
from drivers.fiscal.counters import Verdict, judge
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.dialect import Cancel, Close, Day, Identity, Last, Pay, ReadTransaction, Said, Stage, Transaction
from drivers.fiscal.errors import Trouble
from drivers.fiscal.moves import Ask, Event, Heard, Lost, Move, Reopen
from drivers.fiscal.plan import Plan, Terms, plan
from drivers.fiscal.settle import MAX_ACTS, Settling
from drivers.fiscal.standing import Standing
from tests.drivers.fiscal_values import HERE, OPEN, SILENT, A, asked, drawn, example, good, points, walk

BEFORE = Baseline("0000006", "0003", None, 5000, 0, "DT000600")
PAYING, CLOSING, CLOSED = PrintPoint.PAYING, PrintPoint.CLOSING, PrintPoint.CLOSED
INTENT, OPENED = PrintPoint.INTENT, PrintPoint.OPENED


class Told(msgspec.Struct):
    """A device as its own answers have it; acts change it as a device changes."""

    stage: Stage = Stage.NONE
    items: int | None = 2
    amount: int | None = 1390
    paid: int | None = 0
    number: str = "0000006"
    z: str = "0003"
    sold: int | None = 5000
    returned: int | None = 0
    reversal: bool = False
    refuses: tuple[type, ...] = ()
    loses: int = 0
    due: int = 0

    def __call__(self, move: Move) -> Event:
        if isinstance(move, Reopen):
            return HERE
        if not isinstance(move, Ask):
            return True
        signs = OPEN if self.stage is not Stage.NONE else frozenset[Any]()
        operation = move.operation
        if isinstance(operation, self.refuses):
            return Heard(Said(signs, "not_allowed_now"))
        if self.loses and isinstance(operation, Pay | Close | Cancel):
            self.loses -= 1
            return SILENT
        match operation:
            case ReadTransaction():
                value: Any = Transaction(self.stage, self.reversal, self.items, self.amount, self.paid)
            case op.ReadLast():
                value = Last(self.number)
            case op.ReadDay():
                value = Day(self.z, self.sold, self.returned)
            case Pay(cents=cents):
                self.due -= cents
                self.stage = Stage.PAYING if self.due > 0 else Stage.PAID
                value = op.Paid()
                signs = OPEN
            case Close() | Cancel():
                self.stage = Stage.NONE
                self.number = f"{int(self.number) + 1:07}"
                if isinstance(operation, Close) and self.sold is not None:
                    self.sold += 1390
                return Heard(Said(frozenset()))
            case _:
                return good(operation)
        return Heard(Said(signs, value=value))


def settled(
    told: Callable[[Move], Event],
    point: PrintPoint,
    *,
    baseline: Baseline = BEFORE,
    work: Plan | None = None,
    identity: Identity = HERE,
    dialect: Any = A,
    why: Lost | str = "",
) -> tuple[Outcome, list[Move]]:
    planned = example() if work is None else work
    return walk(Settling(planned, dialect, identity, point, baseline, 300.0).run(why), told)


# None open -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "result", "code"),
    [
        (INTENT, Result.REFUSED, "never_begun"),
        (OPENED, Result.CANCELLED, "stopped_before_payment"),
        (PAYING, Result.CANCELLED, "stopped_unpaid"),
        (CLOSING, Result.CANCELLED, "stopped_unpaid"),
    ],
)
def test_nothing_has_moved(point: PrintPoint, result: Result, code: str) -> None:
    outcome, moves = settled(Told(), point)
    assert (outcome.outcome, outcome.code) == (result, code)
    assert points(moves) == []
    assert not {type(operation) for operation in asked(moves)} & {Cancel, Close, Pay}


@pytest.mark.parametrize("point", [PAYING, CLOSING])
def test_one_document_more_with_our_amount_is_ours(point: PrintPoint) -> None:
    outcome, moves = settled(Told(number="0000007", sold=6390), point)
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000007")
    assert points(moves) == [CLOSED]


def test_before_paying_was_stored_it_was_not_paid_by_us_and_somebody_may_have_finished_it() -> None:
    for told in (Told(number="0000007", sold=6390), Told(z="0009", number="0000001", sold=0)):
        outcome, _ = settled(told, OPENED)
        assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "counters_differ")
        outcome, _ = settled(told, INTENT)
        assert outcome.outcome is Result.CANCELLED
    for told in (Told(number="0000007"), Told(number="0000009")):
        for point in (INTENT, OPENED):
            outcome, _ = settled(told, point)
            assert (outcome.outcome, outcome.code) == (Result.CANCELLED, "stopped_before_payment")


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (Told(), Verdict.NOT_PRINTED),
        (Told(number="0000007", sold=6390), Verdict.PRINTED),
        (Told(number="0000007", sold=6000), Verdict.PRINTED),  # sums without VAT move, too
        (Told(number="0000007"), Verdict.NOT_PRINTED),  # a cancelled document took a number
        (Told(number="0000007", sold=6390, amount=900), Verdict.NEITHER),
        (Told(number="0000007", sold=6390, amount=None), Verdict.PRINTED),
        (Told(number="0000007", sold=6000, amount=None), Verdict.NEITHER),
        (Told(number="0000007", sold=4000), Verdict.NEITHER),  # sums that went down were set back in between
        (Told(number="0000008", sold=6390), Verdict.NEITHER),
        (Told(number="0000008"), Verdict.NEITHER),
        (Told(number="0000006", sold=6390), Verdict.NEITHER),
        (Told(number="0000005"), Verdict.NEITHER),
        (Told(number="", sold=6390), Verdict.PRINTED),
        (Told(number="", sold=5000), Verdict.NOT_PRINTED),
        (Told(number="", sold=6000), Verdict.NEITHER),
        (Told(number="", sold=None), Verdict.NEITHER),
        (Told(number="0000006", sold=None), Verdict.NOT_PRINTED),
        (Told(number="0000007", sold=None, paid=2390), Verdict.PRINTED),
        (Told(number="0000007", sold=None, paid=None), Verdict.PRINTED),
        (Told(number="0000007", sold=None, paid=0), Verdict.NEITHER),  # cancelled by hand
        (Told(number="0000007", sold=None, amount=900), Verdict.NEITHER),
        (Told(number="0000007", sold=None, amount=None), Verdict.NEITHER),
        (Told(number="A7", sold=6390), Verdict.NEITHER),
        (Told(z="0004", sold=0), Verdict.NOT_PRINTED),
        (Told(z="0004", sold=1390, number="0000007"), Verdict.NEITHER),
        (Told(z="", number="0000007", sold=6390), Verdict.PRINTED),
    ],
)
def test_what_the_counters_say(told: Told, verdict: Verdict) -> None:
    transaction = Transaction(Stage.NONE, False, told.items, told.amount, told.paid)
    standing = Standing(transaction, Last(told.number), Day(told.z, told.sold, told.returned))
    assert judge(example(), BEFORE, standing) is verdict
    outcome, _ = settled(told, PAYING)
    assert (
        outcome.outcome
        is {
            Verdict.PRINTED: Result.PRINTED,
            Verdict.NOT_PRINTED: Result.CANCELLED,
            Verdict.NEITHER: Result.UNKNOWN,
        }[verdict]
    )


def test_counters_that_fit_neither_end_are_told_with_both_numbers_and_what_to_look_at() -> None:
    outcome, _ = settled(Told(number="0000009", sold=9000), CLOSING)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "counters_differ")
    assert "last document 0000006 before, 0000009 now" in outcome.reason
    assert "`Nr. k-1`" in outcome.advice
    assert "0000006 before, it is 0000009 now" in outcome.advice


def test_what_is_given_back_is_looked_for_in_its_own_sums() -> None:
    items, paid = (Line("Tea", "A", 250, 1000),), (Tender(Payment.CASH, 250),)
    back = Reversal("5", device_time="2026-11-27T08:05:09", fiscal_memory="02000600")
    work = plan(Print("k-1", items, paid, 250, reversal=back), DATECS_V1_A, Terms("cp1257", "ABC"))
    outcome, _ = settled(Told(number="0000007", amount=250, returned=250), CLOSING, work=work)
    assert outcome.outcome is Result.PRINTED
    outcome, _ = settled(Told(number="0000007", amount=250, sold=5250), CLOSING, work=work)
    assert outcome.outcome is Result.CANCELLED


def test_another_device_at_the_cable_knows_nothing_of_it() -> None:
    other = Identity("FP-2000", serial="DT000999")
    outcome, moves = settled(Told(number="0000007", sold=6390), CLOSING, identity=other)
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "other_device")
    assert "DT000600" in outcome.reason
    assert "DT000999" in outcome.reason
    assert moves == []


def test_device_that_does_not_say_which_it_is_is_believed_only_where_the_port_was_never_let_go() -> None:
    nameless, before = Identity("FP-2000"), msgspec.structs.replace(BEFORE, serial="")
    told = Told(number="0000007", sold=6390)
    for baseline in (BEFORE, before):
        outcome, moves = settled(told, CLOSING, identity=nameless, baseline=baseline)
        assert (outcome.outcome, outcome.code, moves) == (Result.UNKNOWN, "device_not_told", [])
    outcome, _ = settled(told, CLOSING, identity=nameless, baseline=before, why="it answered something else")
    assert outcome.outcome is Result.PRINTED


def test_time_of_a_close_is_told_only_where_it_was_just_now() -> None:
    """A reversal names it: the time of the settling would be that of no receipt."""
    outcome, _ = settled(Told(number="0000007", sold=6390), CLOSING, why=SILENT)
    assert (outcome.outcome, outcome.device_time) == (Result.PRINTED, "2026-11-27T08:05:09")
    for point in (CLOSING, CLOSED):
        outcome, _ = settled(Told(number="0000007", sold=6390), point)
        assert (outcome.outcome, outcome.device_time) == (Result.PRINTED, "")


def test_after_closed_was_stored_it_stays_printed() -> None:
    outcome, _ = settled(Told(number="0000007", sold=6390), CLOSED)
    assert (outcome.outcome, outcome.number) == (Result.PRINTED, "0000007")
    outcome, _ = settled(Told(number="0000042", sold=9999), CLOSED)
    assert (outcome.outcome, outcome.number, outcome.code) == (Result.PRINTED, "", "number_not_read")


@pytest.mark.parametrize(
    "told",
    [
        Told(Stage.PAID, number="0000007", sold=6390, paid=1390),
        Told(Stage.OPEN, number="0000007", sold=None),
        Told(Stage.PAYING, number="0000006", sold=5000, paid=390, due=1000),
        lambda move: SILENT,
    ],
    ids=["one like it is paid", "one like it is open", "counters stand still", "silent"],
)
def test_after_closed_was_stored_nothing_of_the_device_is_touched(told: Callable[[Move], Event]) -> None:
    """The receipt that is open is the next customer's, who has bought the same."""
    outcome, moves = settled(told, CLOSED)
    assert (outcome.outcome, outcome.number, outcome.code) == (Result.PRINTED, "", "number_not_read")
    assert not {type(operation) for operation in asked(moves)} & {Cancel, Close, Pay}


def test_after_closed_was_stored_another_device_at_the_cable_changes_nothing() -> None:
    other = Identity("FP-2000", serial="DT000999", fiscal_memory="99")
    outcome, moves = settled(Told(number="0000007", sold=6390), CLOSED, identity=other)
    assert (outcome.outcome, outcome.number, outcome.fiscal_memory) == (Result.PRINTED, "", "")
    assert asked(moves) == []


# Open ------------------------------------------------------------------------------------------------------


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


# Families that do not tell what is paid --------------------------------------------------------------------


class Silent(type(A)):  # type: ignore[misc]
    tells_paid = False


def three() -> Plan:
    items = (Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50))
    tenders = (Tender(Payment.CARD, 390), Tender(Payment.BANK, 500), Tender(Payment.CASH, 2000))
    return plan(Print("k-1", items, tenders, 1390), DATECS_V1_A, Terms("cp1257", "ABC"))


def quiet(**fields: Any) -> tuple[Any, Told]:
    return Silent(DATECS_V1_A, op.Clerk("1", "0000", "1")), Told(paid=None, **fields)


@pytest.mark.parametrize(
    ("due", "paid"), [(1000, [(Payment.CASH, 500), (Payment.BANK, 500)]), (500, [(Payment.CASH, 500)])]
)
def test_rest_is_paid_from_the_last_tender_on_and_never_overpaid(due: int, paid: list[tuple[Payment, int]]) -> None:
    dialect, told = quiet(stage=Stage.PAYING, due=due)
    outcome, moves = settled(told, PAYING, dialect=dialect, work=three())
    assert outcome.outcome is Result.PRINTED
    assert [(pay.means, pay.cents) for pay in asked(moves) if isinstance(pay, Pay)] == paid
    assert told.due == 0
    assert points(moves) == [CLOSING, CLOSED]


def test_rest_that_was_begun_to_be_paid_out_of_order_is_left_to_a_person() -> None:
    dialect, told = quiet(stage=Stage.PAYING, due=500)
    outcome, moves = settled(told, CLOSING, dialect=dialect, work=three())
    assert (outcome.outcome, outcome.code) == (Result.UNKNOWN, "doubt_at_payment")
    assert not any(isinstance(operation, Pay) for operation in asked(moves))


def test_of_two_tenders_the_first_is_paid_when_any_is() -> None:
    dialect, told = quiet(stage=Stage.PAYING, due=1000)
    outcome, moves = settled(told, CLOSING, dialect=dialect)
    assert outcome.outcome is Result.PRINTED
    assert [pay.cents for pay in asked(moves) if isinstance(pay, Pay)] == [1000]


def test_device_that_still_says_due_when_all_is_given_is_left_to_a_person() -> None:
    dialect, told = quiet(stage=Stage.PAYING, due=5000)
    outcome, _ = settled(told, PAYING, dialect=dialect)
    assert outcome.outcome is Result.UNKNOWN


def test_refused_and_lost_answers_in_between() -> None:
    dialect, told = quiet(stage=Stage.PAYING, due=1000, refuses=(Pay,))
    outcome, _ = settled(told, PAYING, dialect=dialect, work=three())
    assert outcome.code == "doubt_at_payment"
    dialect, told = quiet(stage=Stage.PAYING, due=1000)
    looks = iter([True, False])

    def lossy(move: Move) -> Event:
        if move == Ask(ReadTransaction()) and told.due < 1000 and next(looks, False):
            return SILENT
        return told(move)

    outcome, _ = settled(lossy, PAYING, dialect=dialect)
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

    dialect = A if tells else Silent(DATECS_V1_A, op.Clerk("1", "0000", "1"))
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
