"""Settling when no receipt is open: what the counters say of one that was begun."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from drivers.contract.printer import Line, Payment, Print, PrintPoint, Result, Reversal, Tender
from drivers.fiscal.counters import Verdict, judge
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.moves import Event, Move
from drivers.fiscal.operations import Cancel, Close, Pay
from drivers.fiscal.plan import Terms, plan
from drivers.fiscal.said import Day, Identity, Last, Stage, Transaction
from drivers.fiscal.standing import Standing
from tests.drivers.fiscal_values import SILENT, asked, example, points
from tests.drivers.settling import BEFORE, CLOSED, CLOSING, INTENT, OPENED, PAYING, Told, settled


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
