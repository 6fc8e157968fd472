"""The DATA of Datecs version 1 commands: what a request says, what an answer says. Pure.

Money on the wire: two decimals with a point in requests, cents without a point in answers; quantities three
decimals. Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, the named command.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from drivers.contract.printer import Cents, Thousandths

_AMOUNT = re.compile(rb"[+-]?[0-9]{1,12}")
_PAID = re.compile(rb"([DRFEI])([+-]?[0-9]{1,12})?")


class DataError(ValueError):
    """An answer whose DATA is not what the command answers with."""


class PaidCode(StrEnum):
    """First letter of the answer to 53. The last three say that nothing was paid."""

    DUE = "D"
    CHANGE = "R"
    FAILED = "F"
    NEGATIVE_TOTAL = "E"
    NEGATIVE_GROUP = "I"


NOT_PAID = frozenset({PaidCode.FAILED, PaidCode.NEGATIVE_TOTAL, PaidCode.NEGATIVE_GROUP})


class Paid(msgspec.Struct, frozen=True):
    """Answer to 53: what remains due or is to be given back. The letter alone decides nothing when the
    amount is 0: for an exact payment the documents name neither."""

    code: PaidCode
    cents: Cents


class Transaction(msgspec.Struct, frozen=True):
    """Answer to 76: the current receipt when `open`, otherwise the last one."""

    open: bool
    items: int
    amount_cents: Cents


class Identity(msgspec.Struct, frozen=True):
    """Answer to 90. Fields that a country's firmware leaves out are empty."""

    model: str
    firmware: str = ""
    serial: str = ""
    fiscal_memory: str = ""


def open_receipt(operator: str, password: str, till: str) -> bytes:
    """48, group A order."""
    return f"{operator},{password},{till}".encode("ascii")


def sale(text: bytes, vat: str, unit_cents: Cents, quantity: Thousandths, discount_cents: Cents) -> bytes:
    """49 with the discount as an amount. The quantity is always said: a receipt in Latvia has to show it
    even when it is 1."""
    data = f"\t{vat}{money(unit_cents)}*{quantity // 1000}.{quantity % 1000:03}"
    if discount_cents:
        data += f";-{money(discount_cents)}"
    return text + data.encode("ascii")


SUBTOTAL_SILENT = b"00"
"""51: neither on paper nor on the display."""

STATUS_AT_ONCE = b"X"
"""74: without waiting for the printing to end."""

TRANSACTION_WITH_TENDER = b"T"
"""76."""

IDENTIFY = b"1"
"""90, with the checksum of the firmware computed: the form that both versions answer."""


def pay(letter: str, cents: Cents) -> bytes:
    """53 with the amount said, never "the rest": an amount that differs must be noticed."""
    return f"\t{letter}{money(cents)}".encode("ascii")


def money(cents: Cents) -> str:
    """`1390` as `13.90`. For amounts from 0 up."""
    return f"{cents // 100}.{cents % 100:02}"


def read_subtotal(data: bytes) -> Cents:
    """51: its first field. Raises `DataError`."""
    return _amount(data.split(b",")[0], "51")


def read_paid(data: bytes) -> Paid:
    """53. Raises `DataError`."""
    found = _PAID.fullmatch(data)
    if found is None:
        raise DataError("answer to 53 is not a letter and an amount")
    return Paid(PaidCode(found[1].decode()), abs(int(found[2] or 0)))


def read_transaction(data: bytes) -> Transaction:
    """76. Raises `DataError`."""
    fields = data.split(b",")
    if len(fields) < 3 or fields[0] not in (b"0", b"1") or not fields[1].isdigit() or len(fields[1]) > 9:
        raise DataError("answer to 76 is not open, items, amount")
    return Transaction(fields[0] == b"1", int(fields[1]), _amount(fields[2], "76"))


def read_number(data: bytes) -> str:
    """113: as the device writes it, leading zeros kept. Raises `DataError`."""
    if not data.isdigit() or len(data) > 12:
        raise DataError("answer to 113 is not a number")
    return data.decode("ascii")


def read_identity(data: bytes) -> Identity:
    """90. Never fails on a shape: firmware of other countries answers with other fields."""
    fields = [part.strip() for part in printable(data).split(",")]
    if len(fields) < 6:
        return Identity(fields[0])
    return Identity(fields[0], fields[1], fields[-2], fields[-1])


def printable(data: bytes) -> str:
    """For people and logs: everything that is not printable ASCII as `.`"""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def _amount(field: bytes, command: str) -> Cents:
    if _AMOUNT.fullmatch(field) is None:
        raise DataError(f"answer to {command} holds no amount in cents where one belongs")
    return int(field)
