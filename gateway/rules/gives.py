"""What a rule gives. Every kind works on the running price: what the rules before it left of a line."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.rules.parts import Amount, Code, Codes, Part, Pieces, Points, Price, Quantity

MAX_STEPS = 64


class Cap(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rule takes at most this off a unit, a line or the whole receipt."""

    cents: Amount
    per: Literal["unit", "line", "receipt"]


class Given(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all kinds may hold. `floor_cents`: the rule never brings a unit's price below it."""

    cap: Cap | UnsetType = UNSET
    floor_cents: Amount | UnsetType = UNSET


class Percent(Given, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="percent"):
    """A percentage; 10000 basis points are 100 %. `base`: of the running price, or of the list price. `rounding`: once
    for the line, or for each unit."""

    basis_points: Points
    base: Literal["running", "original"] = "running"
    rounding: Literal["line", "unit"] = "line"


class Fixed(Given, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="fixed"):
    """An amount off each unit, off the line, or off all lines that the rule meets together. No default: they differ."""

    cents: Amount
    per: Literal["unit", "line", "receipt"]


class FixedPrice(Given, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="fixed_price"):
    """A unit, or all lines that the rule meets together, cost this much at most; 0 is free."""

    cents: Price
    per: Literal["unit", "receipt"] = "unit"


class Step(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From this measure on, until the next step: a percentage, or cents off each unit, or a unit's price."""

    first: Annotated[int, Meta(ge=0, le=10**9)] = msgspec.field(name="from")
    basis_points: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    off_cents: Price | UnsetType = UNSET
    unit_cents: Price | UnsetType = UNSET


class Tiers(Given, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="tiers"):
    """By how much is bought on the lines that the rule meets (`spend`: list cents, `quantity`: thousandths): the step
    that the measure has reached counts for all of it. Or by the number of the use (`uses`: units of the quota `key`
    in its period, the first is 1): each unit has the step of its own number."""

    by: Literal["spend", "quantity", "uses"]
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=MAX_STEPS)]
    key: Code | UnsetType = UNSET


class ForEach(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For each so many: of the lines that the rule meets; with `categories` of those instead; with `holder` the person
    who is identified counts, too. Below `at_least` there are none."""

    quantity: Quantity = 1000
    categories: Codes | UnsetType = UNSET
    holder: bool = False
    at_least: Quantity | UnsetType = UNSET


class FreeUnits(Given, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="free_units"):
    """Whole units of the lines that the rule meets, for so much less: once for the receipt, or for each so many. The
    cheapest are taken first unless said otherwise; of equal ones, those of the earlier line."""

    units: Pieces = 1
    for_each: ForEach | UnsetType = UNSET
    pick: Literal["cheapest", "dearest"] = "cheapest"
    basis_points: Points = 10_000
    most: Pieces | UnsetType = UNSET


Give = Percent | Fixed | FixedPrice | Tiers | FreeUnits
