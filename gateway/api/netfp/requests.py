"""What clients of ErpNet.FP send, as it was written: shapes only, what makes sense is found out in `receipts`. Pure.

Fields and defaults: ErpNet.FP 1.1.0, PROTOCOL.md, and the classes that it reads requests into. An enumeration may come
as its number, which is what .NET's serialisers write unless they are told otherwise.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from gateway.api.netfp.tree import Fields, Malformed
from gateway.model.fiscal import Payment, ReversalReason


class ItemType(StrEnum):
    SALE = "sale"
    COMMENT = "comment"
    FOOTER_COMMENT = "footer-comment"
    SURCHARGE = "surcharge-amount"
    DISCOUNT = "discount-amount"


class Modifier(StrEnum):
    NONE = "none"
    DISCOUNT_PERCENT = "discount-percent"
    DISCOUNT_AMOUNT = "discount-amount"
    SURCHARGE_PERCENT = "surcharge-percent"
    SURCHARGE_AMOUNT = "surcharge-amount"


PAYMENTS = {
    "cash": Payment.CASH,
    "check": Payment.CHEQUE,
    "coupons": Payment.COUPON,
    "ext-coupons": Payment.EXTERNAL_COUPON,
    "packaging": Payment.PACKAGING,
    "internal-usage": Payment.INTERNAL,
    "damage": Payment.DAMAGE,
    "card": Payment.CARD,
    "bank": Payment.BANK,
    "reserved1": Payment.RESERVED1,
    "reserved2": Payment.RESERVED2,
}
"""In the order of .NET's enumeration, which counts from 1."""
CHANGE = "change"
"""No payment: a negative amount that only makes the sum come out even."""

_REASONS = {
    "operator-error": ReversalReason.ERROR,
    "refund": ReversalReason.REFUND,
    "tax-base-reduction": ReversalReason.TAX_BASE,
    "taxbase-reduction": ReversalReason.TAX_BASE,
}
_FIRST_REASON = 1


def _numbered(words: list[str], first: int = 0) -> dict[str, str]:
    return {**{word: word for word in words}, **{str(first + index): word for index, word in enumerate(words)}}


_ITEM_WORDS = _numbered([kind.value for kind in ItemType])
_MODIFIER_WORDS = _numbered([kind.value for kind in Modifier])
_PAYMENT_WORDS = {**_numbered(list(PAYMENTS), 1), CHANGE: CHANGE, "-1": CHANGE}
_TAX_GROUPS = {"unspecified": 0, **{f"taxgroup{number}": number for number in range(1, 9)}}
_REASON_WORDS = {**_REASONS, "1": ReversalReason.ERROR, "2": ReversalReason.REFUND, "3": ReversalReason.TAX_BASE}


class Item(msgspec.Struct, frozen=True):
    """One element of `items`; `path` is where it stands. Numbers are as written, 0 when absent."""

    path: str
    type: ItemType
    text: str
    tax_group: int
    department: int
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    modifier: Modifier
    modifier_value: Decimal


class Paid(msgspec.Struct, frozen=True):
    """One element of `payments`. `means` is a word of the documents, or whatever else was written."""

    path: str
    means: str
    amount: Decimal


class Original(msgspec.Struct, frozen=True):
    """Of a reversal: the receipt that it reverses. `device_time` is empty when it was not given."""

    number: str
    device_time: str
    fiscal_memory: str
    reason: ReversalReason


class ReceiptRequest(msgspec.Struct, frozen=True):
    """A receipt, or with `original` its reversal. `unused`: paths of fields that mean nothing here."""

    sale_number: str
    items: tuple[Item, ...]
    payments: tuple[Paid, ...]
    original: Original | None = None
    unused: tuple[str, ...] = ()


def read_receipt(body: object, zone: ZoneInfo, *, reversal: bool = False) -> ReceiptRequest:
    """The body of `receipt`, or of `reversalreceipt`. Raises `Malformed`."""
    fields = Fields(body)
    items, payments = fields.objects("items"), fields.objects("payments")
    original = None
    if reversal:
        original = Original(
            fields.text("receiptNumber").strip(),
            read_time(fields, "receiptDateTime", zone),
            fields.text("fiscalMemorySerialNumber").strip(),
            # ErpNet.FP's own default.
            fields.word("reason", _REASON_WORDS, ReversalReason.ERROR),
        )
    request = ReceiptRequest(
        fields.text("uniqueSaleNumber"),
        tuple(_item(one) for one in items),
        tuple(_paid(one) for one in payments),
        original,
    )
    unused = [path for one in (fields, *items, *payments) for path in one.unread()]
    unused += [f"{item.path}department" for item in request.items if item.department > 0]
    return msgspec.structs.replace(request, unused=tuple(unused))


def _item(fields: Fields) -> Item:
    fields.whole("itemCode")  # Goes nowhere on paper: no device needs it.
    return Item(
        path=fields.at(""),
        type=ItemType(fields.word("type", _ITEM_WORDS, ItemType.SALE.value)),
        text=fields.text("text"),
        tax_group=fields.whole("taxGroup", _TAX_GROUPS),
        department=fields.whole("department"),
        quantity=fields.decimal("quantity"),
        unit_price=fields.decimal("unitPrice"),
        amount=fields.decimal("amount"),
        modifier=Modifier(fields.word("priceModifierType", _MODIFIER_WORDS, Modifier.NONE.value)),
        modifier_value=fields.decimal("priceModifierValue"),
    )


def _paid(fields: Fields) -> Paid:
    given = fields.text("paymentType", "cash")
    return Paid(fields.at(""), known_payment(given) or given, fields.decimal("amount"))


def known_payment(word: str) -> str | None:
    """The documents' word for a means of payment, however it is written; None when there is no such means."""
    plain = word.replace("-", "").lower()
    return next((meant for known, meant in _PAYMENT_WORDS.items() if plain == known.replace("-", "")), None)


def read_amount(body: object) -> tuple[Decimal, tuple[str, ...]]:
    """The body of `deposit` and `withdraw`: the amount, and the paths of what means nothing here. Raises
    `Malformed`."""
    fields = Fields(body)
    if not fields.has("amount"):
        raise Malformed("it is missing", "Give the amount", where="amount")
    return fields.decimal("amount"), tuple(fields.unread())


def read_clock(body: object, zone: ZoneInfo) -> str:
    """The body of `datetime`: a device's time, empty for "now". Raises `Malformed`."""
    return read_time(Fields(body), "deviceDateTime", zone)


def read_raw(body: object) -> str:
    """The body of `rawrequest`: the command as a character, then its data. Raises `Malformed`."""
    raw = Fields(body).text("rawRequest")
    if not raw:
        raise Malformed("it is empty", "Give the command's character, then its data", where="rawRequest")
    return raw


NOT_SET = 1
"""The year of a date that .NET has not set."""


def read_time(fields: Fields, name: str, zone: ZoneInfo) -> str:
    """A moment (ISO 8601) as a device tells it: local time without an offset; one with an offset (JavaScript writes
    UTC) is brought to the place's zone. Empty when absent. Raises `Malformed`."""
    given = fields.text(name).strip()
    if not given:
        return ""
    try:
        moment = datetime.fromisoformat(given)
        if moment.year == NOT_SET:
            return ""
        local = moment.astimezone(zone) if moment.tzinfo is not None else moment
    except (ValueError, OverflowError) as error:
        advice = "Write it as 2026-11-27T10:02:41"
        raise Malformed("this is no date and time", advice, where=fields.at(name)) from error
    return local.strftime("%Y-%m-%dT%H:%M:%S")
