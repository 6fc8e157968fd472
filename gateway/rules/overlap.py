"""How two rules stand to each other, from how they are written. Pure, and cautious: `covers` is true only when it is
certain, `may_meet` is false only when it is certain. Who has two unlike entitlements, or a place two merchant groups,
is not thought of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from gateway.rules.compiled import DAY_MINUTES
from gateway.rules.conditions import MAX_AGE, What, When, Where, Who, Window
from gateway.rules.document import Rule
from gateway.rules.flatten import hours_of, ordinals
from gateway.rules.gives import Fixed, FixedPrice, Give, Percent
from gateway.rules.named import groups_of, holds_without_clock
from gateway.rules.parts import Dates

Range = tuple[int, int]
_NEVER_PRICED = 10**9


def may_meet(one: Rule, other: Rule) -> bool:
    """Whether there may be a line of a holder at a time that both meet."""
    return (
        _same_people(one, other)
        and _share(_of(one.where, "merchant_groups"), _of(other.where, "merchant_groups"))
        and _share(_of(one.where, "places"), _of(other.where, "places"))
        and _share(_of(one.where, "gateways"), _of(other.where, "gateways"))
        and _same_lines(one.what, other.what)
        and _share(_of(one.need, "means"), _of(other.need, "means"))
        # Where the time is not known neither dates nor hours nor ages keep them apart.
        and (_same_time(one, other) or (holds_without_clock(one) and holds_without_clock(other)))
    )


def covers(one: Rule, other: Rule) -> bool:
    """Whether `one` meets whatever `other` meets, whenever that applies."""
    return (
        one.quota is UNSET
        and (one.need is UNSET or one.need == other.need)
        and _who_covers(one.who, other.who)
        and _where_covers(one.where, other.where)
        and _what_covers(one.what, other.what)
        and _when_covers(one, other)
    )


def takes_all(give: Give) -> bool:
    """Whether nothing is left of a line that it meets."""
    if give.cap is not UNSET or give.floor_cents is not UNSET:
        return False
    if isinstance(give, Percent):
        return give.basis_points == 10_000 and give.rounding == "line"  # Rounded by unit it may leave a cent.
    return isinstance(give, FixedPrice) and give.cents == 0


def no_less(one: Give, other: Give) -> bool:
    """Whether `one` takes no less than `other` off any line."""
    if takes_all(one):
        return True
    if one.cap is not UNSET or one.floor_cents is not UNSET:
        return False
    match one, other:
        case Percent(), Percent():
            alike = (one.base, one.rounding) == (other.base, other.rounding)
            return alike and one.basis_points >= other.basis_points
        case Fixed(), Fixed():
            return one.per == other.per and one.cents >= other.cents
        case FixedPrice(), FixedPrice():
            return one.per == other.per and one.cents <= other.cents
        case _:
            return False


def dates_of(rule: Rule) -> Range:
    """First and last day of its dates, as ordinals."""
    return ordinals(rule.when.dates if rule.when is not UNSET and rule.when.dates is not UNSET else Dates())


def _of(part: Any, name: str) -> Sequence[str] | UnsetType:
    """A list of a part that may be absent."""
    found: Sequence[str] | UnsetType = getattr(part, name) if part is not UNSET else UNSET
    return found


def _share(one: Iterable[str] | UnsetType, other: Iterable[str] | UnsetType) -> bool:
    return one is UNSET or other is UNSET or not set(one).isdisjoint(other)


def _within(other: Iterable[str] | UnsetType, one: Iterable[str] | UnsetType) -> bool:
    """Whether every code that `other` admits is admitted by `one`, too."""
    return one is UNSET or (other is not UNSET and set(other) <= set(one))


def _meet(one: Range, other: Range) -> bool:
    return max(one[0], other[0]) <= min(one[1], other[1])


def _inside(other: Range, one: Range) -> bool:
    return one[0] <= other[0] and other[1] <= one[1]


# Who -----------------------------------------------------------------------------------------------------


def _same_people(one: Rule, other: Rule) -> bool:
    a, b = one.who, other.who
    if a is UNSET or b is UNSET:
        return True
    if {a.partner, b.partner} == {"never", "only"}:
        return False
    if not _share(a.residence, b.residence):
        return False
    excluded = _set(a.none_of_groups) | _set(b.none_of_groups)
    if excluded & (_set(a.all_of_groups) | _set(b.all_of_groups)):
        return False
    ours, theirs = set(groups_of(one)), set(groups_of(other))
    if any(groups and groups <= excluded for groups in (ours, theirs)):
        return False
    return not ours or not theirs or bool((ours & theirs) - excluded)


def _who_covers(one: Who | UnsetType, other: Who | UnsetType) -> bool:
    if one is UNSET:
        return True
    if other is UNSET:
        return False
    return (
        _any_covers(one, other)
        and (one.all_of_groups is UNSET or set(one.all_of_groups) <= _required(other))
        and (one.none_of_groups is UNSET or set(one.none_of_groups) <= _set(other.none_of_groups))
        and (one.any_of_lists is UNSET or one.any_of_lists == other.any_of_lists)
        and _within(other.residence, one.residence)
        and (one.age is UNSET or (other.age is not UNSET and _inside(_age(other), _age(one))))
        and (one.partner in ("also", other.partner))
    )


def _any_covers(one: Who, other: Who) -> bool:
    if one.any_of_groups is UNSET:
        return True
    asked = set(one.any_of_groups)
    if other.any_of_groups is not UNSET and set(other.any_of_groups) <= asked:
        return True
    if asked & _required(other):
        return True
    lists = other.any_of_lists
    return lists is not UNSET and all(
        {*entry.groups, *(entry.grace.groups if entry.grace is not UNSET else ())} <= asked for entry in lists
    )


def _required(who: Who) -> set[str]:
    """Groups that every holder has whom it means."""
    alone = who.any_of_groups if who.any_of_groups is not UNSET and len(who.any_of_groups) == 1 else ()
    return _set(who.all_of_groups) | set(alone)


def _set(codes: Iterable[str] | UnsetType) -> set[str]:
    return set(codes) if codes is not UNSET else set()


def _age(who: Who) -> Range:
    if who.age is UNSET:
        return 0, MAX_AGE
    first, until = who.age.first, who.age.until
    return first if first is not UNSET else 0, until if until is not UNSET else MAX_AGE


# Where and what ------------------------------------------------------------------------------------------


def _where_covers(one: Where | UnsetType, other: Where | UnsetType) -> bool:
    return all(_within(_of(other, name), _of(one, name)) for name in ("merchant_groups", "places", "gateways"))


def _same_lines(one: What | UnsetType, other: What | UnsetType) -> bool:
    if one is UNSET or other is UNSET:
        return True
    if not _share(one.categories, other.categories) or not _share(one.skus, other.skus):
        return False
    for a, b in ((one, other), (other, one)):
        if a.flags is not UNSET and set(a.flags) <= _set(b.not_flags):
            return False
    return _meet(_price(one), _price(other))


def _what_covers(one: What | UnsetType, other: What | UnsetType) -> bool:
    if one is UNSET:
        return True
    if other is UNSET:
        return False
    return (
        _within(other.categories, one.categories)
        and _within(other.skus, one.skus)
        and _within(other.flags, one.flags)
        and _set(one.not_flags) <= _set(other.not_flags)
        and _inside(_price(other), _price(one))
    )


def _price(what: What) -> Range:
    if what.unit_price is UNSET:
        return 0, _NEVER_PRICED
    first, until = what.unit_price.first, what.unit_price.until
    return first if first is not UNSET else 0, until if until is not UNSET else _NEVER_PRICED


# When ----------------------------------------------------------------------------------------------------


def _when_covers(one: Rule, other: Rule) -> bool:
    if not holds_without_clock(one) and holds_without_clock(other):
        return False  # While the clock is not trusted the other one is given.
    a, b = one.when, other.when
    if a is UNSET:
        return True
    if a.windows is not UNSET and (b is UNSET or (a.windows, a.calendar) != (b.windows, b.calendar)):
        return False
    return _inside(dates_of(other), dates_of(one))


def _same_time(one: Rule, other: Rule) -> bool:
    a, b = one.who, other.who
    if a is not UNSET and b is not UNSET and not _meet(_age(a), _age(b)):
        return False
    return _meet(dates_of(one), dates_of(other)) and _same_hours(one.when, other.when)


def _same_hours(one: When | UnsetType, other: When | UnsetType) -> bool:
    if one is UNSET or other is UNSET or one.windows is UNSET or other.windows is UNSET:
        return True
    # A holiday of the one calendar may be a weekday by the other.
    days = one.calendar == other.calendar
    return any(_open_together(a, b, days=days) for a in one.windows for b in other.windows)


def _open_together(one: Window, other: Window, *, days: bool) -> bool:
    (_, a, b), (_, c, d) = hours_of(one), hours_of(other)
    if b > DAY_MINUTES or d > DAY_MINUTES:
        return True  # Over midnight: which of them meet on the next day is not worked out.
    return max(a, c) < min(b, d) and not (days and set(one.days).isdisjoint(other.days))
