"""Rules that never apply, from what each of them says itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import UNSET

from gateway.rules.conditions import DAYS, Listed, Who
from gateway.rules.document import Quota, Rule, RulesContent
from gateway.rules.finding import Code, Finding, found
from gateway.rules.flatten import ordinals
from gateway.rules.gives import FixedPrice, FreeUnits, Tiers
from gateway.rules.named import holds_without_clock, is_whole
from gateway.rules.overlap import dates_of
from gateway.rules.tables import Suspension

MAX_DAYS = 800
"""Longer than this every day of the week comes, calendar or not: then only holidays are looked up."""

Fault = tuple[Code, str, str]


def dead(index: int, rule: Rule, content: RulesContent, at: date) -> Iterator[Finding]:
    """Why this rule does not apply any more, or never does."""
    for code, path, text in (
        *_past(rule, content, at),
        *_holder(rule, content),
        *_time(rule, content),
        *_receipt(rule),
        *_quota(rule),
    ):
        still = code in (Code.PAST, Code.NO_TIME) and not path.startswith("quota") and holds_without_clock(rule)
        text += "; a place that does not know the time gives it all the same" if still else ""
        yield found(code, f"$.rules[{index}].{path}", text, rule.id)


def _past(rule: Rule, content: RulesContent, at: date) -> Iterator[Fault]:
    when, who = rule.when, rule.who
    today = at.toordinal()
    if dates_of(rule)[1] < today:
        yield Code.PAST, "when.dates", f"ended on {date.fromordinal(dates_of(rule)[1])}"
        return
    if who is not UNSET and who.any_of_lists is not UNSET and all(_end(one) < today for one in who.any_of_lists):
        yield Code.PAST, "who.any_of_lists", "the last of its lists has ended"
    if when is not UNSET and when.calendar is not UNSET and when.windows is not UNSET:
        days = content.calendars[when.calendar]
        asked = any("holiday" in window.days and len(window.days) < len(DAYS) for window in when.windows)
        if asked and (not days or max(days) < at):
            last = f"its last day is {max(days)}" if days else "it has no day"
            yield Code.PAST, "when.calendar", f"the calendar {when.calendar!r} has ended: {last}"
    for number, quota in enumerate(rule.quota if rule.quota is not UNSET else ()):
        if quota.carry is not UNSET and quota.carry.until < at:
            yield Code.PAST, f"quota[{number}].carry", f"nothing is carried over since {quota.carry.until}"


def _end(one: Listed) -> int:
    return ordinals(one.dates)[1]


def _holder(rule: Rule, content: RulesContent) -> Iterator[Fault]:
    who = rule.who
    if who is UNSET:
        return
    none = set(who.none_of_groups) if who.none_of_groups is not UNSET else set()
    needed = set(who.all_of_groups) if who.all_of_groups is not UNSET else set()
    if both := sorted(needed & none):
        yield Code.NO_HOLDER, "who", f"asks for {', '.join(both)} and excludes it"
    if who.any_of_lists is not UNSET and all(_members(one) <= none for one in who.any_of_lists):
        yield Code.NO_HOLDER, "who", "excludes everybody who is on its lists"
    if who.partner == "only" and not any(_reachable(who, _ours(groups.groups)) for groups in content.partners):
        yield Code.NO_HOLDER, "who.partner", "no partner city has groups that count as what it asks for"


def _members(one: Listed) -> set[str]:
    return {*one.groups, *(one.grace.groups if one.grace is not UNSET else ())}


def _ours(groups: dict[str, tuple[str, ...]]) -> set[str]:
    return {code for ours in groups.values() for code in ours}


def _reachable(who: Who, ours: set[str]) -> bool:
    """Whether somebody who can have these groups can be meant."""
    lists = who.any_of_lists
    return (
        (who.any_of_groups is UNSET or not ours.isdisjoint(who.any_of_groups))
        and (who.all_of_groups is UNSET or ours.issuperset(who.all_of_groups))
        and (lists is UNSET or any(not ours.isdisjoint(_members(one)) for one in lists))
    )


def _time(rule: Rule, content: RulesContent) -> Iterator[Fault]:
    first, last = dates_of(rule)
    if not _opens(rule, content, first, last):
        yield Code.NO_TIME, "when.windows", "none of its windows opens on its dates"
    who = rule.who
    # A window over midnight is open on the day after the dates, too.
    open_last = last + (rule.when is not UNSET and rule.when.windows is not UNSET)
    if who is not UNSET and who.any_of_lists is not UNSET:
        ends = [ordinals(one.dates) for one in who.any_of_lists]
        if all(max(a, first) > min(b, open_last) for a, b in ends):
            yield Code.NO_TIME, "who.any_of_lists", "none of its lists counts on its dates"
    for one in content.suspensions:
        a, b = ordinals(one.dates)
        if _touches(one, rule) and one.except_groups is UNSET and a <= first and open_last <= b:
            yield Code.NO_TIME, "when.dates", f"suspended by {one.id!r} as long as it lasts"


def _touches(suspension: Suspension, rule: Rule) -> bool:
    named, spared = suspension.rules, suspension.except_rules
    return (named is UNSET or rule.id in named) and (spared is UNSET or rule.id not in spared)


def _opens(rule: Rule, content: RulesContent, first: int, last: int) -> bool:
    when = rule.when
    if when is UNSET or when.windows is UNSET:
        return True
    asked = {day for window in when.windows for day in window.days}
    holidays = {day.toordinal() for day in content.calendars[when.calendar]} if when.calendar is not UNSET else set()
    if last - first > MAX_DAYS:
        return bool(asked - {"holiday"}) or any(first <= day <= last for day in holidays)
    days = range(first, last + 1)
    return any(("holiday" if day in holidays else DAYS[(day + 6) % 7]) in asked for day in days)


def _receipt(rule: Rule) -> Iterator[Fault]:
    what, give = rule.what, rule.give
    dearest = 10**9
    if what is not UNSET:
        if what.flags is not UNSET and what.not_flags is not UNSET and set(what.flags) <= set(what.not_flags):
            yield Code.NO_RECEIPT, "what", "asks for marks that it excludes"
        if what.unit_price is not UNSET and what.unit_price.until is not UNSET:
            dearest = what.unit_price.until
    if give.floor_cents is not UNSET and give.floor_cents >= dearest:
        yield Code.NO_EFFECT, "give.floor_cents", f"nothing that it meets costs more than {dearest} cents"
    if isinstance(give, FixedPrice) and give.per == "unit" and give.cents >= dearest:
        yield Code.NO_EFFECT, "give.cents", f"nothing that it meets costs more than {dearest} cents"
    if isinstance(give, Tiers) and all(0 in (step.basis_points, step.off_cents) for step in give.steps):
        yield Code.NO_EFFECT, "give.steps", "no step takes anything"


def _quota(rule: Rule) -> Iterator[Fault]:
    for number, quota in enumerate(rule.quota if rule.quota is not UNSET else ()):
        path = f"quota[{number}]"
        if quota.limit is UNSET or quota.carry is not UNSET:
            continue
        if quota.grace_units is not UNSET and quota.grace_units > quota.limit:
            text = f"{quota.grace_units} are given on trust, and there are {quota.limit}"
            yield Code.QUOTA_TOO_SMALL, f"{path}.grace_units", text
        yield from ((Code.QUOTA_TOO_SMALL, f"{path}.limit", text) for text in _too_small(rule, quota, quota.limit))


def _too_small(rule: Rule, quota: Quota, limit: int) -> Iterator[str]:
    give, need = rule.give, rule.need
    steps = give.steps if isinstance(give, Tiers) and give.by == "uses" and give.key == quota.key else ()
    if beyond := [step.first for step in steps if step.first > limit]:
        yield f"the step from use {beyond[0]} on is never reached: there are {limit}"
    if quota.unit != "units" or not is_whole(rule) or isinstance(give, FreeUnits):
        return
    if need is not UNSET and need.min_quantity is not UNSET and need.min_quantity > limit * 1000:
        yield f"needs {need.min_quantity} thousandths, and {limit} pieces are all that there are"
