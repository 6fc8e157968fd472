"""Baseline of rules: the least code that finds the best percentage by an inverted index, in plain tuples. No order, no
trace, no payers, no checks. With the workload that it and the engine are given, the same at every run."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

GROUPS, MERCHANTS, CATEGORIES = 12, 25, 40
LINES = 10
DAY_MINUTES, YEAR_DAYS = 1440, 365
SEED = 20261123

Key = tuple[str, str, str]


class PlainRule(NamedTuple):
    """A percentage for a group at a merchant group on a category, in a window of minutes and of days."""

    number: int
    key: Key
    opens: int
    closes: int
    first: int
    last: int
    percent: int


class PlainReceipt(NamedTuple):
    """Ten lines of (category, pieces, cents), and who asks where and when."""

    groups: tuple[str, ...]
    merchants: tuple[str, ...]
    minute: int
    day: int
    lines: tuple[tuple[str, int, int], ...]

    @property
    def categories(self) -> list[str]:
        return sorted({category for category, _, _ in self.lines})


Index = Mapping[Key, list[PlainRule]]


def plain_rules(number: int, merchants: int = MERCHANTS) -> Iterator[PlainRule]:
    chance = random.Random(SEED)
    for at in range(number):
        opens, first = chance.randrange(1200), chance.randrange(300)
        key = (
            f"g{chance.randrange(GROUPS)}",
            f"m{chance.randrange(merchants)}",
            f"c{chance.randrange(CATEGORIES)}",
        )
        closes, last = opens + chance.randrange(60, 480), first + chance.randrange(30, 200)
        yield PlainRule(at, key, opens, min(closes, DAY_MINUTES), first, last, chance.randrange(1, 60))


def plain_receipts(number: int) -> Iterator[PlainReceipt]:
    """Of the first merchant groups, however many there are."""
    chance = random.Random(SEED + 1)
    for _ in range(number):
        lines = tuple(
            (f"c{chance.randrange(CATEGORIES)}", chance.randrange(1, 4), chance.randrange(50, 2500))
            for _ in range(LINES)
        )
        yield PlainReceipt(
            tuple(f"g{group}" for group in chance.sample(range(GROUPS), 3)),
            tuple(f"m{merchant}" for merchant in chance.sample(range(MERCHANTS), 2)),
            chance.randrange(DAY_MINUTES),
            chance.randrange(YEAR_DAYS),
            lines,
        )


def plain_index(rules: Iterable[PlainRule]) -> Index:
    index: dict[Key, list[PlainRule]] = {}
    for rule in rules:
        index.setdefault(rule.key, []).append(rule)
    return index


def candidates(index: Index, receipt: PlainReceipt, categories: list[str]) -> list[PlainRule]:
    """The rules under all keys of a receipt."""
    found: list[PlainRule] = []
    for group in receipt.groups:
        for merchant in receipt.merchants:
            for category in categories:
                if rules := index.get((group, merchant, category)):
                    found += rules
    return found


def discount(rules: Iterable[PlainRule], receipt: PlainReceipt) -> int:
    """Cents off the receipt: on each line the greatest percentage of those that hold, half-up."""
    best: dict[str, int] = {}
    for rule in rules:
        if rule.opens <= receipt.minute < rule.closes and rule.first <= receipt.day <= rule.last:
            best[rule.key[2]] = max(best.get(rule.key[2], 0), rule.percent)
    return sum((pieces * cents * best.get(category, 0) + 50) // 100 for category, pieces, cents in receipt.lines)
