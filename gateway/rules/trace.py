"""Why, and why not: bounded, so that neither a big rule set nor a long receipt makes an entry big or slow.

A near miss is a rule that only one thing kept from being a candidate: the holder, the place, or what is bought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from gateway.model.decision import Limited, Reason, Traced
from gateway.model.money import Cents
from gateway.rules.compiled import Compiled, Index, Sieve
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
"""Rules looked at per reason in search of near misses."""

ORDER = tuple(Reason)
"""The nearest to money first; within a reason by line, then in the rules' order. Cut at the end."""


TOOK_PART = frozenset(
    (
        *(Reason.APPLIED, Reason.LOST_TO, Reason.NO_EFFECT, Reason.NOT_DISCOUNTABLE),
        *(Reason.QUOTA_EMPTY, Reason.QUOTA_UNKNOWN),
    )
)


class Trace:
    """Collects fates: at most `MAX_TRACED`, of rules that took no part `MAX_ALIKE` per reason; or `in_full`."""

    __slots__ = ("_alike", "_fates", "_most")

    def __init__(self, *, in_full: bool = False) -> None:
        self._fates: dict[Reason, list[Traced]] = {}
        self._most, self._alike = (MAX_IN_FULL, MAX_IN_FULL) if in_full else (MAX_TRACED, MAX_ALIKE)

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


Where = tuple[list[int], list[int], list[int]]
"""Where to look: entitlements, merchant groups, categories."""
Near = dict[Reason, set[int]]


def near_misses(
    rules: Sequence[Compiled],
    sieve: Sieve,
    looked_at: Mapping[Reason, set[int]],
    question: Question,
    moment: Moment,
    trace: Trace,
) -> None:
    """Trace the first few of these that nothing else would keep out."""
    first, last, opens, closes = sieve
    day, minute, trusted = moment.day, moment.minute, moment.trusted
    for reason, ranks in looked_at.items():
        near = (
            rules[rank]
            for rank in sorted(ranks)
            if (not trusted or (first[rank] <= day <= last[rank] and opens[rank] <= minute < closes[rank]))
            and _nothing_else(rules[rank], reason, question, moment)
        )
        trace.add_all(reason, near)


def nearby(index: Index, where: Where, candidates: Iterable[int], stranger: Reason) -> Near:
    """Ranks of rules that are not candidates for want of one thing, some of each reason. `stranger`: what a rule is
    told for that is for other holders."""
    groups, places, categories = where
    by_category = _looked_at(index.by_group_place, groups, index.place_width, places)
    by_place = _looked_at(index.by_group_category, groups, index.category_width, categories)
    by_holder = _looked_at(index.by_place_category, places, index.category_width, categories)
    return {
        Reason.OTHER_CATEGORY: by_category.difference(candidates),
        Reason.OTHER_PLACE: by_place.difference(candidates),
        stranger: by_holder.difference(candidates),
    }


def _nothing_else(rule: Compiled, reason: Reason, question: Question, moment: Moment) -> bool:
    why = unmet(rule, question, moment)
    return why is None or (why[0] is reason and untimely(rule, moment) is None)


def _looked_at(table: dict[int, list[int]], firsts: list[int], width: int, seconds: list[int]) -> set[int]:
    """Ranks under these pairs, the first `MAX_LOOKED_AT` of them."""
    ranks: list[int] = []
    for first in firsts:
        base = first * width
        for second in seconds:
            ranks += table.get(base + second, ())[:MAX_LOOKED_AT]
            if len(ranks) >= MAX_LOOKED_AT:
                return set(ranks[:MAX_LOOKED_AT])
    return set(ranks)
