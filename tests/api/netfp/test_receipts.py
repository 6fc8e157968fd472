"""What a client's receipt becomes: items, numbers, modifiers, texts."""

from __future__ import annotations

import pytest

from gateway.api.netfp.receipts import Refused
from gateway.model.fiscal import AdjustLine, NoteLine, Payment, PrinterDescription, ReceiptWork, SaleLine, Tender
from tests.api.netfp.receipts import DEVICE, checked, item, line, priced, refusal, work


def test_the_documents_example_becomes_its_work() -> None:
    """Two tickets less 10 %, a catalogue, 1.40 off the subtotal, paid with a card."""
    text = """
    {"items": [
       {"text": "Museum ticket adult", "quantity": 2, "unitPrice": 5.00, "taxGroup": 1,
        "priceModifierType": "discount-percent", "priceModifierValue": 10},
       {"type": "comment", "text": "City card ****4411"},
       {"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3},
       {"type": "discount-amount", "amount": 1.40},
       {"type": "footer-comment", "text": "Thank you"}],
     "payments": [{"paymentType": "card", "amount": 20.00}]}"""
    assert checked(text).work == ReceiptWork(
        "k",
        (
            SaleLine("Museum ticket adult", "A", 500, 2000, discount_cents=100),
            NoteLine("City card ****4411"),
            SaleLine("Catalogue", "C", 1240),
            AdjustLine(-140),
            NoteLine("Thank you", footer=True),
        ),
        (Tender(Payment.CARD, 2000),),
        2000,
    )


# Numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "unit_cents"),
    [
        ("4.6", 460),
        ("4.60", 460),
        ('"4.60"', 460),
        ("46e-1", 460),
        ("5", 500),
        ("0.30000000000000004", 30),
        ("1.1e1", 1100),
    ],
)
def test_a_price_is_what_is_written_to_the_cent(written: str, unit_cents: int) -> None:
    assert checked(priced(written)).work.items == (SaleLine("Water", "B", unit_cents),)


@pytest.mark.parametrize("written", ["0.005", "4.605", "0.3333", "4.6001"])
def test_a_price_with_a_part_of_a_cent_is_refused(written: str) -> None:
    with pytest.raises(Refused) as caught:
        checked(priced(written))
    assert (caught.value.code, caught.value.where) == ("E403", "items[0].unitPrice")
    assert written in str(caught.value)


def test_a_price_of_nothing_is_refused() -> None:
    assert refusal(item(unitPrice=0)) == ("E403", "items[0].unitPrice")
    assert refusal(item(), {"text": "Bag", "taxGroup": 1}) == ("E403", "items[1].unitPrice")
    assert refusal(item(unitPrice=-1)) == ("E403", "items[0].unitPrice")
    assert refusal(item(unitPrice=10**9)) == ("E403", "items[0].unitPrice")


def test_a_quantity_has_three_decimals_and_never_changes_the_price_by_rounding() -> None:
    assert line(item(quantity=0.75)).quantity == 750
    assert line(item(unitPrice=3, quantity=1 / 3)).quantity == 333
    assert refusal(item(unitPrice=300, quantity=1 / 3)) == ("E403", "items[0].quantity")


def test_no_quantity_is_one_and_so_is_0_which_clients_write_for_not_set() -> None:
    for fields in ({}, {"quantity": 0}, {"quantity": None}):
        assert line(item(**fields)).quantity == 1000


def test_a_negative_quantity_is_refused() -> None:
    assert refusal(item(quantity=-1)) == ("E403", "items[0].quantity")
    assert refusal(item(quantity=0.0001)) == ("E403", "items[0].quantity")


# Modifiers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "discount", "surcharge"),
    [
        ("discount-percent", 10, 124, 0),
        ("discount-percent", 33.33, 413, 0),
        ("discount-percent", 100, 1240, 0),
        ("surcharge-percent", 2.5, 0, 31),
        ("discount-amount", 0.4, 40, 0),
        ("surcharge-amount", 3.36, 0, 336),
    ],
)
def test_a_modifier_acts_on_the_line_as_an_amount(kind: str, value: float, discount: int, surcharge: int) -> None:
    made = work(item(priceModifierType=kind, priceModifierValue=value), item())
    first = made.items[0]
    assert isinstance(first, SaleLine)
    assert (first.discount_cents, first.surcharge_cents) == (discount, surcharge)
    assert made.total_cents == 2 * 1240 - discount + surcharge


def test_half_a_cent_of_a_percentage_goes_away_from_zero() -> None:
    for cents, discount in ((1.50, 8), (1.49, 7), (0.10, 1)):
        sold = item(unitPrice=cents, priceModifierType="discount-percent", priceModifierValue=5)
        assert line(sold).discount_cents == discount


def test_modifiers_that_make_no_sense_are_refused() -> None:
    for value in (0, -1, None):
        fields = {"priceModifierType": "discount-amount", "priceModifierValue": value}
        assert refusal(item(**fields)) == ("E403", "items[0].priceModifierValue")
    assert refusal(item(priceModifierValue=5)) == ("E403", "items[0].priceModifierType")
    too_much = {"priceModifierType": "discount-amount", "priceModifierValue": 12.41}
    assert refusal(item(**too_much)) == ("E403", "items[0].priceModifierValue")
    too_fine = {"priceModifierType": "discount-percent", "priceModifierValue": 33.3333, "unitPrice": 90_000}
    assert refusal(item(**too_fine)) == ("E403", "items[0].priceModifierValue")


def test_what_changes_the_subtotal_needs_a_device_that_can() -> None:
    off = {"type": "discount-amount", "amount": 1}
    assert work(item(), off).total_cents == 1140
    assert work(item(), {"type": "surcharge-amount", "amount": 0.05}).total_cents == 1245
    assert refusal(item(), {**off, "amount": 12.41}) == ("E403", "items[1].amount")
    assert refusal(off, item()) == ("E403", "items[0].amount"), "nothing is sold before it"
    assert refusal(item(), {**off, "amount": 0}) == ("E403", "items[1].amount")
    cannot = PrinterDescription("zfp", "Tremol", "FP01", payments=DEVICE.payments)
    assert refusal(item(), off, device=cannot) == ("E412", "items[1].type")
    by_group = PrinterDescription("x", "y", "z", payments=DEVICE.payments, adjusts=True, adjust_needs_vat=True)
    assert refusal(item(), off, device=by_group) == ("E411", "items[1].taxGroup")


def test_a_device_that_changes_one_group_only_has_the_discount_on_the_lines_of_the_named_group() -> None:
    by_group = PrinterDescription("x", "y", "z", payments=DEVICE.payments, adjusts=True, adjust_needs_vat=True)
    tea, bun = item(unitPrice=3, taxGroup=1), item(unitPrice=1, taxGroup=1, quantity=2)
    off = {"type": "discount-amount", "amount": 1.01, "taxGroup": 1}
    made = checked({"items": [tea, item(), bun, off]}, by_group).work
    assert made.items == (
        SaleLine("Catalogue", "A", 300, discount_cents=61),
        SaleLine("Catalogue", "C", 1240),
        SaleLine("Catalogue", "A", 100, 2000, discount_cents=40),
    )
    assert made.total_cents == 300 + 1240 + 200 - 101
    assert checked({"items": [tea, bun, off]}, by_group).work.items[-1] == AdjustLine(-101, "A")
    assert refusal(tea, item(), {**off, "amount": 3.01}, device=by_group) == ("E403", "items[2].amount")
    assert refusal(tea, item(), {**off, "taxGroup": 2}, device=by_group) == ("E403", "items[2].amount")
    dearer = item(unitPrice=3, taxGroup=1, priceModifierType="surcharge-amount", priceModifierValue=0.5)
    more = {"type": "surcharge-amount", "amount": 0.25, "taxGroup": 1}
    assert checked({"items": [dearer, item(), off, more]}, by_group).work.items[0] == SaleLine(
        "Catalogue", "A", 300, discount_cents=26
    )


# Texts, groups, sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "Tea\nand more", "Tab\there", "bell\x07", "line\u2028end", "x" * 201])
def test_a_text_that_is_none_or_would_steer_the_device_is_refused(text: str) -> None:
    assert refusal(item(text=text)) == ("E407", "items[0].text")
    assert refusal(item(), {"type": "comment", "text": text}) == ("E407", "items[1].text")


@pytest.mark.parametrize(("group", "letter"), [(1, "A"), ("2", "B"), ("TaxGroup8", "H"), (3.0, "C")])
def test_a_tax_group_is_a_letter(group: object, letter: str) -> None:
    assert line(item(taxGroup=group)).vat == letter


@pytest.mark.parametrize("group", [None, 0, 9, -1])
def test_no_such_tax_group(group: object) -> None:
    assert refusal(item(taxGroup=group)) == ("E411", "items[0].taxGroup")


def test_an_empty_receipt_has_a_code_of_its_own() -> None:
    assert refusal() == ("E410", "items")
    assert refusal({"type": "comment", "text": "Hello"}) == ("E410", "items")


def test_512_items_are_a_receipt_and_513_are_not() -> None:
    assert len(work(*[item()] * 512).items) == 512
    assert refusal(*[item()] * 513) == ("E403", "items")


def test_a_total_of_0_only_where_the_device_prints_one() -> None:
    free = item(priceModifierType="discount-percent", priceModifierValue=100)
    assert refusal(free) == ("E412", "items")
    prints = PrinterDescription("x", "y", "z", payments=DEVICE.payments, zero_total=True)
    assert checked({"items": [free]}, prints).work.tenders == (Tender(Payment.CASH, 0),)


def test_a_sale_number_has_its_form() -> None:
    assert work(item(), uniqueSaleNumber="DT900001-ABC1-0000017").sale_number == "DT900001-ABC1-0000017"
    for wrong in ("dt900001-ABC1-0000017", "DT900001-ABC1-17", "17", "DT900001-ABC1-0000017\n"):
        assert refusal(item(), uniqueSaleNumber=wrong) == ("E405", "uniqueSaleNumber")
