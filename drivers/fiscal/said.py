"""What an answer of a fiscal device says, the same for all families. Values, and how parts of one are put together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec

from drivers.contract.printer import BasisPoints, Cents
from drivers.fiscal.families import Sign


class Identity(msgspec.Struct, frozen=True):
    """Which device it is. Never fails on a shape: firmware of other countries answers with other fields, left empty."""

    model: str
    firmware: str = ""
    serial: str = ""
    fiscal_memory: str = ""
    tax_number: str = ""


class Stage(StrEnum):
    """Where the receipt on the device stands. NONE: none is open."""

    NONE = "none"
    OPEN = "open"
    PAYING = "paying"
    PAID = "paid"


class Transaction(msgspec.Struct, frozen=True):
    """The current receipt, or the last one when `stage` is NONE. What the family does not tell is None: then
    `paid_cents` has to be worked out by paying (see the course)."""

    stage: Stage
    reversal: bool = False
    items: int | None = None
    amount_cents: Cents | None = None
    paid_cents: Cents | None = None


class Last(msgspec.Struct, frozen=True):
    """The last document."""

    number: str
    device_time: str = ""
    z_number: str = ""


class Document(msgspec.Struct, frozen=True):
    """What the journal tells of a receipt that counts; empty and None: not told. Of any other document it has no number
    here. `ended`: there is no more of it to be read."""

    number: str = ""
    device_time: str = ""
    reversal: bool | None = None
    amount_cents: Cents | None = None
    fiscal_memory: str = ""
    ended: bool = True


class Day(msgspec.Struct, frozen=True):
    z_number: str = ""
    sold_cents: Cents | None = None
    returned_cents: Cents | None = None


class Cash(msgspec.Struct, frozen=True):
    cents: Cents


class DeviceClock(msgspec.Struct, frozen=True):
    device_time: str


class Rates(msgspec.Struct, frozen=True):
    """VAT letter (A to H) to basis points, of those in use."""

    rates: dict[str, BasisPoints]


class Subtotal(msgspec.Struct, frozen=True):
    """`groups`: what each VAT letter has of it, where the family tells; letters without a sum are left out."""

    cents: Cents
    groups: dict[str, Cents] = {}


class Paid(msgspec.Struct, frozen=True):
    """After a payment: what is still due, or the change; both 0 when exactly paid. None: the family does not tell."""

    due_cents: Cents | None = None
    change_cents: Cents | None = None


_Parted = TypeVar("_Parted", Identity, Transaction, Day, Document)


def merged(parts: Sequence[_Parted]) -> _Parted:
    """One value out of its parts, at least one: each field as the first part says that tells it."""
    first, *more = parts
    for part in more:
        untold = [name for name in first.__struct_fields__ if getattr(first, name) in (None, "")]
        first = msgspec.structs.replace(first, **{name: getattr(part, name) for name in untold})
    return first


Value = Identity | Transaction | Last | Document | Day | Cash | DeviceClock | Rates | Subtotal | Paid


class Said(msgspec.Struct, frozen=True):
    """What an answer says. `refused` is empty when the command was carried out, else why not, for a person (bits, error
    code in DATA, letter: whichever says so); it changed nothing then. `code` is the device's own error code."""

    signs: frozenset[Sign]
    refused: str = ""
    code: str = ""
    value: Value | None = None


class DataError(ValueError):
    """An answer whose DATA is not what the command answers with."""
