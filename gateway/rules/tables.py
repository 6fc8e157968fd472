"""What rules of a document share: days of a calendar, groups of partner cities, suspensions, VAT in time."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.rules.parts import Code, Codes, Dates, Part, Phrase, RuleId, Text

MAX_CALENDAR_DAYS = 5000
MAX_RATES = 64

CalendarDays = Annotated[tuple[date, ...], Meta(max_length=MAX_CALENDAR_DAYS)]
VAT_CLASS = r"^[A-H]$(?!\n)"
VatClass = Annotated[str, Meta(pattern=VAT_CLASS)]


class Partner(Part, frozen=True, forbid_unknown_fields=True):
    """Another city's holders: each of their groups counts as these of ours; what is not named counts as nothing."""

    city: Code
    groups: Annotated[dict[Code, Codes], Meta(min_length=1, max_length=64)]


class Suspension(Part, frozen=True, forbid_unknown_fields=True):
    """On these dates the rules named (or all) give nothing, but to holders in any of `except_groups`, and but for the
    rules of `except_rules`."""

    id: RuleId
    title: Text
    legal_basis: Phrase
    dates: Dates
    rules: Annotated[tuple[RuleId, ...], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET
    except_rules: Annotated[tuple[RuleId, ...], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET
    except_groups: Codes | UnsetType = UNSET


class VatRate(Part, frozen=True, forbid_unknown_fields=True):
    """From this date on: a rate in basis points, or no VAT and why."""

    first: date = msgspec.field(name="from")
    basis_points: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    without: Literal["exempt", "not_registered"] | UnsetType = UNSET


Rates = Annotated[tuple[VatRate, ...], Meta(min_length=1, max_length=MAX_RATES)]
VatRates = Annotated[dict[VatClass, Rates], Meta(max_length=8)]
