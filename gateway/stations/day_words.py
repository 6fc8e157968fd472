"""What a till's day came to, for the cashier and the bookkeeper."""

from __future__ import annotations

import msgspec

from gateway.model.decision import FiscalForm
from gateway.model.money import Cents, Thousandths


class Sums(msgspec.Struct, frozen=True):
    """Of so many receipts: at list price, what payers give, what the customers pay (cash rounding within it)."""

    count: int = 0
    list_cents: Cents = 0
    discount_cents: Cents = 0
    due_cents: Cents = 0
    rounding_cents: Cents = 0


class PayerSum(msgspec.Struct, frozen=True):
    """What one party pays by one rule: of what was sold, and of that what came back."""

    party: str
    rule: str
    form: FiscalForm
    sold_cents: Cents = 0
    back_cents: Cents = 0


class MeansSum(msgspec.Struct, frozen=True):
    """What customers have paid by these means, and got back."""

    means: str
    sold_cents: Cents = 0
    back_cents: Cents = 0


class VatSum(msgspec.Struct, frozen=True):
    """Gross and the VAT in it of one letter, less what came back: what our own printer told of its paper; else as the
    rules' rates say, where they hold some."""

    letter: str
    gross_cents: Cents = 0
    tax_cents: Cents = 0


class Overspent(msgspec.Struct, frozen=True):
    """Units of a quota that were used although nothing was left: by quotes that were committed late."""

    key: str
    units: int


class UnmappedArticle(msgspec.Struct, frozen=True):
    """An article of which nobody could say what it is: its `category` is missing, or no rule names it."""

    text: str
    sku: str
    category: str
    lines: int
    quantity: Thousandths


class DayReport(msgspec.Struct, frozen=True, kw_only=True):
    """A civil day of the place, from its first millisecond to that of the next one. What a day's receipts came to
    later is told on the day when it came: net is `sold` less `refunded` less `voided`."""

    station: str
    date: str
    time_zone: str
    from_ms: int
    until_ms: int
    sold: Sums
    refunded: Sums
    voided: Sums
    means: tuple[MeansSum, ...]
    payers: tuple[PayerSum, ...]
    vat: tuple[VatSum, ...]
    untaxed: int
    """Receipts and refunds with lines of which nobody here knows the VAT: they are not, or not whole, in `vat`."""
    late: int
    """Receipts that were committed after their quote had expired, or had been replaced."""
    not_printed: int
    """Receipts and refunds that our printer has refused or cancelled: they did not take place, and are in no sum."""
    print_unknown: int
    """Receipts and refunds of which it is not known whether they were printed; they are in the sums."""
    overspent: tuple[Overspent, ...]
    unmapped: tuple[UnmappedArticle, ...]
    erased: int
    """Receipts and refunds that cannot be counted: their content was erased, or is kept here no longer."""
    undated: int
    """Receipts and refunds of this day by a clock that nobody vouched for."""
    partial: bool
    """The day is so long ago that some of it is kept here no longer."""
