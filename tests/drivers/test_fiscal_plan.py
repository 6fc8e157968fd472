"""A receipt becomes the operations that print it: order, sums, rounding."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from drivers.contract.printer import Adjust, Line, Note, Payment
from drivers.fiscal.datecs_v1_family import DATECS_V1_A, DATECS_V1_B
from drivers.fiscal.errors import Reason
from drivers.fiscal.operations import AdjustSubtotal, Open, OpenReversal, Pay, Sale, Text
from drivers.fiscal.plan import Progress, row_cents
from drivers.fiscal.tenders import Paying
from tests.drivers.planning import BACK, BOOK, COFFEE, NO_BANK, ROUNDING, card, cash, planned, refused

# What is planned -------------------------------------------------------------------------------------------


def test_receipt_of_two_lines() -> None:
    work = planned()
    assert work.opening == Open()
    assert work.body == (
        Text(b"Nr. k-1"),
        Sale(b"Coffee", "A", 250, 2000, 50),
        Sale(b"Book", "C", 990, 1000, 50),
    )
    assert work.progress == (Progress(0, 0), Progress(1, 450), Progress(2, 1390))
    assert work.payments == (Paying(Pay(Payment.CASH, 2000), 0, 0, 610),)
    assert (work.total_cents, work.change_cents, work.reversal) == (1390, 610, False)


def test_notes_stand_where_they_are_and_footers_below_the_payment() -> None:
    work = planned(items=[Note("Hello"), COFFEE, Note("Bye", footer=True), BOOK])
    assert [type(operation) for operation in work.body] == [Text, Text, Sale, Sale]
    assert work.origins == ("key", "items[0]", "items[1]", "items[3]")
    assert work.footer == (Text(b"Bye"),)


def test_surcharge_and_adjustment_count() -> None:
    work = planned(items=[Line("x", "A", 100, 1000, surcharge_cents=20), Adjust(-15)], total=105)
    assert work.body[1:] == (Sale(b"x", "A", 100, 1000, 0, 20), AdjustSubtotal(-15))
    assert work.progress == (Progress(0, 0), Progress(1, 120), Progress(1, 105))


def test_card_goes_before_cash_because_change_comes_out_of_cash() -> None:
    work = planned(tenders=[cash(500), card(1000)])
    assert work.payments == (
        Paying(Pay(Payment.CARD, 1000), 0, 390, 0),
        Paying(Pay(Payment.CASH, 500), 1000, 0, 110),
    )


def test_what_is_given_back_is_opened_as_that() -> None:
    work = planned(reversal=BACK, sale_number="DT000600-OP01-0001000")
    assert work.opening == OpenReversal(BACK, "DT000600-OP01-0001000")
    assert work.reversal


def test_zero_total_is_paid_with_nothing_where_the_family_allows_it() -> None:
    allows = msgspec.structs.replace(DATECS_V1_A, zero_total=True)
    free = Line("x", "A", 100, 1000, 100)
    work = planned(items=[free], tenders=[], total=0, family=allows)
    assert work.payments == (Paying(Pay(Payment.CASH, 0), 0, 0, 0),)
    assert planned(items=[free], tenders=[cash(0)], total=0, family=allows).payments == work.payments


@pytest.mark.parametrize(("price", "quantity", "row"), [(5, 100, 1), (4, 100, 0), (333, 1500, 500), (250, 2000, 500)])
def test_rows_are_rounded_half_up(price: int, quantity: int, row: int) -> None:
    assert row_cents(Line("x", "A", price, quantity)) == row


# Rounding --------------------------------------------------------------------------------------------------


def test_rounding_down_is_a_tender_by_its_means_and_the_change_is_right() -> None:
    work = planned(items=[Line("x", "A", 1392, 1000)], total=1392, rounding_cents=-2, terms=ROUNDING)
    assert [paying.pay for paying in work.payments] == [Pay(Payment.RESERVED1, 2), Pay(Payment.CASH, 2000)]
    assert work.change_cents == 610


def test_rounding_up_is_told_in_a_line_and_the_change_is_right() -> None:
    work = planned(items=[Line("x", "A", 1393, 1000)], total=1393, rounding_cents=2, terms=ROUNDING)
    assert work.body[-1] == Text(b"Rounding +0.02")
    assert [paying.pay for paying in work.payments] == [Pay(Payment.CASH, 1998)]
    assert work.change_cents == 605


def test_exact_cash_with_rounding_up_pays_the_total() -> None:
    work = planned(
        items=[Line("x", "A", 1393, 1000)], tenders=[cash(1395)], total=1393, rounding_cents=2, terms=ROUNDING
    )
    assert [paying.pay for paying in work.payments] == [Pay(Payment.CASH, 1393)]
    assert work.change_cents == 0


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rounding_cents": -2}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": -2, "terms": NO_BANK, "family": DATECS_V1_B}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": -2, "terms": ROUNDING, "tenders": [card(1390)]}, Reason.ROUNDING_NOT_SET),
        ({"rounding_cents": 51, "terms": ROUNDING}, Reason.TOO_LARGE),
        ({"rounding_cents": 2, "terms": ROUNDING, "tenders": [card(1388), cash(2)]}, Reason.TENDER_TOO_SMALL),
    ],
)  # fmt: skip
def test_rounding_that_cannot_be_told_is_refused(more: dict[str, Any], reason: Reason) -> None:
    assert refused(**more) == (reason, "rounding_cents")
