"""Periods of quotas, and what is left of them while a receipt is decided."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.model.circumstances import Left
from gateway.rules.question import Question
from tests.rules.oracle.amounts import Json

Cell = tuple[str, str, bool]


def begins(period: str, day: date) -> date:
    """The first day of the period that this day is in."""
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day.replace(month=1, day=1)


def ends(period: str, day: date) -> date:
    """The last day of it."""
    last = day
    while begins(period, last + timedelta(1)) == begins(period, day):
        last += timedelta(1)
    return last


def period_of(quota: Json, day: date) -> tuple[str, str, int]:
    """Its name, its last day (empty for none) and its limit."""
    period, limit = quota["period"], quota.get("limit", 0)
    if period == "ever":
        return "ever", "", limit
    first = begins(period, day)
    if "carry" in quota:
        start, stop = (date.fromisoformat(quota["carry"][end]) for end in ("from", "until"))
        if start <= first <= stop:
            begun = {begins(period, start + timedelta(n)) for n in range((day - start).days + 1)}
            counted = len([one for one in begun if one >= start])
            return f"{start}..{stop}", ends(period, stop).isoformat(), limit * counted
    year, week, _ = day.isocalendar()
    name = {"day": f"{day}", "week": f"{year}-W{week:02}", "month": f"{day:%Y-%m}", "year": f"{day:%Y}"}[period]
    return name, ends(period, day).isoformat(), limit


class Purse:
    """What is left, and what this receipt has taken."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._left: dict[Cell, Left] = {(one.key, one.period, one.holder): one for one in question.quotas}
        self.spent: dict[Cell, int] = {}
        self._seen: dict[Cell, tuple[str, Json]] = {}
        self._cards: set[Cell] = set()

    def copy(self) -> Purse:
        other = Purse(self._question)
        other.spent = dict(self.spent)
        other._cards = self._cards
        return other

    def see(self, rule: Json) -> None:
        for quota in rule.get("quota", ()):
            self._seen.setdefault(self._cell(quota), (rule["id"], quota))

    def room(self, quota: Json) -> int:
        """How much may be taken now; nothing where it is not known."""
        cell = self._cell(quota)
        if quota.get("source") == "card":
            self._cards.add(cell)
        left = self._left.get(cell)
        if left is None:
            return 0
        if quota["unit"] == "uses" and self.spent.get(cell):
            return 1  # This receipt is counted already.
        return (left.left if left.known else left.grace) - self.spent.get(cell, 0)

    def bounds(self, rule: Json, unit: str, on_exceed: str) -> list[int]:
        return [
            self.room(quota)
            for quota in rule.get("quota", ())
            if quota["unit"] == unit and quota.get("on_exceed", "withhold") == on_exceed
        ]

    def is_open(self, rule: Json) -> bool:
        return all(self.room(quota) > 0 for quota in rule.get("quota", ()))

    def used(self, rule: Json) -> int:
        """Units taken before, of the quota by whose uses the rule counts."""
        for quota in rule.get("quota", ()):
            if quota["key"] == rule["give"].get("key"):
                cell = self._cell(quota)
                left = self._left.get(cell)
                return (left.used if left else 0) + self.spent.get(cell, 0)
        return 0

    def take(self, rule: Json, cents: int, pieces: int) -> None:
        for quota in rule.get("quota", ()):
            cell = self._cell(quota)
            if quota["unit"] == "uses":
                self.spent[cell] = 1
            else:
                self.spent[cell] = self.spent.get(cell, 0) + (pieces if quota["unit"] == "units" else cents)

    def count(self, rule: Json, pieces: int) -> None:
        """Units that a rule by uses has counted without taking anything off."""
        for quota in rule.get("quota", ()):
            if quota["unit"] == "units":
                cell = self._cell(quota)
                self.spent[cell] = self.spent.get(cell, 0) + pieces

    def uses(self) -> list[tuple[str, str, int, bool, bool, bool]]:
        return [
            (
                key,
                period,
                units,
                holder,
                not self._left[key, period, holder].known,
                (key, period, holder) in self._cards,
            )
            for (key, period, holder), units in sorted(self.spent.items())
            if units
        ]

    def balances(self) -> list[tuple[str, str, str, int, int, str]]:
        found = []
        for cell, (rule_id, quota) in self._seen.items():
            if cell in self._left and self._left[cell].known:
                name, until, limit = period_of(quota, self._question.at.date())
                rest = max(0, self._left[cell].left - self.spent.get(cell, 0))
                found.append((rule_id, quota["key"], name, rest, limit, until))
        return found

    def _cell(self, quota: Json) -> Cell:
        return quota["key"], period_of(quota, self._question.at.date())[0], quota.get("per", "holder") == "holder"
