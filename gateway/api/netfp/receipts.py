"""From a receipt as ErpNet.FP's clients write it to the work that a device does, or to why not. Pure.

Everything is checked in the order of the original, before anything is recorded or printed: items, the sale's number,
each item, each payment, their sum. Where the original rounds in silence, this refuses: a price of 0.005 is none.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

from gateway.api.netfp.amounts import cents, percent_cents, thousandths
from gateway.api.netfp.requests import CHANGE, PAYMENTS, Item, ItemType, Modifier, Original, Paid, ReceiptRequest
from gateway.api.netfp.spread import price, spread
from gateway.api.netfp.words import Message, warning
from gateway.model.errors import InputRefused
from gateway.model.fiscal import (
    AdjustLine,
    NoteLine,
    Payment,
    PrinterDescription,
    ReceiptWork,
    Reversal,
    SaleLine,
    Tender,
    WorkItem,
)
from gateway.model.money import Cents, euros, line_cents
from gateway.model.receipt import MAX_CENTS, MAX_LINES, MAX_QUANTITY

MAX_TENDERS = 8
NUMBER_MAX = 32
"""Characters of a receipt's number and of a fiscal memory's: what the contract takes. A family has fewer."""
TEXT_MAX = 200
"""Characters of a line. The device's own limit is shorter, and the driver's to apply."""
LINE_ENDS = "\u2028\u2029"
LETTERS = "ABCDEFGH"
"""Tax groups 1 to 8."""

_SALE_NUMBER = re.compile(r"[A-Z]{2}[0-9]{6}-[A-Z0-9]{4}-[0-9]{7}")


class Refused(InputRefused):
    """Nothing was printed and nothing recorded. `code` is one of ErpNet.FP's, `where` the field's path."""

    def __init__(self, code: str, what: str, advice: str, *, where: str = "") -> None:
        super().__init__(what, advice, where=where, code=code)


class Checked(NamedTuple):
    """A receipt that may be printed, what the caller should be told of it beside, and where its items stand in the
    request (`items[3].`)."""

    work: ReceiptWork
    messages: tuple[Message, ...]
    items: tuple[str, ...]


def check(request: ReceiptRequest, key: str, device: PrinterDescription | None) -> Checked:
    """The work under `key`. `device` is what the device takes, None while that is not known: then the driver alone
    refuses what it lacks. Raises `Refused` with the code, the field's path and what to do."""
    if not request.items:
        raise Refused("E410", "the receipt is empty", "Give at least one item", where="items")
    if len(request.items) > MAX_LINES:
        what = f"{len(request.items)} items are more than {MAX_LINES}"
        raise Refused("E403", what, "Split the receipt", where="items")
    if request.sale_number and _SALE_NUMBER.fullmatch(request.sale_number) is None:
        advice = "Write it as AA000000-XXXX-0000000, or leave it out"
        raise Refused("E405", "this is no sale number", advice, where="uniqueSaleNumber")
    items, paths, total = _items(request.items, device)
    messages: list[Message] = []
    reversal = None
    if request.original is not None:
        reversal = _reversal(request.original, device)
        tenders: tuple[Tender, ...] = (Tender(Payment.CASH, total),)
        if request.payments:
            messages.append(warning("W302", "payments of a reversal are not used: it is paid back in cash"))
    else:
        tenders = _tenders(request.payments, total, device)
    work = ReceiptWork(key, items, tenders, total, reversal, sale_number=request.sale_number)
    return Checked(work, tuple(messages), paths)


# Items -----------------------------------------------------------------------------------------------------


def _items(
    given: tuple[Item, ...], device: PrinterDescription | None
) -> tuple[tuple[WorkItem, ...], tuple[str, ...], Cents]:
    """What is printed, where each of it was written, and what it comes to."""
    made: list[WorkItem] = []
    paths: list[str] = []
    total = sold = 0
    for item in given:
        match item.type:
            case ItemType.SALE:
                line = _sale(item)
                sold += 1
                total += price(line)
                made.append(line)
            case ItemType.COMMENT | ItemType.FOOTER_COMMENT:
                made.append(NoteLine(_text(item), item.type is ItemType.FOOTER_COMMENT))
            case ItemType.DISCOUNT | ItemType.SURCHARGE:
                adjust = _adjust(item, total, device)
                total += adjust.cents
                if device is not None and device.adjust_needs_vat and _letters(made) != {adjust.vat}:
                    made = _spread(item, made, adjust)
                    continue  # it is no item of its own any more
                made.append(adjust)
        paths.append(item.path)
    if not sold:
        raise Refused("E410", "nothing is sold", "A receipt has at least one item of type sale", where="items")
    if total > MAX_CENTS:
        raise Refused("E403", f"the total of {euros(total)} is a mistake", "Correct the prices", where="items")
    if not total and device is not None and not device.zero_total:
        raise Refused("E412", "the total is 0, which this device does not print", "Sell it elsewhere", where="items")
    return tuple(made), tuple(paths), total


def _sale(item: Item) -> SaleLine:
    text = _text(item)
    if item.modifier is not Modifier.NONE and item.modifier_value <= 0:
        raise _of(item, "priceModifierValue", "it has to be above 0", "Leave priceModifierType out for no change")
    if item.modifier is Modifier.NONE and item.modifier_value != 0:
        raise _of(item, "priceModifierType", "it is missing beside priceModifierValue", "Say what the value is")
    if item.quantity < 0:
        raise _of(item, "quantity", "it is negative", "What is given back is a reversalreceipt, with positive numbers")
    if item.department < 0:
        raise _of(item, "department", "it is negative", "Leave it out")
    vat = _vat(item, required=True)
    unit = _money(item, "unitPrice", item.unit_price)
    if unit <= 0:
        advice = "What costs nothing is a comment; what is given back, a reversalreceipt"
        raise _of(item, "unitPrice", "it has to be above 0", advice)
    # Absent and 0 are 1, as in ErpNet.FP: its clients write every field, and 0 for what is not set.
    quantity = 1000 if item.quantity == 0 else thousandths(item.quantity, unit)
    if quantity is None:
        raise _of(item, "quantity", f"{item.quantity} has more than three decimals", "Round it, and the price with it")
    if not 0 < quantity <= MAX_QUANTITY:
        raise _of(item, "quantity", f"{item.quantity} cannot be sold in one line", "Correct it")
    whole = line_cents(unit, quantity)
    discount, surcharge = _modified(item, whole)
    if discount > whole:
        raise _of(item, "priceModifierValue", "the discount is more than the line", "Correct it")
    return SaleLine(text, vat, unit, quantity, discount, surcharge)


def _modified(item: Item, whole: Cents) -> tuple[Cents, Cents]:
    """What a line of this price is lowered and raised by."""
    match item.modifier:
        case Modifier.NONE:
            return 0, 0
        case Modifier.DISCOUNT_AMOUNT:
            return _money(item, "priceModifierValue", item.modifier_value), 0
        case Modifier.SURCHARGE_AMOUNT:
            return 0, _money(item, "priceModifierValue", item.modifier_value)
    amount = percent_cents(item.modifier_value, whole)
    if amount is None:
        raise _of(item, "priceModifierValue", f"{item.modifier_value} % has more than two decimals", "Round it")
    return (amount, 0) if item.modifier is Modifier.DISCOUNT_PERCENT else (0, amount)


def _adjust(item: Item, subtotal: Cents, device: PrinterDescription | None) -> AdjustLine:
    if item.amount <= 0:
        raise _of(item, "amount", "it has to be above 0", "The item's type says whether it lowers or raises")
    amount = _money(item, "amount", item.amount)
    if device is not None and not device.adjusts:
        advice = "Give the discount with the lines that it is for"
        raise Refused("E412", "this device changes no subtotal", advice, where=f"{item.path}type")
    vat = _vat(item, required=device is not None and device.adjust_needs_vat)
    signed = -amount if item.type is ItemType.DISCOUNT else amount
    if subtotal + signed < 0:
        raise _of(item, "amount", f"it is more than the subtotal of {euros(subtotal)}", "Correct it")
    return AdjustLine(signed, vat)


def _letters(items: list[WorkItem]) -> set[str]:
    return {item.vat for item in items if isinstance(item, SaleLine)}


def _spread(item: Item, made: list[WorkItem], adjust: AdjustLine) -> list[WorkItem]:
    """The device changes a subtotal of one tax group only: the lines of the named one are changed instead."""
    changed = spread(made, adjust.vat, adjust.cents)
    if changed is None:
        raise _of(item, "amount", "it is more than what is sold in this tax group", "Correct it, or name another group")
    return changed


def _text(item: Item) -> str:
    if not item.text.strip():
        raise Refused("E407", "it is empty", "Write what is sold, or the comment", where=f"{item.path}text")
    if len(item.text) > TEXT_MAX:
        what = f"{len(item.text)} characters are more than {TEXT_MAX}"
        raise Refused("E407", what, "Shorten it", where=f"{item.path}text")
    for at, letter in enumerate(item.text):
        if unicodedata.category(letter)[0] == "C" or letter in LINE_ENDS:
            what = f"the character U+{ord(letter):04X} at {at} is no letter"
            raise Refused("E407", what, "Leave it out; a further line is an item of its own", where=f"{item.path}text")
    return item.text


def _vat(item: Item, *, required: bool) -> str:
    if item.tax_group == 0 and not required:
        return ""
    if not 1 <= item.tax_group <= len(LETTERS):
        raise Refused("E411", "there is no such tax group", "Give 1 to 8", where=f"{item.path}taxGroup")
    return LETTERS[item.tax_group - 1]


# Payments --------------------------------------------------------------------------------------------------


def _tenders(given: tuple[Paid, ...], total: Cents, device: PrinterDescription | None) -> tuple[Tender, ...]:
    if not given:
        return (Tender(Payment.CASH, total),)
    tenders, paid = [], 0
    for one in given:
        amount = cents(one.amount)
        if amount is None:
            raise _money_refused(one.path, "amount", one.amount)
        paid += amount
        if one.means == CHANGE:
            if amount >= 0:
                raise Refused(
                    "E403", "change is negative", "Write what is given back below 0", where=f"{one.path}amount"
                )
            continue
        if amount < 0:
            raise Refused("E403", "it is negative", "Only change is", where=f"{one.path}amount")
        means = PAYMENTS.get(one.means)
        if means is None or (device is not None and means not in device.payments):
            takes = ", ".join(known for known, its in PAYMENTS.items() if device is None or its in device.payments)
            what = f"{one.means[:32]!r} is no means of payment here"
            raise Refused("E406", what, f"This device takes {takes}", where=f"{one.path}paymentType")
        tenders.append(Tender(means, amount))
    if paid != total:
        what = f"they are {euros(paid)} together, and the items {euros(total)}"
        raise Refused("E403", what, "Both have to be the same; what is given back is `change`", where="payments")
    if sum(one.cents for one in tenders if one.means is not Payment.CASH) > total:
        raise Refused("E406", "only cash gives change", "Take less by the other means", where="payments")
    some = tuple(one for one in tenders if one.cents) or (Tender(Payment.CASH, 0),)
    if len(some) > MAX_TENDERS:
        what = f"{len(some)} payments are more than {MAX_TENDERS}"
        raise Refused("E406", what, "Add up those of one kind", where="payments")
    return some


def _reversal(original: Original, device: PrinterDescription | None) -> Reversal:
    if not original.number:
        raise Refused("E405", "it is empty", "Give the original's, from its answer", where="receiptNumber")
    if not original.fiscal_memory:
        advice = "Give the original's, from its answer"
        raise Refused("E405", "it is empty", advice, where="fiscalMemorySerialNumber")
    for where, given in (("receiptNumber", original.number), ("fiscalMemorySerialNumber", original.fiscal_memory)):
        if len(given) > NUMBER_MAX:
            what = f"{len(given)} characters are more than {NUMBER_MAX}"
            raise Refused("E405", what, "Give the original's, from its answer", where=where)
    if device is not None and not device.reversals:
        raise Refused("E412", "this device prints no reversals", "Give it back as your tax office wants it")
    return Reversal(original.number, original.reason, original.device_time, original.fiscal_memory)


def positive(amount: Decimal) -> Cents:
    """The amount of a deposit or a withdrawal. Raises `Refused`."""
    whole = cents(amount)
    if whole is None:
        raise _money_refused("", "amount", amount)
    if not 0 < whole <= MAX_CENTS:
        raise Refused("E403", "it has to be above 0, and a sane one", "Correct it", where="amount")
    return whole


def _money(item: Item, name: str, amount: Decimal) -> Cents:
    whole = cents(amount)
    if whole is None:
        raise _money_refused(item.path, name, amount)
    if abs(whole) > MAX_CENTS:
        raise _of(item, name, f"{amount} is a mistake", "Correct it")
    return whole


def _money_refused(path: str, name: str, amount: Decimal) -> Refused:
    what = f"{amount} is no whole number of cents"
    return Refused("E403", what, "Write at most two decimals", where=f"{path}{name}")


def _of(item: Item, name: str, what: str, advice: str) -> Refused:
    return Refused("E403", what, advice, where=f"{item.path}{name}")
