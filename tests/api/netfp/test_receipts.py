"""From what a client of ErpNet.FP writes to what a fiscal device does, or to the code and the path of why not."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.api.netfp import requests, tree
from gateway.api.netfp.paths import as_written
from gateway.api.netfp.receipts import Checked, Refused, check, positive
from gateway.api.netfp.requests import read_amount, read_clock, read_raw, read_receipt
from gateway.model.errors import InputRefused
from gateway.model.fiscal import (
    AdjustLine,
    NoteLine,
    Payment,
    PrinterDescription,
    ReceiptWork,
    Reversal,
    ReversalReason,
    SaleLine,
    Tender,
)

RIGA = ZoneInfo("Europe/Riga")
DEVICE = PrinterDescription(
    family="datecs-v1",
    manufacturer="Datecs",
    model="FP-2000",
    payments=(Payment.CASH, Payment.CARD, Payment.CHEQUE),
    adjusts=True,
    reversals=True,
)


def item(**fields: Any) -> dict[str, Any]:
    return {"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3, **fields}


def checked(
    text: str | dict[str, Any], device: PrinterDescription | None = DEVICE, *, reversal: bool = False
) -> Checked:
    body = text if isinstance(text, str) else json.dumps(text)
    return check(read_receipt(tree.parse(body.encode()), RIGA, reversal=reversal), "k", device)


def work(*items: dict[str, Any], **fields: Any) -> ReceiptWork:
    return checked({"items": list(items), **fields}).work


def line(*items: dict[str, Any]) -> SaleLine:
    """The first line of the work."""
    made = work(*items).items[0]
    assert isinstance(made, SaleLine)
    return made


def original(made: Checked) -> Reversal:
    assert made.work.reversal is not None
    return made.work.reversal


def priced(written: str) -> str:
    return '{"items": [{"text": "Water", "taxGroup": 2, "unitPrice": ' + written + "}]}"


def refusal(*items: dict[str, Any], device: PrinterDescription = DEVICE, **fields: Any) -> tuple[str, str]:
    """Code and path of why this receipt is not printed."""
    with pytest.raises(Refused) as caught:
        checked({"items": list(items), **fields}, device)
    assert caught.value.advice
    return caught.value.code, caught.value.where


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


# Payments ------------------------------------------------------------------------------------------------


def test_without_payments_all_is_cash() -> None:
    for given in ({"items": [item()]}, {"items": [item()], "payments": []}, {"items": [item()], "payments": None}):
        assert checked(given).work.tenders == (Tender(Payment.CASH, 1240),)


def test_payments_have_to_be_the_total() -> None:
    def paid(*amounts: tuple[str, float]) -> list[dict[str, Any]]:
        return [{"paymentType": means, "amount": amount} for means, amount in amounts]

    assert work(item(), payments=paid(("card", 10), ("cash", 2.4))).tenders == (
        Tender(Payment.CARD, 1000),
        Tender(Payment.CASH, 240),
    )
    assert work(item(), payments=paid(("cash", 20), ("change", -7.6))).tenders == (Tender(Payment.CASH, 2000),)
    assert work(item(), payments=paid(("check", 12.4), ("cash", 0))).tenders == (Tender(Payment.CHEQUE, 1240),)
    for wrong in (paid(("cash", 12.39)), paid(("cash", 20)), paid(("cash", 20), ("change", -7))):
        assert refusal(item(), payments=wrong) == ("E403", "payments")
    assert refusal(item(), payments=paid(("cash", 0.005))) == ("E403", "payments[0].amount")
    assert refusal(item(), payments=paid(("cash", -1))) == ("E403", "payments[0].amount")
    assert refusal(item(), payments=paid(("cash", 12.4), ("change", 1))) == ("E403", "payments[1].amount")
    assert refusal(item(), payments=paid(("card", 20), ("change", -7.6))) == ("E406", "payments")
    assert refusal(item(), payments=paid(*[("cash", 1.24)] * 10)) == ("E406", "payments")


def test_a_means_that_the_device_lacks_is_refused_with_those_that_it_has() -> None:
    for means in ("coupons", "gold", ""):
        assert refusal(item(), payments=[{"paymentType": means, "amount": 12.4}]) == ("E406", "payments[0].paymentType")
    with pytest.raises(Refused, match="cash, check, card"):
        checked({"items": [item()], "payments": [{"paymentType": "bank", "amount": 12.4}]})
    assert checked({"items": [item()], "payments": [{"paymentType": "bank", "amount": 12.4}]}, None).work.tenders == (
        Tender(Payment.BANK, 1240),
    )


def test_every_means_of_the_documents_is_one_of_ours() -> None:
    everything = PrinterDescription("x", "y", "z", payments=tuple(Payment))
    for word, means in requests.PAYMENTS.items():
        paid = {"items": [item()], "payments": [{"paymentType": word, "amount": 12.4}]}
        assert checked(paid, everything).work.tenders == (Tender(means, 1240),)


# Reversals -----------------------------------------------------------------------------------------------


def reversal(**fields: Any) -> Checked:
    original = {
        "receiptNumber": "0000123",
        "receiptDateTime": "2026-11-23T10:02:41",
        "fiscalMemorySerialNumber": "02900001",
        "reason": "refund",
    }
    return checked({**original, "items": [item()], **fields}, reversal=True)


def test_a_reversal_names_its_original_and_is_paid_back_in_cash() -> None:
    made = reversal()
    assert made.work.reversal == Reversal("0000123", ReversalReason.REFUND, "2026-11-23T10:02:41", "02900001")
    assert made.work.tenders == (Tender(Payment.CASH, 1240),)
    assert made.messages == ()
    given = reversal(payments=[{"paymentType": "card", "amount": 1}])
    assert given.work == made.work
    assert [message.code for message in given.messages] == ["W302"]


def test_the_reasons_in_their_old_spelling_too() -> None:
    for word, reason in (
        ("tax-base-reduction", "tax_base"),
        ("taxbase-reduction", "tax_base"),
        ("operator-error", "error"),
    ):
        assert original(reversal(reason=word)).reason == reason


@pytest.mark.parametrize("missing", ["receiptNumber", "fiscalMemorySerialNumber"])
def test_a_reversal_without_its_original_is_refused(missing: str) -> None:
    with pytest.raises(Refused) as caught:
        reversal(**{missing: ""})
    assert (caught.value.code, caught.value.where) == ("E405", missing)


@pytest.mark.parametrize(
    ("written", "device_time"),
    [
        ("2026-11-23T10:02:41.123", "2026-11-23T10:02:41"),
        ("2026-11-23 10:02:41", "2026-11-23T10:02:41"),
        ("2026-11-23T08:02:41.000Z", "2026-11-23T10:02:41"),
        ("2026-11-23T09:02:41+01:00", "2026-11-23T10:02:41"),
        ("0001-01-01T00:00:00", ""),
        (None, ""),
    ],
)
def test_a_moment_is_the_devices_local_time(written: str | None, device_time: str) -> None:
    assert original(reversal(receiptDateTime=written)).device_time == device_time
    assert read_clock({"deviceDateTime": written}, RIGA) == device_time


# As clients write it -------------------------------------------------------------------------------------


def test_every_field_at_its_default_as_net_clients_write_them() -> None:
    sold = {
        "itemCode": 999, "type": "Sale", "text": "Catalogue", "taxGroup": 3, "department": 0, "quantity": 1.0,
        "unitPrice": 12.40, "amount": 0.0, "priceModifierValue": 0.0, "priceModifierType": "None",
    }  # fmt: skip
    said = {**sold, "type": "FooterComment", "taxGroup": 0, "unitPrice": 0, "text": "Thank you"}
    given = {
        "UniqueSaleNumber": "",
        "Operator": "",
        "Items": [sold, said],
        "Payments": [{"PaymentType": "Cash", "Amount": 12.4}],
    }
    assert checked(given).work == work(item(), {"type": "footer-comment", "text": "Thank you"})


def test_enumerations_as_numbers() -> None:
    given = item(type=0, priceModifierType=1, priceModifierValue=10)
    made = work(given, {"type": 4, "amount": 1}, payments=[{"paymentType": 8, "amount": 10.16}])
    assert made.tenders == (Tender(Payment.CARD, 1016),)


def test_what_means_nothing_here_is_passed_over_and_told() -> None:
    given = {"operator": "1", "operatorPassword": "1", "items": [item(quantiy=2, itemCode=7)]}
    request = read_receipt(tree.parse(json.dumps(given).encode()), RIGA)
    assert request.unused == ("operator", "operatorPassword", "items[0].quantiy")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        ("{", ""),
        ('{"items": [}', ""),
        ("[]", "the body"),
        ("null", "the body"),
        ('{"items": {}}', "items"),
        ('{"items": [1]}', "items[0]"),
        ('{"items": [{"text": []}]}', "items[0].text"),
        ('{"items": [{"unitPrice": "4,60"}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": true}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": 1e999999999999}]}', "items[0].unitPrice"),
        ('{"items": [{"unitPrice": 12345678901234567890}]}', "items[0].unitPrice"),
        ('{"items": [{"quantity": 1}, {"type": "gift"}]}', "items[1].type"),
        ('{"items": [{"type": true}]}', "items[0].type"),
        ('{"items": [{"department": 1.5}]}', "items[0].department"),
        ('{"items": [{"text": "a", "Text": "b"}]}', "items[0].Text"),
        ('{"payments": [{"amount": NaN}]}', ""),
    ],
)
def test_what_is_no_request_is_told_with_its_path(text: str, where: str) -> None:
    with pytest.raises(tree.Malformed) as caught:
        checked(text)
    assert caught.value.where == where
    assert caught.value.code in ("E401", "E403")


def test_amounts_of_cash() -> None:
    amount, unused = read_amount(tree.parse(b'{"amount": 50.00, "operator": "1"}'))
    assert (positive(amount), unused) == (5000, ("operator",))
    for wrong in (0, -5, 0.005, 10**9):
        with pytest.raises(Refused) as caught:
            positive(read_amount(tree.parse(b'{"amount": %r}' % wrong))[0])
        assert (caught.value.code, caught.value.where) == ("E403", "amount")
    with pytest.raises(tree.Malformed):
        read_amount({})


def test_a_raw_request_has_a_command() -> None:
    assert read_raw({"rawRequest": "VT"}) == "VT"
    for wrong in ({}, {"rawRequest": ""}, {"rawRequest": None}):
        with pytest.raises(tree.Malformed):
            read_raw(wrong)


# What the driver refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("items[0].text", "items[0].text"),
        ("items[1].vat", "items[2].taxGroup"),
        ("items[1].unit_cents", "items[2].unitPrice"),
        ("items[1]", "items[2]"),
        ("items[7].text", "items[7].text"),
        ("items", "items"),
        ("tenders[1].means", "payments"),
        ("cents", "amount"),
        ("sale_number", "uniqueSaleNumber"),
        ("reversal.number", "receiptNumber"),
        ("total_cents", "total_cents"),
    ],
)
def test_a_part_of_the_work_is_told_by_its_path_in_the_request(where: str, path: str) -> None:
    refused = InputRefused("why", "do", where=where, code="bad_text")
    told = as_written(refused, ("items[0].", "items[2]."))
    assert (told.where, told.what, told.advice, told.code) == (path, "why", "do", "bad_text")


def test_a_discount_that_becomes_part_of_lines_moves_no_path() -> None:
    device = msgspec.structs.replace(DEVICE, adjust_needs_vat=True)
    off = {"type": "discount-amount", "amount": 1, "taxGroup": 3}
    made = checked({"items": [item(), item(taxGroup=1), off, {"type": "comment", "text": "Bye"}]}, device)
    assert made.items == ("items[0].", "items[1].", "items[3].")
    assert len(made.work.items) == 3


@pytest.mark.parametrize("name", ["receiptNumber", "fiscalMemorySerialNumber"])
def test_a_number_that_no_device_has_is_refused(name: str) -> None:
    body = {"items": [item()], "receiptNumber": "1", "fiscalMemorySerialNumber": "02000600", name: "1" * 33}
    with pytest.raises(Refused) as refused:
        checked(body, reversal=True)
    assert (refused.value.code, refused.value.where) == ("E405", name)
