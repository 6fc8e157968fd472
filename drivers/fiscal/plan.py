"""What a `Print` will send, or why it is refused before a byte is printed. Pure.

Money is integer cents; a line is price times quantity, rounded half up as the device does, minus its
discount. Source: Datecs, Rounding in Fiscal Devices, Bulgaria, v1.0.4.
"""

from __future__ import annotations

import re

import msgspec

from drivers.contract.printer import Cents, Line, Payment, Print, Tender
from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal.errors import Reason
from drivers.fiscal.families import Family
from drivers.fiscal.text import TextRefused, printable

KEY_LINE = "Nr. "
"""What stands before the key on paper, so that a person can find the receipt."""

_KEY = re.compile(r"[!-~]+")


class Refusal(Exception):
    """The receipt cannot be printed as asked. Nothing was sent."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(f"{reason}: {what}")
        self.reason = reason


class Till(msgspec.Struct, frozen=True):
    """What the options say about who prints. Never shown: it holds the password."""

    operator: str
    password: str
    number: str
    encoding: str
    vat_letters: str

    def __repr__(self) -> str:
        return f"Till(operator={self.operator!r}, number={self.number!r})"


class Paying(msgspec.Struct, frozen=True):
    """One payment: its DATA, and what the device must answer (`cents` as an absolute amount)."""

    data: bytes
    cents: Cents
    code: wire.PaidCode | None
    """None when exactly paid: the letter then says nothing."""


class Plan(msgspec.Struct, frozen=True):
    """The DATA of every command of one receipt, and the sums that the device must agree with."""

    key: str
    opening: bytes
    key_line: bytes
    sales: tuple[bytes, ...]
    payments: tuple[Paying, ...]
    total_cents: Cents
    change_cents: Cents

    def __repr__(self) -> str:
        return f"Plan(key={self.key!r}, total_cents={self.total_cents})"


def plan(asked: Print, family: Family, till: Till) -> Plan:
    """The plan for `asked`. Raises `Refusal`."""
    key_line = _key_line(asked.key, family)
    lines = [item for item in asked.items if isinstance(item, Line)]
    if len(lines) != len(asked.items):
        raise Refusal(Reason.NOT_SUPPORTED, "a receipt of this driver holds lines only")
    if len(lines) > family.max_lines:
        raise Refusal(Reason.TOO_LARGE, f"{len(lines)} lines, at most {family.max_lines} fit")
    sales = tuple(_sale(number, line, family, till) for number, line in enumerate(lines, 1))
    total = sum(row_cents(line) - line.discount_cents for line in lines)
    if total > family.max_cents:
        raise Refusal(Reason.TOO_LARGE, f"a total of {wire.money(total)} is more than the device takes")
    if total != asked.total_cents:
        what = f"the lines make {total} cents, the caller says {asked.total_cents}"
        raise Refusal(Reason.TOTAL_DIFFERS, what)
    if total == 0:
        raise Refusal(Reason.NOTHING_TO_PAY, "the total is 0.00")
    payments = _payments(asked.tenders, total, family)
    return Plan(
        key=asked.key,
        opening=wire.open_receipt(till.operator, till.password, till.number),
        key_line=key_line,
        sales=sales,
        payments=payments,
        total_cents=total,
        change_cents=sum(tender.cents for tender in asked.tenders) - total,
    )


def row_cents(line: Line) -> Cents:
    """Price times quantity, half a cent up; before the discount."""
    return (line.unit_cents * line.quantity + 500) // 1000


def _key_line(key: str, family: Family) -> bytes:
    if _KEY.fullmatch(key) is None:
        raise Refusal(Reason.BAD_KEY, "a key is printable ASCII without spaces")
    line = (KEY_LINE + key).encode("ascii")
    if len(line) > family.text_bytes:
        raise Refusal(Reason.BAD_KEY, f"a key has at most {family.text_bytes - len(KEY_LINE)} characters")
    return line


def _sale(number: int, line: Line, family: Family, till: Till) -> bytes:
    try:
        text = printable(line.text, till.encoding, family.text_bytes)
    except TextRefused as error:
        raise Refusal(Reason.BAD_TEXT, f"text of line {number}: {error}") from error
    if line.vat not in till.vat_letters:
        raise Refusal(Reason.BAD_VAT, f"line {number} has VAT letter {line.vat}")
    row = row_cents(line)
    if max(line.unit_cents, row) > family.max_cents or line.quantity > family.max_quantity:
        raise Refusal(Reason.TOO_LARGE, f"price or quantity of line {number}")
    if row == 0:
        raise Refusal(Reason.NOTHING_TO_PAY, f"line {number} comes to 0.00")
    if line.discount_cents > row:
        what = f"line {number} costs {wire.money(row)}, its discount is {wire.money(line.discount_cents)}"
        raise Refusal(Reason.DISCOUNT_TOO_LARGE, what)
    return wire.sale(text, line.vat, line.unit_cents, line.quantity, line.discount_cents)


def _payments(tenders: tuple[Tender, ...], total: Cents, family: Family) -> tuple[Paying, ...]:
    """Cash goes last, because the change comes out of it; otherwise in the order given."""
    given = sum(tender.cents for tender in tenders)
    if given < total:
        raise Refusal(Reason.TENDER_TOO_SMALL, f"{wire.money(given)} for {wire.money(total)}")
    if given > family.max_cents:
        raise Refusal(Reason.TENDER_TOO_LARGE, f"{wire.money(given)} is more than the device takes")
    payments = []
    due = total
    for tender in sorted(tenders, key=lambda tender: tender.means is Payment.CASH):
        if tender.means not in family.payments:
            raise Refusal(Reason.NOT_SUPPORTED, f"the device takes no payment by {tender.means}")
        if due <= 0 or tender.cents == 0:
            raise Refusal(Reason.TENDER_TOO_LARGE, f"{tender.means} of {wire.money(tender.cents)} is needless")
        due -= tender.cents
        if due < 0 and tender.means is not Payment.CASH:
            raise Refusal(Reason.TENDER_TOO_LARGE, f"{wire.money(-due)} more than due by {tender.means}")
        code = wire.PaidCode.DUE if due > 0 else wire.PaidCode.CHANGE if due < 0 else None
        payments.append(Paying(wire.pay(family.payments[tender.means], tender.cents), abs(due), code))
    return tuple(payments)
