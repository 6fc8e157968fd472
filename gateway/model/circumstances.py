"""What a decision rested on beside the receipt and the rules: who, where, when, what happened before, what is left."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Happened(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened before, `ago_s` seconds before now. `codes` say what it was about (categories of what was
    bought, a document's or sensor's name); `place` and `station` where it was, empty when that is not known."""

    event: str
    ago_s: int
    codes: tuple[str, ...] = ()
    place: str = ""
    station: str = ""


class Left(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be taken of a quota in this period. `used`: how many were taken before, for rules that count uses.
    `grace` units may be given on trust where `known` is false."""

    key: str
    period: str
    left: int = 0
    used: int = 0
    holder: bool = True
    known: bool = True
    grace: int = 0
    here: bool = False
    """Elsewhere there may be more."""


class Circumstances(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A moment at a place. What is about the person counts only when `identified`. Order and repeats of codes do not
    matter."""

    at: datetime
    """Civil time in the place's own zone, without a zone; what is below a minute does not count."""
    entitlements: tuple[str, ...] = ()
    merchant_groups: tuple[str, ...] = ()
    clock_trusted: bool = True
    identified: bool = False
    city: str = ""
    """The partner city whose holder this is, in whose codes the entitlements are; empty for our own."""
    residence: str = ""
    age: int | None = None
    """Whole years; None when it is not known."""
    place: str = ""
    gateway: str = ""
    station: str = ""
    events: tuple[Happened, ...] = ()
    quotas: tuple[Left, ...] = ()
    cash_rounding_cents: int = 0
    """To what multiple cash is rounded here; 0 for not at all."""
    vat_registered: bool = True
