"""Why, and why not: bounded, so that neither a big rule set nor a long receipt makes an entry big or slow.

A near miss is a rule that only one thing kept from being a candidate: the holder, the place, or what is bought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from gateway.model.decision import Limited, Reason, Traced
from gateway.model.money import Cents
from gateway.rules.compiled import Compiled, Index, Numbers
from gateway.rules.eligible import Moment, unmet, untimely
from gateway.rules.question import Question

MAX_TRACED = 50
"""Fates told in one decision. Who pays what is complete all the same: that is in the lines' shares."""
MAX_ALIKE = 5
"""Rules told per reason, of those that took no part, near misses too: of a hundred that hold in other hours nobody
reads more, and each is bytes in an entry."""
MAX_IN_FULL = 1000
"""Fates told to somebody who asks why, of which nothing is stored."""
MAX_LOOKED_AT = 40
"""Rules looked at per reason in search of near misses; `MAX_IN_FULL` for somebody who asks."""

ORDER = tuple(Reason)
"""The nearest to money first; within a reason by line, then in the rules' order. Cut at the end."""


TOOK_PART = frozenset(
    (
        *(Reason.APPLIED, Reason.LOST_TO, Reason.NO_EFFECT, Reason.NOT_DISCOUNTABLE),
        *(Reason.UNMAPPED, Reason.QUOTA_EMPTY, Reason.QUOTA_UNKNOWN),
    )
)


class Trace:
    """Collects fates: at most `MAX_TRACED`, of rules that took no part `MAX_ALIKE` per reason; or `in_full`."""

    __slots__ = ("_alike", "_fates", "_most", "looks_at")

    def __init__(self, *, in_full: bool = False) -> None:
        self._fates: dict[Reason, list[Traced]] = {}
        self._most, self._alike = (MAX_IN_FULL, MAX_IN_FULL) if in_full else (MAX_TRACED, MAX_ALIKE)
        self.looks_at = MAX_IN_FULL if in_full else MAX_LOOKED_AT

    def add(
        self,
        reason: Reason,
        rule: Compiled,
        line: str = "",
        cents: Cents = 0,
        other: str = "",
        limited: Limited | None = None,
    ) -> None:
        fates = self._fates.setdefault(reason, [])
        if len(fates) < (self._most if reason in TOOK_PART else self._alike):
            fates.append(Traced(rule.id, rule.version, reason, line, cents, other, limited))

    def add_all(self, reason: Reason, rules: Iterable[Compiled]) -> None:
        """The same reason for all of these, in their order: they took no part."""
        fates = self._fates.setdefault(reason, [])
        fates += [Traced(rule.id, rule.version, reason) for rule in islice(rules, self._alike - len(fates))]

    def told(self) -> tuple[Traced, ...]:
        return tuple(fate for reason in ORDER for fate in self._fates.get(reason, ()))[: self._most]


Where = tuple[list[int], list[int], Mapping[int, Numbers]]
"""Where to look: entitlements, merchant groups, and categories with the numbers of their lines."""
Near = dict[Reason, set[int]]
"""Ranks by what alone may have kept the rule from being a candidate."""


def near_misses(
    rules: Sequence[Compiled], near: Mapping[Reason, set[int]], question: Question, moment: Moment, trace: Trace
) -> None:
    """Trace the first few of these that nothing else would keep out."""
    for reason, ranks in near.items():
        missed = (rules[rank] for rank in sorted(ranks) if _nothing_else(rules[rank], reason, question, moment))
        trace.add_all(reason, missed)


def nearby(index: Index, where: Where, most: int) -> tuple[list[int], list[int], list[int]]:
    """Ranks of rules that all but their categories, places or holders would make candidates, and of candidates: of each
    `most` at most, in no order and some several times."""
    groups, places, categories = where
    return (
        _looked_at(index.by_group_place, groups, index.place_width, places, most),
        _looked_at(index.by_group_category, groups, index.category_width, categories, most),
        _looked_at(index.by_place_category, places, index.category_width, categories, most),
    )


def _nothing_else(rule: Compiled, reason: Reason, question: Question, moment: Moment) -> bool:
    why = unmet(rule, question, moment)
    return why is None or (why[0] is reason and untimely(rule, moment) is None)


def _looked_at(
    table: Mapping[int, list[int]], firsts: Iterable[int], width: int, seconds: Iterable[int], most: int
) -> list[int]:
    """Ranks under these pairs, the first of them."""
    ranks: list[int] = []
    for first in firsts:
        base = first * width
        for second in seconds:
            if found := table.get(base + second):
                ranks += found if len(found) <= most else found[:most]
                if len(ranks) >= most:
                    return ranks[:most]
    return ranks
