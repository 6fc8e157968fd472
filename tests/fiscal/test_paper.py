"""What stands on paper, by examples: payers, roundings, letters, and what is refused before it is recorded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.fiscal import paper
from gateway.fiscal.paper import How
from gateway.model.decision import Decision, FiscalForm, LineDecision, LineVat, Share, VatTreatment
from gateway.model.errors import InputRefused
from gateway.model.fiscal import NoteLine, Payment, PrinterDescription, SaleLine, Tender
from gateway.model.receipt import Line, Receipt
from gateway.rules.refund import refund
from tests.fiscal.papers import DEVICE, HOW, ORIGINAL

BOOK = Line(id="1", text="Book", category="books", unit_cents=1120, vat="B")
TOY = Line(id="2", text="Toy", category="toys", unit_cents=2420, vat="A")


def sold(*lines: tuple[Line, tuple[Share, ...], LineVat | None], rounding: int = 0) -> tuple[Receipt, Decision]:
    decisions = tuple(
        LineDecision(line.id, line.list_cents, sum(share.cents for share in shares), shares, vat)
        for line, shares, vat in lines
    )
    receipt = Receipt(tuple(line for line, _, _ in lines))
    discount = sum(one.discount_cents for one in decisions)
    return receipt, Decision(decisions, receipt.list_cents, discount, rounding_cents=rounding)


def rate(points: int) -> LineVat:
    return LineVat(VatTreatment.RATE, 0, points)


def test_half_borne_by_the_city_as_a_tender_half_given_by_the_shop() -> None:
    receipt, decision = sold(
        (BOOK, (Share("jelgava", "r1", 560, FiscalForm.TENDER),), rate(1200)),
        (TOY, (Share("shop", "r2", 1210, FiscalForm.DISCOUNT),), rate(2100)),
    )
    work = paper.sale("k", receipt, decision, (Tender(Payment.CARD, 1770),), DEVICE, HOW, ["card 1a2b3c"])
    assert work.items == (
        SaleLine("Book", "B", 1120, 1000),
        SaleLine("Toy", "A", 2420, 1000, 1210),
        NoteLine("card 1a2b3c", footer=True),
    )
    assert work.tenders == (Tender(Payment.BANK, 560), Tender(Payment.CARD, 1770))
    assert work.total_cents == 2330


def test_cash_comes_last_because_a_device_pays_change_at_once() -> None:
    receipt, decision = sold((BOOK, (), None))
    paid = (Tender(Payment.CASH, 1000), Tender(Payment.CARD, 500))
    work = paper.sale("k", receipt, decision, paid, DEVICE, HOW)
    assert work.tenders == (Tender(Payment.CARD, 500), Tender(Payment.CASH, 1000))


def test_cash_rounding_is_no_part_of_the_total_and_needs_cash() -> None:
    receipt, decision = sold((msgspec.structs.replace(BOOK, unit_cents=1122), (), None), rounding=-2)
    work = paper.sale("k", receipt, decision, (Tender(Payment.CASH, 1120),), DEVICE, HOW)
    assert (work.total_cents, work.rounding_cents, work.tenders) == (1122, -2, (Tender(Payment.CASH, 1120),))
    with pytest.raises(InputRefused) as refused:
        paper.sale("k", receipt, decision, (Tender(Payment.CARD, 1120),), DEVICE, HOW)
    assert refused.value.code == "bad_commit"


def test_a_printer_that_is_not_set_up_for_rounding_says_so_with_the_quote() -> None:
    receipt, decision = sold((msgspec.structs.replace(BOOK, unit_cents=1122), (), None), rounding=-2)
    with pytest.raises(InputRefused) as refused:
        paper.check(receipt, decision, msgspec.structs.replace(DEVICE, rounding=False), HOW)
    assert refused.value.code == "no_rounding"


@pytest.mark.parametrize(
    "paid",
    [
        (Tender(Payment.CARD, 1120), Tender(Payment.CASH, 500)),
        (Tender(Payment.CARD, 1120), Tender(Payment.CARD, 1)),
    ],
)
def test_what_is_given_when_nothing_is_due_any_more_is_refused_before_it_is_recorded(paid: tuple[Tender, ...]) -> None:
    receipt, decision = sold((BOOK, (), None))
    with pytest.raises(InputRefused) as refused:
        paper.sale("k", receipt, decision, paid, DEVICE, HOW)
    assert refused.value.code == "bad_commit"


def test_notes_and_coins_are_one_tender() -> None:
    receipt, decision = sold((BOOK, (), None))
    work = paper.sale("k", receipt, decision, (Tender(Payment.CASH, 1000), Tender(Payment.CASH, 500)), DEVICE, HOW)
    assert work.tenders == (Tender(Payment.CASH, 1500),)


def test_nothing_to_pay_is_printed_where_the_device_closes_a_receipt_of_0() -> None:
    receipt, decision = sold((BOOK, (Share("shop", "r1", 1120),), None))
    work = paper.sale("k", receipt, decision, (Tender(Payment.CASH, 0),), DEVICE, HOW)
    assert (work.total_cents, work.tenders) == (0, ())
    with pytest.raises(InputRefused) as refused:
        paper.check(receipt, decision, msgspec.structs.replace(DEVICE, zero_total=False), HOW)
    assert refused.value.code == "zero_total"


def test_a_line_that_costs_nothing_is_refused_with_its_path() -> None:
    receipt, decision = sold((TOY, (), None), (msgspec.structs.replace(BOOK, unit_cents=4, quantity=100), (), None))
    with pytest.raises(InputRefused) as refused:
        paper.check(receipt, decision, DEVICE, HOW)
    assert (refused.value.code, "`$.receipt.lines[1].quantity`" in str(refused.value)) == ("line_of_zero", True)


def test_what_a_payer_bears_whole_as_a_tender_is_no_receipt_of_0() -> None:
    receipt, decision = sold((BOOK, (Share("jelgava", "r1", 1120, FiscalForm.TENDER),), None))
    work = paper.sale("k", receipt, decision, (), msgspec.structs.replace(DEVICE, zero_total=False), HOW)
    assert (work.total_cents, work.tenders) == (1120, (Tender(Payment.BANK, 1120),))


@pytest.mark.parametrize(
    ("letter", "vat", "rates", "code"),
    [
        ("B", rate(1200), {"A": 2100, "B": 1200}, ""),
        ("B", None, {"A": 2100, "B": 1200}, ""),
        ("B", rate(1200), {}, ""),
        ("B", rate(1200), {"A": 2100, "B": 500}, "vat_rate_differs"),
        ("B", None, {"A": 2100}, "vat_letter_missing"),
        ("B", rate(1200), {"A": 2100}, "vat_letter_missing"),
        ("B", LineVat(VatTreatment.EXEMPT, 0), {"A": 2100, "B": 1200}, "vat_rate_differs"),
        ("D", LineVat(VatTreatment.EXEMPT, 0), {"A": 2100, "D": 0}, ""),
        ("D", LineVat(VatTreatment.NOT_REGISTERED, 0), {"A": 2100, "D": 0}, ""),
        ("A", LineVat(VatTreatment.NOT_REGISTERED, 0), {"A": 2100, "D": 0}, "vat_rate_differs"),
    ],
)
def test_a_letter_is_printed_only_when_it_means_the_same_in_the_device(
    letter: str, vat: LineVat | None, rates: dict[str, int], code: str
) -> None:
    receipt, decision = sold((TOY, (), None), (msgspec.structs.replace(BOOK, vat=letter), (), vat))
    device = msgspec.structs.replace(DEVICE, rates=rates)
    if not code:
        paper.check(receipt, decision, device, HOW)
        return
    with pytest.raises(InputRefused) as refused:
        paper.check(receipt, decision, device, HOW)
    assert refused.value.code == code
    assert "`$.receipt.lines[1].vat`" in str(refused.value)
    assert "line 1" in str(refused.value)
    if code == "vat_rate_differs":
        assert f"{rates[letter] / 100:g} %" in str(refused.value)


@pytest.mark.parametrize(
    ("how", "device"),
    [
        (How(), DEVICE),
        (HOW, msgspec.structs.replace(DEVICE, payments=(Payment.CASH, Payment.CARD))),
    ],
)
def test_a_payer_without_a_means_is_refused_before_anything_is_printed(how: How, device: PrinterDescription) -> None:
    receipt, decision = sold((TOY, (), None), (BOOK, (Share("jelgava", "r1", 560, FiscalForm.TENDER),), None))
    with pytest.raises(InputRefused) as refused:
        paper.check(receipt, decision, device, how)
    assert refused.value.code == "no_means_for_payer"
    assert "jelgava" in str(refused.value)
    assert "`$.receipt.lines[1]`" in str(refused.value)
    with pytest.raises(InputRefused):
        paper.refund("r", receipt, refund(receipt, decision), ORIGINAL, Payment.CASH, device, how)


def test_a_means_that_the_printer_does_not_have_is_refused_before_anything_is_recorded() -> None:
    receipt, decision = sold((BOOK, (), None))
    cash_only = msgspec.structs.replace(DEVICE, payments=(Payment.CASH,))
    with pytest.raises(InputRefused) as refused:
        paper.sale("k", receipt, decision, (Tender(Payment.CARD, decision.due_cents),), cash_only, HOW)
    assert (refused.value.code, "`$.paid`" in str(refused.value)) == ("means_not_taken", True)
    with pytest.raises(InputRefused) as refused:
        paper.refund("k", receipt, refund(receipt, decision), ORIGINAL, Payment.CARD, cash_only, HOW)
    assert refused.value.code == "means_not_taken"
    nobody_knows = msgspec.structs.replace(DEVICE, payments=())
    assert paper.sale("k", receipt, decision, (Tender(Payment.CARD, decision.due_cents),), nobody_knows, HOW).tenders


def test_a_device_that_is_not_known_yet_leaves_the_checks_to_its_driver() -> None:
    receipt, decision = sold((msgspec.structs.replace(BOOK, vat="H"), (Share("shop", "r1", 1120),), rate(900)))
    paper.check(receipt, decision, None, How())


def test_more_tenders_than_a_receipt_takes_are_refused() -> None:
    receipt, decision = sold((BOOK, (), None))
    paid: Any = (Tender(Payment.CARD, 1),) * 9
    with pytest.raises(InputRefused) as refused:
        paper.sale("k", receipt, decision, paid, DEVICE, HOW)
    assert refused.value.code == "bad_commit"


def test_a_refund_on_a_device_that_prints_none_is_refused() -> None:
    receipt, decision = sold((BOOK, (), None))
    with pytest.raises(InputRefused) as refused:
        paper.refund(
            "r",
            receipt,
            refund(receipt, decision),
            ORIGINAL,
            Payment.CASH,
            msgspec.structs.replace(DEVICE, reversals=False),
            HOW,
        )
    assert refused.value.code == "no_reversals"


def test_cash_rounding_comes_back_with_the_last_line_in_cash_only() -> None:
    receipt, decision = sold((msgspec.structs.replace(BOOK, unit_cents=1122), (), None), rounding=-2)
    back = refund(receipt, decision)
    with pytest.raises(InputRefused) as refused:
        paper.refund("r", receipt, back, ORIGINAL, Payment.CARD, DEVICE, HOW)
    assert refused.value.code == "rounded_in_cash"
    in_cash = paper.refund("r", receipt, back, ORIGINAL, Payment.CASH, DEVICE, HOW)
    assert (in_cash.total_cents, in_cash.rounding_cents, in_cash.tenders) == (1122, -2, (Tender(Payment.CASH, 1120),))
