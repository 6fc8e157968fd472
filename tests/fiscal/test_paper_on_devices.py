"""What the gateway puts on paper is what each family's driver takes: no receipt is recorded and then refused for what
stands on it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.printer import Payment as ContractPayment
from drivers.contract.printer import Print
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.dialects import SPOKEN, dialect_of
from drivers.fiscal.families import Family
from drivers.fiscal.plan import Terms, plan
from gateway.devices import convert_printer
from gateway.fiscal import paper
from gateway.fiscal.paper import How
from gateway.model.decision import Decision
from gateway.model.errors import InputRefused
from gateway.model.fiscal import Payment, PrinterDescription, ReceiptWork, Tender
from gateway.model.receipt import Receipt
from gateway.rules.refund import refund
from tests.fiscal.papers import ORIGINAL, PARTIES, decided

FAMILIES = {name: dialect_of(name, Clerk("1", "", "1")).family for name in SPOKEN}


def described(family: Family) -> PrinterDescription:
    """As a driver of this family describes its device."""
    return PrinterDescription(
        family.name,
        family.manufacturer,
        "a model",
        payments=tuple(Payment(means.value) for means in family.payments),
        zero_total=family.zero_total,
        reversals=family.reversals,
        rounding=True,
    )


def payers_on(family: Family) -> How:
    """Every payer by a means that the family has and that is not the customer's."""
    others = [means for means in family.payments if means not in (ContractPayment.CASH, ContractPayment.CARD)]
    return How({party: Payment(others[at % len(others)].value) for at, party in enumerate(sorted(PARTIES))})


def taken(work: ReceiptWork, family: Family) -> int:
    """What the device's driver makes of it: raises `Refusal` for what it would not print. Returns the change."""
    rounding = [means for means in family.payments if means is not ContractPayment.CASH][-1]
    call = convert_printer.work(work)
    assert isinstance(call, Print)
    return plan(call, family, Terms("cp1257", "ABCDEFGH", rounding)).change_cents


def made(build: Callable[[], ReceiptWork]) -> tuple[ReceiptWork | None, str]:
    """The work, or the code with which it is refused."""
    try:
        return build(), ""
    except InputRefused as refused:
        return None, refused.code


@pytest.mark.parametrize("name", FAMILIES)
@given(both=decided(), more=st.integers(0, 10_000), by_card=st.integers(0, 3))
def test_a_sale_that_is_not_refused_by_us_is_not_refused_by_the_driver(
    name: str, both: tuple[Receipt, Decision], more: int, by_card: int
) -> None:
    family = FAMILIES[name]
    receipt, decision = both
    card = decision.due_cents * by_card // 4
    cash = decision.due_cents - card + (more if decision.due_cents > card else 0)
    paid = (Tender(Payment.CASH, cash), Tender(Payment.CARD, card))
    work, code = made(
        lambda: paper.sale("0123456789abcdef", receipt, decision, paid, described(family), payers_on(family))
    )
    if work is not None:
        assert taken(work, family) == cash + card - decision.due_cents
    else:
        assert code == "zero_total"


@pytest.mark.parametrize("name", FAMILIES)
@given(both=decided(), share=st.integers(1, 4))
def test_a_refund_that_is_not_refused_by_us_is_not_refused_by_the_driver(
    name: str, both: tuple[Receipt, Decision], share: int
) -> None:
    family = FAMILIES[name]
    receipt, decision = both
    wanted = {line.id: max(1, line.quantity * share // 4) for line in receipt.lines}
    back = refund(receipt, decision, wanted)
    device, how = described(family), payers_on(family)
    work, code = made(lambda: paper.refund("0123456789abcdef", receipt, back, ORIGINAL, Payment.CASH, device, how))
    if work is not None:
        assert taken(work, family) == 0
    else:
        assert code in ("zero_total", "line_of_zero")


def test_every_family_is_tried() -> None:
    assert len(FAMILIES) >= 3
    assert all(msgspec.structs.asdict(described(family))["payments"] for family in FAMILIES.values())
