"""What the rules gave: line by line, who pays, and why (and why not). Enough to replay it byte for byte."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.money import Cents


class Reason(StrEnum):
    """Closed reasons in a trace."""

    APPLIED = "applied"
    NOT_ENTITLED = "not_entitled"
    OTHER_PLACE = "other_place"
    OTHER_CATEGORY = "other_category"
    OUTSIDE_DATES = "outside_dates"
    NOT_DISCOUNTABLE = "not_discountable"
    LOST_TO = "lost_to"
    NO_EFFECT = "no_effect"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    NOT_IDENTIFIED = "not_identified"


class FiscalForm(StrEnum):
    """How a payer's share stands on paper, because VAT depends on it."""

    DISCOUNT = "discount"
    TENDER = "tender"
    OFF_RECEIPT = "off_receipt"


class Traced(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule's fate: on a line (or the whole receipt when `line` is empty)."""

    rule: str
    version: int
    reason: Reason
    line: str = ""
    cents: Cents = 0
    other: str = ""
    """The rule that it lost to."""


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one party pays of the price difference of a line, by one rule."""

    party: str
    rule: str
    cents: Cents
    form: FiscalForm = FiscalForm.DISCOUNT


class LineDecision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line: list price, discount, what is due; shares add up to the discount."""

    line: str
    list_cents: Cents
    discount_cents: Cents = 0
    shares: tuple[Share, ...] = ()

    @property
    def due_cents(self) -> Cents:
        return self.list_cents - self.discount_cents


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """The rules' answer to a receipt. Invariants, checked by the engine at run time:
    0 ≤ discount ≤ list on every line; Σ shares = discount; Σ lines = totals."""

    lines: tuple[LineDecision, ...]
    list_cents: Cents
    discount_cents: Cents
    trace: tuple[Traced, ...] = ()
    bundle: int = 0
    """Number of the rules bundle; 0 when none was in force."""
    inputs: str = ""
    """SHA-256 (hex) over the canonical inputs, so that a replay can be told from another question."""
    messages: tuple[str, ...] = ()
    """Ids of rules whose message is to be shown to the person."""

    @property
    def due_cents(self) -> Cents:
        return self.list_cents - self.discount_cents
