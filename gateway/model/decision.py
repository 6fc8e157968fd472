"""What the rules gave: line by line, who pays, and why (and why not). Enough to replay it byte for byte."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.money import BasisPoints, Cents


class Reason(StrEnum):
    """Closed reasons in a trace."""

    APPLIED = "applied"
    LOST_TO = "lost_to"
    NO_EFFECT = "no_effect"
    QUOTA_EMPTY = "quota_empty"
    QUOTA_UNKNOWN = "quota_unknown"
    """Nobody here can know how much is left, and the rule grants nothing on trust."""
    NOT_DISCOUNTABLE = "not_discountable"
    UNMAPPED = "unmapped"
    """The line has no category: nobody knows what it is."""
    SPEND_TOO_LOW = "spend_too_low"
    QUANTITY_TOO_LOW = "quantity_too_low"
    NOT_TOGETHER = "not_together"
    OTHER_MEANS = "other_means"
    EVENT_MISSING = "event_missing"
    TOO_MANY_EVENTS = "too_many_events"
    SUSPENDED = "suspended"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    OUTSIDE_HOURS = "outside_hours"
    OUTSIDE_DATES = "outside_dates"
    OTHER_ARTICLE = "other_article"
    OTHER_AGE = "other_age"
    NOT_RESIDENT = "not_resident"
    EXCLUDED = "excluded"
    OTHER_CITY = "other_city"
    OTHER_CATEGORY = "other_category"
    OTHER_PLACE = "other_place"
    NOT_IDENTIFIED = "not_identified"
    NOT_ENTITLED = "not_entitled"


class NoBenefits(StrEnum):
    """Why nobody gets a benefit."""

    NO_RULES = "no_rules"
    """No bundle of rules has come yet."""
    RULES_ENDED = "rules_ended"
    """The rules' time is over, and no newer ones have come."""


class Limited(StrEnum):
    """What kept a rule that applied from giving all that it would."""

    CAP = "cap"
    FLOOR = "floor"
    QUOTA = "quota"


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
    """The rule that it lost to; the suspension that it is under."""
    limited: Limited | None = None


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one party pays of the price difference of a line, by one rule."""

    party: str
    rule: str
    cents: Cents
    form: FiscalForm = FiscalForm.DISCOUNT


class QuotaUnit(StrEnum):
    """What a quota counts."""

    USES = "uses"
    UNITS = "units"
    CENTS = "cents"


class VatTreatment(StrEnum):
    """How VAT stands for a line."""

    RATE = "rate"
    EXEMPT = "exempt"
    NOT_REGISTERED = "not_registered"


class LineVat(msgspec.Struct, frozen=True, omit_defaults=True):
    """VAT within what the receipt shows for a line: list price less the shares that lower the price or are settled off
    the receipt; a tender's share stays in it (VAT Directive 2006/112/EC, Art. 73)."""

    treatment: VatTreatment
    gross_cents: Cents
    basis_points: BasisPoints = 0
    tax_cents: Cents = 0


class LineDecision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line: list price, discount, what is due; shares add up to the discount."""

    line: str
    list_cents: Cents
    discount_cents: Cents = 0
    shares: tuple[Share, ...] = ()
    vat: LineVat | None = None

    @property
    def due_cents(self) -> Cents:
        return self.list_cents - self.discount_cents


class Use(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a decision takes of a quota. `holder`: of the holder's own, else of everybody's. `grace`: on trust.
    `card`: of the counter on the holder's card."""

    key: str
    period: str
    """The period's own name: `2026-11-26`, `2026-W48`, `2026-11`, `2026`, `ever`, or `2026-06..2026-10`."""
    units: int
    holder: bool = True
    grace: bool = False
    card: bool = False


class Balance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is left of a quota after the decision, for the person: `left` of `limit` (0: what was bought) in this
    period, until its last day. `rule` is the first rule in order that counts on it."""

    rule: str
    key: str
    period: str
    unit: QuotaUnit
    left: int
    limit: int = 0
    until: str = ""
    """Its last day (ISO 8601), empty for none."""
    here: bool = False
    """Only of what this gateway may spend is known; elsewhere there may be more."""


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
    rounding_cents: Cents = 0
    """Added to what is due when it is paid in cash; a line of its own on paper, after the discounts."""
    uses: tuple[Use, ...] = ()
    balances: tuple[Balance, ...] = ()

    @property
    def due_cents(self) -> Cents:
        return self.list_cents - self.discount_cents + self.rounding_cents
