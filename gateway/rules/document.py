"""Rule documents as they are written, published and signed (docs/rules.md): closed types, unknown fields refused.

A rule is data. What this version does not know, it refuses: a rule is never applied without one of its conditions.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.model.decision import FiscalForm
from gateway.model.errors import InputRefused
from gateway.model.money import BasisPoints, Cents
from gateway.model.receipt import MAX_CENTS

MAX_RULES = 100_000
MAX_CODES = 64
"""Codes in one list of one rule."""

MAX_TOLD = 300
"""Characters of a fault that a refusal repeats."""

# `$` alone would also match before a final line feed.
Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)")]
RuleId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$(?!\n)")]
Codes = Annotated[tuple[Code, ...], Meta(min_length=1, max_length=MAX_CODES)]
# One line of text: a control character could forge lines on a terminal or a slip.
Phrase = Annotated[str, Meta(min_length=1, max_length=240, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$(?!\n)")]

NOT_BUILT = frozenset(
    {
        *("all_of", "none_of", "residence", "age_range"),  # who
        *("places", "gateways"),  # where
        *("skus", "unit_price_range", "not_flags"),  # what
        *("weekdays", "minutes", "holiday_calendar"),  # when
        *("need", "min_spend_cents", "basis", "min_qty", "with_category"),
        *("base", "cap_cents", "floor", "rounding", "pick"),  # give
        *("quota", "guard"),
    }
)
"""Fields of the rule language that this version refuses by name."""
NOT_BUILT_VALUES = frozenset(("tiers", "free_units", "priority", "receipt"))
"""Values of `kind`, `choose` and `per` likewise."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Base of all parts of a document. No cycles are possible, so the collector need not look."""


class Text(Part, frozen=True, forbid_unknown_fields=True):
    """A text for people, in at least one of the languages."""

    lv: Phrase | UnsetType = UNSET
    lt: Phrase | UnsetType = UNSET
    en: Phrase | UnsetType = UNSET
    ru: Phrase | UnsetType = UNSET

    def best(self, languages: tuple[str, ...] = ("en",)) -> str:
        """The text in the first of these languages that it has, else in whichever it has; never fails."""
        texts = {"lv": self.lv, "lt": self.lt, "en": self.en, "ru": self.ru}
        for language in (*languages, *texts):
            text = texts.get(language, UNSET)
            if text is not UNSET:
                return text
        return ""


class Who(Part, frozen=True, forbid_unknown_fields=True):
    """An identified holder with any of these entitlements."""

    any_of_groups: Codes


class Where(Part, frozen=True, forbid_unknown_fields=True):
    """A place in any of these merchant groups."""

    merchant_groups: Codes


class What(Part, frozen=True, forbid_unknown_fields=True):
    """Lines of any of these categories."""

    categories: Codes


class Dates(Part, frozen=True, forbid_unknown_fields=True):
    """Civil dates, both ends inclusive; an absent end is open. At least one is given."""

    first: date | UnsetType = msgspec.field(default=UNSET, name="from")
    until: date | UnsetType = UNSET


class When(Part, frozen=True, forbid_unknown_fields=True):
    """When the rule holds. `clock_not_trusted` says what then: `withhold` it, or `grant` it whatever the date.
    `zone` is whose calendar counts: this version knows the place's own."""

    dates: Dates
    clock_not_trusted: Literal["withhold", "grant"] = "withhold"
    zone: Literal["place"] = "place"


class Percent(Part, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="percent"):
    """A percentage off the running price of the line; 10000 basis points are 100 %."""

    basis_points: Annotated[BasisPoints, Meta(ge=1, le=10_000)]


class Fixed(Part, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="fixed"):
    """An amount off each unit or off the line. No default: the two differ by the quantity."""

    cents: Annotated[Cents, Meta(ge=1, le=MAX_CENTS)]
    per: Literal["unit", "line"]


class FixedPrice(Part, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="fixed_price"):
    """A unit costs this much at most; 0 is free."""

    cents: Annotated[Cents, Meta(ge=0, le=MAX_CENTS)]
    per: Literal["unit"] = "unit"


Give = Percent | Fixed | FixedPrice


class Payer(Part, frozen=True, forbid_unknown_fields=True):
    """Who bears how much of the rule's discount, and how it stands on paper (VAT depends on `form`)."""

    party: Code
    form: FiscalForm
    share_basis_points: Annotated[BasisPoints, Meta(ge=1, le=10_000)] | UnsetType = UNSET
    rest: bool = False


class Rule(Part, frozen=True, forbid_unknown_fields=True):
    """One benefit. An absent `who`, `where`, `what` or `when` does not restrict."""

    id: RuleId
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    title: Text
    legal_basis: Phrase
    give: Give
    payers: Annotated[tuple[Payer, ...], Meta(min_length=1, max_length=8)]
    stage: Annotated[int, Meta(ge=0, le=99)] = 1
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    exclusive_group: Code | UnsetType = UNSET
    choose: Literal["best"] = "best"
    who: Who | UnsetType = UNSET
    where: Where | UnsetType = UNSET
    what: What | UnsetType = UNSET
    when: When | UnsetType = UNSET
    message: Text | UnsetType = UNSET


class RulesContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Content of a rules bundle."""

    schema: Literal[1]
    rules: Annotated[tuple[Rule, ...], Meta(max_length=MAX_RULES)]


_decoder = msgspec.json.Decoder(RulesContent)
_at = re.compile(r" - at `(\$.*?)`$")
_unknown = re.compile(r"unknown field `([^`]*)`")
_value = re.compile(r"Invalid (?:enum )?value '([^']*)'")
_index = re.compile(r"^\$\.rules\[(\d+)\]")


def load(content: bytes) -> RulesContent:
    """The document, decoded and checked (`gateway.rules.check`). Raises `InputRefused` whose `where` is the JSON
    path of the fault and whose text names the rule; nothing else, whatever the bytes."""
    from gateway.rules.check import check

    try:
        document = _decoder.decode(content)
    except msgspec.ValidationError as error:
        raise _refusal(content, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a rule document: {error}", where="$", code="rules_document") from error
    check(document)
    return document


def _refusal(content: bytes, message: str) -> InputRefused:
    path = _at.search(message)
    where = path[1] if path else "$"
    what = _at.sub("", message)
    advice = "docs/rules.md lists the fields and their values"
    field, value = _unknown.search(what), _value.search(what)
    name = field[1] if field else value[1] if value else ""
    if (field and name in NOT_BUILT) or (value and name in NOT_BUILT_VALUES):
        what = f"`{name}` is a word of the rule language that this version does not know yet"
        advice = "Take the rule out or use a version that knows it; it is never applied without a condition"
    elif where.endswith(".when.zone"):
        advice = "Dates are counted in the place's own zone: leave `zone` out"
    rule = _rule_id(content, where)
    what = what if len(what) <= MAX_TOLD else f"{what[:MAX_TOLD]}…"
    return InputRefused(f"rule {rule!r}: {what}" if rule else what, advice, where=where, code="rules_document")


def _rule_id(content: bytes, where: str) -> str:
    """The id of the rule at this path, as far as the document has one: authors think in ids, not in indexes."""
    index = _index.match(where)
    try:
        loose: Any = msgspec.json.decode(content)
        found = loose["rules"][int(index[1])]["id"] if index else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return ""
    return found[:64] if isinstance(found, str) else ""
