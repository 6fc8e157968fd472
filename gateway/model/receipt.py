"""What is bought: a receipt and its lines. Money in cents, quantities in thousandths, prices gross."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.money import Cents, Thousandths, line_cents

MAX_LINES = 512
MAX_QUANTITY = 10_000_000
MAX_CENTS = 100_000_000
"""A receipt above a million euros is a mistake, not a sale."""


class Means(StrEnum):
    """Means of payment."""

    CASH = "cash"
    CARD = "card"


LineFlag = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)")]


CategoryCode = Annotated[str, msgspec.Meta(pattern=r"^(?:[a-z0-9][a-z0-9_.-]{0,31})?$(?!\n)")]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line. `category` is the article's group in the city's classifier, which rules name; empty: nobody
    knows, and no rule gives anything on it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=72, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$(?!\n)")]
    category: CategoryCode
    unit_cents: Annotated[Cents, msgspec.Meta(ge=1, le=MAX_CENTS)]
    quantity: Annotated[Thousandths, msgspec.Meta(ge=1, le=MAX_QUANTITY)] = 1000
    vat: Annotated[str, msgspec.Meta(pattern=r"^[A-H]$(?!\n)")] = "A"
    discountable: bool = True
    sku: Annotated[str, msgspec.Meta(pattern=r"^(?:[a-z0-9][a-z0-9_.-]{0,31})?$(?!\n)")] = ""
    """The article itself, for rules that name it."""
    flags: Annotated[tuple[LineFlag, ...], msgspec.Meta(max_length=8)] = ()
    """Marks of the article that rules name, such as `excise`."""
    floor_cents: Annotated[Cents, msgspec.Meta(ge=0, le=MAX_CENTS)] = 0
    """No rule brings a unit below this (a minimum price by law)."""

    @property
    def list_cents(self) -> Cents:
        """Price of the whole line before any benefit."""
        return line_cents(self.unit_cents, self.quantity)


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a POS asks about. Line ids are unique (checked by `check_receipt`)."""

    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=MAX_LINES)]
    means: Means = Means.CASH

    @property
    def list_cents(self) -> Cents:
        return sum(line.list_cents for line in self.lines)


def check_receipt(receipt: Receipt) -> str | None:
    """What the types cannot say: unique line ids, a sane sum. The fault with its path, or None."""
    seen: set[str] = set()
    for index, line in enumerate(receipt.lines):
        if line.id in seen:
            return f"line id {line.id!r} is used twice - at `$.receipt.lines[{index}].id`"
        seen.add(line.id)
    if receipt.list_cents > MAX_CENTS:
        return f"total above {MAX_CENTS} cents - at `$.receipt`"
    return None
