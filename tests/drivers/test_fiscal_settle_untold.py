"""Settling with families that do not tell what is paid."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.contract.printer import Line, Payment, Print, Result, Tender
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.moves import Ask, Event, Move
from drivers.fiscal.operations import Pay, ReadTransaction
from drivers.fiscal.plan import Plan, Terms, plan
from drivers.fiscal.said import Stage
from tests.drivers.fiscal_values import SILENT, asked, points
from tests.drivers.settling import CLOSED, CLOSING, PAYING, Silent, Told, settled


def three() -> Plan:
    items = (Line("Coffee", "A", 250, 2000, 50), Line("Book", "C", 990, 1000, 50))
    tenders = (Tender(Payment.CARD, 390), Tender(Payment.BANK, 500), Tender(Payment.CASH, 2000))
    return plan(Print("k-1", items, tenders, 1390), DATECS_V1_A, Terms("cp1257", "ABC"))


def quiet(**fields: Any) -> tuple[Any, Told]:
    return Silent(DATECS_V1_A, Clerk("1", "0000", "1")), Told(paid=None, **fields)


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
