"""Whatever a client sends is refused with a code and a path, or is a receipt that is right to the cent."""

from __future__ import annotations

import json
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway.api.netfp import codes, tree
from gateway.api.netfp.receipts import Refused, check
from gateway.api.netfp.requests import PAYMENTS, read_receipt
from gateway.api.netfp.spread import price
from gateway.model.fiscal import AdjustLine, NoteLine, Payment, PrinterDescription, ReceiptWork, SaleLine
from gateway.model.receipt import MAX_LINES

RIGA = ZoneInfo("Europe/Riga")
DEVICES = (
    PrinterDescription("a", "b", "c", payments=tuple(Payment), adjusts=True, zero_total=True, reversals=True),
    PrinterDescription("a", "b", "c", payments=(Payment.CASH,), adjusts=True, adjust_needs_vat=True),
    PrinterDescription("a", "b", "c", payments=(Payment.CASH, Payment.CARD)),
    None,
)
NUMBERS = st.one_of(
    st.decimals(-10, 1000, places=2).map(float),
    st.floats(-100, 100, allow_nan=False),
    st.integers(-3, 10_000),
    st.sampled_from([0.005, 0.1 + 0.2, 1e300, 10**30, "4.60", "x", None, True]),
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["sale", "comment", "footer-comment", "discount-amount", "surcharge-amount", "Sale", 3, "x"]
        ),
        "text": st.one_of(st.text(max_size=60), st.sampled_from(["Tea", "Tēja"])),
        "taxGroup": st.one_of(st.integers(-1, 10), st.sampled_from(["2", "TaxGroup3", None])),
        "quantity": NUMBERS,
        "unitPrice": NUMBERS,
        "amount": NUMBERS,
        "priceModifierType": st.sampled_from(["none", "discount-percent", "surcharge-amount", "DiscountAmount", 3]),
        "priceModifierValue": NUMBERS,
        "department": st.integers(-1, 3),
    },
)
GOOD_ITEMS = st.fixed_dictionaries(
    {
        "text": st.just("Tea"),
        "taxGroup": st.integers(1, 8),
        "unitPrice": st.decimals("0.01", 50, places=2).map(float),
        "quantity": st.decimals("0.001", 20, places=3).map(float),
    }
)
PAID = st.fixed_dictionaries(
    {"amount": NUMBERS}, optional={"paymentType": st.sampled_from([*PAYMENTS, "change", "Cash", "", "x"])}
)
RECEIPTS = st.fixed_dictionaries(
    {"items": st.lists(st.one_of(ITEMS, GOOD_ITEMS), max_size=6)}, optional={"payments": st.lists(PAID, max_size=3)}
)
"""Mostly wrong, now and then right."""


NO_LETTERS = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


def checked(body: bytes, device: PrinterDescription | None) -> ReceiptWork | Refused | tree.Malformed:
    try:
        return check(read_receipt(tree.parse(body), RIGA), "k", device).work
    except (Refused, tree.Malformed) as refused:
        return refused


def is_right(result: ReceiptWork | Refused | tree.Malformed) -> bool:
    """Nothing in between: a code of ErpNet.FP and what to do, or sound amounts."""
    if not isinstance(result, ReceiptWork):
        return len(result.code) == 4 and result.code.startswith("E4") and bool(result.advice)
    lines = [item for item in result.items if isinstance(item, SaleLine)]
    total = sum(price(line) for line in lines)
    total += sum(item.cents for item in result.items if isinstance(item, AdjustLine))
    texts = [item.text for item in result.items if isinstance(item, SaleLine | NoteLine)]
    return (
        total == result.total_cents >= 0
        and 0 < len(lines) <= len(result.items) <= MAX_LINES
        and all(line.unit_cents > 0 and line.quantity > 0 and price(line) >= 0 for line in lines)
        and not any(line.discount_cents and line.surcharge_cents for line in lines)
        and all(line.vat in tuple("ABCDEFGH") for line in lines)
        and all(text.strip() and not any(unicodedata.category(one) in NO_LETTERS for one in text) for text in texts)
        and sum(tender.cents for tender in result.tenders) >= total
    )


@given(st.binary(max_size=300), st.sampled_from(DEVICES))
def test_any_bytes(body: bytes, device: PrinterDescription | None) -> None:
    assert is_right(checked(body, device))


@given(RECEIPTS, st.sampled_from(DEVICES))
def test_any_receipt(receipt: dict[str, Any], device: PrinterDescription | None) -> None:
    assert is_right(checked(json.dumps(receipt).encode(), device))


@given(st.lists(GOOD_ITEMS, min_size=1, max_size=8))
def test_what_a_client_computes_in_decimals_is_what_is_due(items: list[dict[str, Any]]) -> None:
    """By the rule of the documents: each line rounded half away from zero, then added up."""
    cent = Decimal("0.01")
    due = sum(
        (Decimal(str(item["unitPrice"])) * Decimal(str(item["quantity"]))).quantize(cent, ROUND_HALF_UP)
        for item in items
    )
    result = checked(json.dumps({"items": items, "payments": [{"amount": float(due)}]}).encode(), DEVICES[0])
    assert isinstance(result, ReceiptWork), str(result)
    assert result.total_cents == int(due * 100)


def test_every_code_that_can_be_told_is_in_the_documents() -> None:
    from pathlib import Path

    page = Path("docs/netfp.md").read_text(encoding="utf-8")
    told = {*codes.OF_REASONS.values(), *(code for code, _ in codes.OF_PROBLEMS.values())}
    told |= {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, str)}
    for file in Path("gateway/api/netfp").glob("*.py"):
        told |= {word for word in file.read_text(encoding="utf-8").split('"') if len(word) == 4 and word[1:].isdigit()}
    assert {code for code in told if f"`{code}`" not in page} == set()
