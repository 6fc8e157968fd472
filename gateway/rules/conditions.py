"""When a rule applies: whose, where, to what, when, and what else is needed. An absent part does not restrict."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.model.receipt import Means
from gateway.rules.parts import Amount, Code, Codes, Dates, OftenCodes, Part, PlaceId, Price, Quantity, Seconds

MAX_AGE = 150
MAX_LISTS, MAX_WINDOWS, MAX_NEEDS = 16, 32, 16
MAX_GRACE_DAYS = 366

Places = Annotated[tuple[PlaceId, ...], Meta(min_length=1, max_length=64)]
Age = Annotated[int, Meta(ge=0, le=MAX_AGE)]
CLOCK = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)|^24:00$(?!\n)"
Clock = Annotated[str, Meta(extra_json_schema={"pattern": CLOCK})]
"""`check` looks whether `minute_of` knows it."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
_HOURS = {f"{hour:02}:": 60 * hour for hour in range(24)}
_MINUTES = {f"{minute:02}": minute for minute in range(60)}


def minute_of(clock: str) -> int | None:
    """The minute of a day that a clock shows, None for what is no time. 24:00 is a day's end (ISO 8601-1, 5.3.2)."""
    if clock == "24:00":
        return 24 * 60
    hour, minute = _HOURS.get(clock[:3]), _MINUTES.get(clock[3:])
    return None if hour is None or minute is None else hour + minute


class AgeBand(Part, frozen=True, forbid_unknown_fields=True):
    """Whole years on the day, both ends inclusive; an absent end is open. At least one is given."""

    first: Age | UnsetType = msgspec.field(default=UNSET, name="from")
    until: Age | UnsetType = UNSET


class Grace(Part, frozen=True, forbid_unknown_fields=True):
    """In the first `days` days of a list, who is in any of these groups counts as on it."""

    days: Annotated[int, Meta(ge=1, le=MAX_GRACE_DAYS)]
    groups: Codes


class Listed(Part, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list that counts on these dates: who is in any of its groups is on it."""

    groups: Codes
    dates: Dates
    grace: Grace | UnsetType = UNSET


class Who(Part, frozen=True, forbid_unknown_fields=True):
    """An identified holder of whom all of this is true. With nothing given: whoever is identified."""

    any_of_groups: OftenCodes | UnsetType = UNSET
    all_of_groups: Codes | UnsetType = UNSET
    none_of_groups: Codes | UnsetType = UNSET
    any_of_lists: Annotated[tuple[Listed, ...], Meta(min_length=1, max_length=MAX_LISTS)] | UnsetType = UNSET
    residence: Codes | UnsetType = UNSET
    age: AgeBand | UnsetType = UNSET
    partner: Literal["also", "never", "only"] = "also"
    """Holders of a partner city's credential, whose groups were translated (`partners`)."""


class Where(Part, frozen=True, forbid_unknown_fields=True):
    """A place of which all of this is true. At least one is given."""

    merchant_groups: OftenCodes | UnsetType = UNSET
    places: Places | UnsetType = UNSET
    gateways: Places | UnsetType = UNSET


class UnitPrice(Part, frozen=True, forbid_unknown_fields=True):
    """List price of a unit in cents, both ends inclusive; an absent end is open. At least one is given."""

    first: Price | UnsetType = msgspec.field(default=UNSET, name="from")
    until: Price | UnsetType = UNSET


class What(Part, frozen=True, forbid_unknown_fields=True):
    """Lines of which all of this is true. At least one is given."""

    categories: OftenCodes | UnsetType = UNSET
    skus: Codes | UnsetType = UNSET
    unit_price: UnitPrice | UnsetType = UNSET
    flags: Codes | UnsetType = UNSET
    """Any of them."""
    not_flags: Codes | UnsetType = UNSET


class Window(Part, frozen=True, forbid_unknown_fields=True):
    """Civil times on these days of the week, `from` included and `until` not. An `until` that is not after `from` is on
    the next day: such a window belongs to the day on which it began."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=len(DAYS))] = DAYS
    first: Clock = msgspec.field(default="00:00", name="from")
    until: Clock = "24:00"


class When(Part, frozen=True, forbid_unknown_fields=True):
    """When the rule holds. `clock_not_trusted` says what then: `withhold` it, or `grant` it whatever the time.
    `calendar` names the document's calendar whose days are `holiday`, and no weekday. `zone` is whose time counts:
    this version knows the place's own."""

    dates: Dates | UnsetType = UNSET
    windows: Annotated[tuple[Window, ...], Meta(min_length=1, max_length=MAX_WINDOWS)] | UnsetType = UNSET
    calendar: Code | UnsetType = UNSET
    clock_not_trusted: Literal["withhold", "grant"] = "withhold"
    zone: Literal["place"] = "place"


class With(Part, frozen=True, forbid_unknown_fields=True):
    """On the receipt there are lines of these categories, together of at least this quantity."""

    categories: Codes
    quantity: Quantity = 1


class Happening(Part, frozen=True, forbid_unknown_fields=True):
    """Something has happened before, between `least` and `most` times within the seconds before now. `most: 0`: it has
    not. Without `codes`: whatever it was about."""

    event: Code
    codes: Codes | UnsetType = UNSET
    within_s: Seconds | UnsetType = UNSET
    at: Literal["anywhere", "place", "station"] = "anywhere"
    least: Annotated[int, Meta(ge=0, le=1000)] = 1
    most: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET


class Need(Part, frozen=True, forbid_unknown_fields=True):
    """What the receipt and what happened before must hold, all of it. `min_spend_cents` is measured on `of`: the lines
    that the rule meets, or the whole receipt; at list prices, or at what the rules before left (`basis`)."""

    min_spend_cents: Amount | UnsetType = UNSET
    of: Literal["lines", "receipt"] = "lines"
    basis: Literal["list", "running"] = "list"
    min_quantity: Quantity | UnsetType = UNSET
    """Of the lines that the rule meets, together."""
    together: Annotated[tuple[With, ...], Meta(min_length=1, max_length=MAX_NEEDS)] | UnsetType = msgspec.field(
        default=UNSET, name="with"
    )
    means: Annotated[tuple[Means, ...], Meta(min_length=1, max_length=8)] | UnsetType = UNSET
    events: Annotated[tuple[Happening, ...], Meta(min_length=1, max_length=MAX_NEEDS)] | UnsetType = UNSET
