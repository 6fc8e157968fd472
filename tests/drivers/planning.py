"""Receipts for the tests of planning: one that can be printed, and what becomes of it when something is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from drivers.contract.printer import Item, Line, Payment, Print, Reversal, ReversalReason, Tender
from drivers.fiscal.datecs_v1_family import DATECS_V1_A
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.families import Family
from drivers.fiscal.plan import Plan, Terms, plan

TERMS = Terms("cp1257", "ABC")
ROUNDING = Terms("cp1257", "ABC", Payment.RESERVED1)
NO_BANK = Terms("cp1257", "ABC", Payment.BANK)
COFFEE = Line(text="Coffee", vat="A", unit_cents=250, quantity=2000, discount_cents=50)
BOOK = Line(text="Book", vat="C", unit_cents=990, quantity=1000, discount_cents=50)
BACK = Reversal("472", ReversalReason.REFUND, "2026-11-27T08:05:09", "02000600")


def cash(cents: int) -> Tender:
    return Tender(Payment.CASH, cents)


def card(cents: int) -> Tender:
    return Tender(Payment.CARD, cents)


def planned(
    items: Sequence[Item] = (COFFEE, BOOK),
    tenders: Sequence[Tender] = (cash(2000),),
    total: int = 1390,
    key: str = "k-1",
    *,
    family: Family = DATECS_V1_A,
    terms: Terms = TERMS,
    **more: Any,
) -> Plan:
    return plan(Print(key, tuple(items), tuple(tenders), total, **more), family, terms)


def refused(**changes: Any) -> tuple[Reason, str]:
    with pytest.raises(Refusal) as caught:
        planned(**changes)
    return caught.value.reason, caught.value.where
