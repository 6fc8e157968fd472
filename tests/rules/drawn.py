"""Parts of rules drawn by chance, over small alphabets so that rules meet each other often.

By `random.Random`'s interface alone: of Hypothesis (which can make a failure small) or a plain one (which is fast).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

from tests.rules.oracle import Json

T = TypeVar("T")

TODAY = date(2026, 5, 10)
"""A Sunday."""
GROUPS, PLACES, CATEGORIES = ("g1", "g2", "g3"), ("m1", "m2"), ("c1", "c2", "c3")
CITY, THEIR_GROUPS = "siauliai", ("t1", "t2")
CHOICES = {"x": (1, "best"), "y": (1, "priority"), "z": (2, "best")}
"""Exclusive groups: each has its stage and its way to choose."""
QUOTAS: dict[str, Json] = {
    "rides": {"unit": "units", "limit": 5, "period": "month"},
    "day": {"unit": "units", "limit": 3, "period": "day", "grace_units": 2},
    "campaign": {"unit": "cents", "limit": 5000, "period": "ever", "per": "all"},
    "budget": {"unit": "cents", "limit": 900, "period": "year"},
    "visits": {"unit": "uses", "limit": 2, "period": "week"},
    "bought": {"unit": "units", "source": "prepaid", "period": "ever"},
    "on-card": {"unit": "units", "source": "card", "period": "ever"},
    "kept": {"unit": "units", "limit": 2, "period": "month", "carry": {"from": "2026-04-02", "until": "2026-06-20"}},
}
"""By key: what all rules that share it have to say alike."""


class Dice:
    """Short words for chances."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def one(self, of: Sequence[T]) -> T:
        return of[self._random.randrange(len(of))]

    def some(self, of: Sequence[T], most: int = 2) -> list[T]:
        """One at least, each once."""
        rest = list(of)
        return [rest.pop(self.number(0, len(rest) - 1)) for _ in range(self.number(1, min(most, len(rest))))]

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def times(self, least: int, most: int, draw: Callable[[], T]) -> list[T]:
        return [draw() for _ in range(self.number(least, most))]

    def once_in(self, times: int) -> bool:
        return self.number(1, times) == times

    def fields(self, **draw: Callable[[], Any]) -> Json:
        """An object that has some of these fields, one at least. A trailing `_` is for Python's own words."""
        names = [name for name in draw if self.once_in(2)] or [self.one(list(draw))]
        return {name.rstrip("_"): draw[name]() for name in names}


def day(dice: Dice) -> date:
    return TODAY + timedelta(days=dice.number(-2, 2))


def _between(dice: Dice) -> Json:
    first, last = sorted((day(dice), day(dice)))
    return {"from": str(first), "until": str(last)}


def dates(dice: Dice) -> Json:
    both = _between(dice)
    return {end: both[end] for end in dice.one([("from",), ("until",), ("from", "until")])}


def who(dice: Dice) -> Json:
    match dice.number(1, 5):
        case 1:
            return {}
        case 2 | 3:
            return {"any_of_groups": dice.some(GROUPS)}
        case _:
            return dice.fields(
                any_of_groups=lambda: ["g1", "g2"],
                all_of_groups=lambda: dice.some(GROUPS),
                none_of_groups=lambda: ["g3"],
                any_of_lists=lambda: dice.times(1, 2, lambda: _listed(dice)),
                residence=lambda: ["here"],
                age=lambda: dict(zip(("from", "until"), sorted((dice.number(0, 80), dice.number(0, 80))), strict=True)),
                partner=lambda: dice.one(["also", "never", "only"]),
            )


def _listed(dice: Dice) -> Json:
    grace = {"grace": {"days": dice.number(1, 3), "groups": dice.some(GROUPS)}} if dice.once_in(2) else {}
    return {"groups": dice.some(GROUPS), "dates": _between(dice), **grace}


def where(dice: Dice) -> Json:
    return dice.fields(
        merchant_groups=lambda: dice.some(PLACES), places=lambda: ["place-1"], gateways=lambda: ["gw-1", "gw-2"]
    )


def what(dice: Dice) -> Json:
    if dice.once_in(2):
        return {"categories": dice.some(CATEGORIES)}
    return dice.fields(
        categories=lambda: dice.some(CATEGORIES),
        skus=lambda: ["s1"],
        unit_price=lambda: dice.one([{"from": 50, "until": 1000}, {"from": 300}]),
        flags=lambda: ["new", "local"],
        not_flags=lambda: ["excise"],
    )


def when(dice: Dice, *, calendar: bool) -> Json:
    """`calendar`: with the document's calendar `cal`; a window on holidays needs one."""
    days = ["mon", "fri", "sat", "sun", *(["holiday"] if calendar else [])]
    clocks = ["00:00", "00:30", "08:00", "12:00", "19:00"]

    def window() -> Json:
        return dice.fields(
            days=lambda: dice.some(days, 3), from_=lambda: dice.one(clocks), until=lambda: dice.one([*clocks, "24:00"])
        )

    found = dice.fields(dates=lambda: dates(dice), windows=lambda: dice.times(1, 2, window))
    if calendar and "windows" in found:
        found["calendar"] = "cal"
    return {**found, "clock_not_trusted": dice.one(["withhold", "grant"])}


def need(dice: Dice) -> Json:
    if dice.once_in(2):
        most = {"min_spend_cents": dice.number(1, 3000)}
        return {**most, "of": dice.one(["lines", "receipt"]), "basis": dice.one(["list", "running"])}

    def together() -> Json:
        return {"categories": dice.some(CATEGORIES), "quantity": dice.one([1, 1500, 3000])}

    return dice.fields(
        min_quantity=lambda: dice.one([1, 2000, 5000]),
        means=lambda: dice.one([["card"], ["cash"]]),
        events=lambda: dice.times(1, 2, lambda: _event(dice)),
        with_=lambda: dice.times(1, 2, together),
    )


def _event(dice: Dice) -> Json:
    more = dice.fields(
        codes=lambda: dice.some(CATEGORIES),
        within_s=lambda: 600,
        at=lambda: dice.one(["anywhere", "place", "station"]),
        least=lambda: dice.number(0, 2),
        most=lambda: dice.one([0, 2, 3]),
    )
    return {"event": dice.one(["admission", "receipt"]), **more}


def give(dice: Dice, *, by_uses: bool) -> Json:
    """`by_uses`: also tiers by uses, which need a quota."""
    kinds = [_percent, _fixed, _fixed_price, _fixed, _tiers, _free_units]
    found = dice.one([*kinds, _by_uses] if by_uses else kinds)(dice)
    if dice.once_in(4):
        found["cap"] = {"cents": dice.number(1, 700), "per": dice.one(["unit", "line", "receipt"])}
        if found.get("by") == "uses" and found["cap"]["per"] == "receipt":
            found["cap"]["per"] = "line"
    if dice.once_in(4) and not (found["kind"] == "fixed_price" and found["per"] == "receipt"):
        found["floor_cents"] = dice.number(1, 800)
    return found


def _percent(dice: Dice) -> Json:
    points = dice.one([500, 1500, 10_000, dice.number(1, 10_000)])
    base, rounding = dice.one(["running", "running", "original"]), dice.one(["line", "line", "unit"])
    return {"kind": "percent", "basis_points": points, "base": base, "rounding": rounding}


def _fixed(dice: Dice) -> Json:
    per = dice.one(["unit", "line", "receipt"])
    return {"kind": "fixed", "cents": dice.number(1, 6000 if per == "receipt" else 900), "per": per}


def _fixed_price(dice: Dice) -> Json:
    per = dice.one(["unit", "receipt"])
    return {"kind": "fixed_price", "cents": dice.number(0, 6000 if per == "receipt" else 900), "per": per}


def _tiers(dice: Dice) -> Json:
    by = dice.one(["spend", "quantity"])
    measures = [0, 500, 2000, 5000] if by == "spend" else [0, 1500, 3000, 9000]
    return {"kind": "tiers", "by": by, "steps": _steps(dice, measures)}


def _by_uses(dice: Dice) -> Json:
    key = dice.one(["rides", "day", "kept"])
    return {"kind": "tiers", "by": "uses", "key": key, "steps": _steps(dice, [1, 2, 3, 4, 5, 7])}


def _steps(dice: Dice, measures: list[int]) -> list[Json]:
    def gives() -> Json:
        match dice.number(1, 3):
            case 1:
                return {"basis_points": dice.one([0, 5000, 10_000])}
            case 2:
                return {"off_cents": dice.number(0, 300)}
            case _:
                return {"unit_cents": dice.number(0, 300)}

    return [{"from": first, **gives()} for first in sorted(dice.some(measures, 3))]


def _free_units(dice: Dice) -> Json:
    def for_each() -> Json:
        return dice.fields(
            quantity=lambda: dice.one([1000, 2000, 2500]),
            categories=lambda: dice.some(CATEGORIES),
            holder=lambda: dice.once_in(2),
            at_least=lambda: dice.one([1, 2000, 4000]),
        )

    more = dice.fields(
        units=lambda: dice.number(1, 3),
        for_each=for_each,
        pick=lambda: dice.one(["cheapest", "dearest"]),
        basis_points=lambda: dice.one([1, 3333, 5000, 10_000]),
        most=lambda: dice.number(1, 3),
    )
    return {"kind": "free_units", **more}


def payers(dice: Dice) -> list[Json]:
    forms = ["tender", "discount", "off_receipt"]
    shares = [(dice.number(1, 3000), dice.one(forms)) for _ in range(dice.one([0, 0, 1, 2, 3]))]
    named = [{"party": f"p{i}", "form": form, "share_basis_points": part} for i, (part, form) in enumerate(shares)]
    return [*named, {"party": "merchant", "form": "discount", "rest": True}]
