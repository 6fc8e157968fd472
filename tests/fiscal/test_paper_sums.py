"""Every cent of any sale stands on paper where its form says, and comes back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.fiscal import paper
from gateway.model.decision import Decision, FiscalForm, Share
from gateway.model.fiscal import Payment, ReceiptWork, SaleLine, Tender
from gateway.model.money import half_up
from gateway.model.receipt import Receipt
from gateway.rules.refund import refund
from tests.fiscal.papers import DEVICE, HOW, ORIGINAL, PARTIES, decided


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
