"""What is given back of a receipt, and why."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.decision import LineVat, Share, Use
from gateway.model.money import Cents, Thousandths


class RefundReason(StrEnum):
    """Why something is given back."""

    RETURNED = "returned"
    """The goods came back."""
    MISTAKE = "mistake"
    """The cashier's."""
    VOID = "void"
    """The receipt was cancelled: the sale did not take place."""


class Returned(msgspec.Struct, frozen=True, omit_defaults=True):
    """What comes back of a line: quantity, what it cost on the list, and what the customer and each payer get back of
    it. `due_cents` = `list_cents` - the shares."""

    line: str
    quantity: Thousandths
    list_cents: Cents
    due_cents: Cents
    shares: tuple[Share, ...] = ()
    vat: LineVat | None = None
    letter: str = "A"
    """Of its VAT group."""


class Refund(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is given back. `rounding_cents` comes back with the last part; cents that were rounded off sooner, where the
    last part is smaller than they are. `uses` are quota units that count as never taken."""

    lines: tuple[Returned, ...]
    due_cents: Cents
    rounding_cents: Cents = 0
    uses: tuple[Use, ...] = ()

    @property
    def list_cents(self) -> Cents:
        return sum(line.list_cents for line in self.lines)

    @property
    def discount_cents(self) -> Cents:
        """What the payers get back."""
        return self.list_cents + self.rounding_cents - self.due_cents
