"""What stands on paper: every cent of each payer where its form says, and sums that the device will find, too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fiscal import paper
from gateway.fiscal.paper import How
from gateway.model.decision import Decision, FiscalForm, LineDecision, LineVat, Share, VatTreatment
from gateway.model.errors import InputRefused
from gateway.model.fiscal import (
    NoteLine,
    Payment,
    PrinterDescription,
    ReceiptWork,
    Reversal,
    SaleLine,
    Tender,
)
from gateway.model.money import half_up, share_out
from gateway.model.receipt import Line, Receipt
from gateway.rules.refund import refund

DEVICE = PrinterDescription(
    "datecs-v1-a",
    "Datecs",
    "FP-2000",
    payments=tuple(Payment),
    zero_total=True,
    reversals=True,
    rounding=True,
    rates={"A": 2100, "B": 1200, "C": 500, "D": 0},
)
PARTIES = {"jelgava": Payment.BANK, "siauliai": Payment.COUPON, "museum": Payment.BANK}
HOW = How(PARTIES)
ORIGINAL = Reversal("0000042", device_time="2026-11-27T10:02:41", fiscal_memory="02000042")
FORMS = list(FiscalForm)


def subtotal(work: ReceiptWork) -> int:
    """As a device adds up: each row rounded half up to the cent, then lowered or raised."""
    total = 0
    for item in work.items:
        if isinstance(item, SaleLine):
            assert not (item.discount_cents and item.surcharge_cents)
            row = half_up(item.unit_cents * item.quantity, 1000)
            assert 0 <= item.discount_cents <= row
            total += row - item.discount_cents + item.surcharge_cents
    return total


def by_means(work: ReceiptWork, count: int) -> dict[Payment, int]:
    """The payers' tenders, which come first."""
    return {tender.means: tender.cents for tender in work.tenders[:count]}


@st.composite
def decided(draw: st.DrawFn) -> tuple[Receipt, Decision]:
    """Any receipt of some lines, and any decision on it that keeps the engine's invariants."""
    lines, decisions = [], []
    for number in range(draw(st.integers(1, 5))):
        line = Line(
            id=str(number),
            text=f"Article {number}",
            category="books",
            unit_cents=draw(st.integers(10, 5000)),
            quantity=draw(st.sampled_from([1000, 2000, 3000]) | st.integers(100, 5000)),
            vat=draw(st.sampled_from("ABCD")),
        )
        discount = draw(st.integers(0, line.list_cents))
        parts = share_out(discount, draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)))
        shares = tuple(
            Share(draw(st.sampled_from(sorted(PARTIES))), f"r{at}", cents, draw(st.sampled_from(FORMS)))
            for at, cents in enumerate(parts)
            if cents
        )
        lines.append(line)
        decisions.append(LineDecision(line.id, line.list_cents, sum(share.cents for share in shares), shares))
    due = sum(one.due_cents for one in decisions)
    rounding = draw(st.integers(-2, 2)) if due >= 5 and draw(st.booleans()) else 0
    decision = Decision(
        tuple(decisions),
        sum(one.list_cents for one in decisions),
        sum(one.discount_cents for one in decisions),
        rounding_cents=rounding,
    )
    return Receipt(tuple(lines)), decision


def shares_of(decision: Decision) -> list[Share]:
    return [share for line in decision.lines for share in line.shares]


@given(decided(), st.integers(0, 10_000))
def test_every_cent_of_a_sale_stands_where_its_form_says(both: tuple[Receipt, Decision], more: int) -> None:
    receipt, decision = both
    given_in_cash = decision.due_cents + more if decision.due_cents > 0 else 0
    work = paper.sale("k", receipt, decision, (Tender(Payment.CASH, given_in_cash),), DEVICE, HOW)
    tendered: dict[Payment, int] = {}
    for share in shares_of(decision):
        if share.form is FiscalForm.TENDER:
            tendered[PARTIES[share.party]] = tendered.get(PARTIES[share.party], 0) + share.cents
    # The device's own sum is the total; total and rounding are what payers and customer pay.
    assert subtotal(work) == work.total_cents
    assert work.total_cents + work.rounding_cents == sum(tendered.values()) + decision.due_cents
    assert by_means(work, len(tendered)) == tendered
    rest = work.tenders[len(tendered) :]
    assert rest == ((Tender(Payment.CASH, given_in_cash),) if given_in_cash else ())
    # What lowers a line is what its shares that are no tender give, and no other line's.
    for item, line in zip(work.items, decision.lines, strict=True):
        assert isinstance(item, SaleLine)
        assert item.discount_cents == sum(s.cents for s in line.shares if s.form is not FiscalForm.TENDER)


@given(decided(), st.data())
def test_however_it_comes_back_each_refund_adds_up_and_all_of_them_are_the_sale(
    both: tuple[Receipt, Decision], data: st.DataObject
) -> None:
    receipt, decision = both
    sale = paper.sale("k", receipt, decision, (Tender(Payment.CASH, max(decision.due_cents, 0)),), DEVICE, HOW)
    done: dict[str, int] = {}
    byid = {line.id: line for line in receipt.lines}
    totals, customer, payers, rounding = 0, 0, dict.fromkeys(Payment, 0), 0
    for turn in range(4):
        left = {line.id: line.quantity - done.get(line.id, 0) for line in receipt.lines}
        left = {line: quantity for line, quantity in left.items() if quantity}
        if not left:
            break
        line = data.draw(st.sampled_from(sorted(left)))
        # Not so little that it costs nothing: see `line_of_zero`.
        wanted = left if turn == 3 else {line: data.draw(st.integers(min(50, left[line]), left[line]))}
        if any(byid[one].unit_cents * quantity < 500 for one, quantity in wanted.items()):
            return
        back = refund(receipt, decision, wanted, done)
        work = paper.refund("r", receipt, back, ORIGINAL, Payment.CASH, DEVICE, HOW)
        assert work.reversal == ORIGINAL
        assert subtotal(work) == work.total_cents
        assert work.total_cents + work.rounding_cents == sum(tender.cents for tender in work.tenders)
        assert [item.quantity for item in work.items if isinstance(item, SaleLine)] == [
            part.quantity for part in back.lines
        ]
        totals += work.total_cents
        rounding += work.rounding_cents
        customer += back.due_cents
        for tender in work.tenders:
            payers[tender.means] += tender.cents
        done = {line: done.get(line, 0) + wanted.get(line, 0) for line in {*done, *wanted}}
    assert (totals, rounding, customer) == (sale.total_cents, sale.rounding_cents, decision.due_cents)
    for tender in sale.tenders:
        assert payers[tender.means] == tender.cents


# Examples --------------------------------------------------------------------------------------------------

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
