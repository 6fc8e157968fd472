"""What is taken off a subtotal, as discounts of lines: for devices that take it off one tax group only. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.model.fiscal import SaleLine, WorkItem
from gateway.model.money import Cents, line_cents, share_out


def price(line: SaleLine) -> Cents:
    """What a line costs."""
    return line_cents(line.unit_cents, line.quantity) - line.discount_cents + line.surcharge_cents


def spread(items: Sequence[WorkItem], vat: str, cents: Cents) -> list[WorkItem] | None:
    """`items` with the lines of this letter lowered (negative) or raised by `cents` together, in proportion to their
    prices, to the cent. None when they cost less than what is taken off them."""
    prices = [price(item) if isinstance(item, SaleLine) and item.vat == vat else 0 for item in items]
    if not any(prices) or sum(prices) + cents < 0:
        return None
    return [
        _changed(item, share) if isinstance(item, SaleLine) and share else item
        for item, share in zip(items, share_out(cents, prices), strict=True)
    ]


def _changed(line: SaleLine, cents: Cents) -> SaleLine:
    """A line has a discount or a surcharge, never both."""
    change = line.surcharge_cents - line.discount_cents + cents
    return msgspec.structs.replace(line, discount_cents=max(0, -change), surcharge_cents=max(0, change))
