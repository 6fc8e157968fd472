"""Whether a candidate applies at all, and if not, the first thing that keeps it from it: in the order of `Reason`'s
documentation (docs/rules.md, Why not), from the person to what happened before."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from gateway.model.circumstances import Happened
from gateway.model.decision import Reason
from gateway.model.receipt import Line
from gateway.rules.compiled import DAY_MINUTES, Compiled, More, Windows
from gateway.rules.conditions import MAX_AGE, Happening, Need, What, Where, Who
from gateway.rules.flatten import ordinals
from gateway.rules.question import Question

HOLIDAY = 7
"""Bit of `holiday` among the days of a window; Monday is 0."""


class Moment(NamedTuple):
    """A settled question's time in numbers, and its groups in our own codes."""

    day: int
    minute: int
    weekday: int
    trusted: bool
    groups: frozenset[str]


def moment_of(question: Question, groups: frozenset[str]) -> Moment:
    at = question.at
    day = at.toordinal()
    return Moment(day, at.hour * 60 + at.minute, (day + 6) % 7, question.clock_trusted, groups)


def untimely(rule: Compiled, moment: Moment) -> Reason | None:
    """Why the rule does not hold at this moment."""
    if not moment.trusted:
        return None if rule.holds_without_clock else Reason.CLOCK_NOT_TRUSTED
    dated = rule.first <= moment.day <= rule.last
    if rule.windows is None or not rule.first <= moment.day <= rule.last + 1:
        return None if dated else Reason.OUTSIDE_DATES
    if _in_windows(rule.windows, moment, rule.first, rule.last):
        return None
    return Reason.OUTSIDE_HOURS if dated else Reason.OUTSIDE_DATES


def unmet(rule: Compiled, question: Question, moment: Moment) -> tuple[Reason, str] | None:
    """Why the rule does not apply to this person at this place now, whatever is bought; with the other that it is due
    to, if there is one."""
    more = rule.more
    if more is None:
        reason = untimely(rule, moment)
        return (reason, "") if reason else None
    if more.who is not None and (reason := _person(more.who, rule, question, moment)):
        return reason, ""
    if more.where is not None and not _place(more.where, question):
        return Reason.OTHER_PLACE, ""
    if reason := untimely(rule, moment):
        return reason, ""
    if more.quotas and not moment.trusted:
        return Reason.CLOCK_NOT_TRUSTED, ""
    for one in more.suspended:
        if one.first <= moment.day <= one.last and not one.but_to & moment.groups:
            return Reason.SUSPENDED, one.id
    if more.need is not None and (reason := _needed(more.need, question)):
        return reason, ""
    return None


def is_article(what: What, line: Line) -> bool:
    """Whether the line is one of these, its category aside."""
    if what.skus is not UNSET and line.sku not in what.skus:
        return False
    if what.flags is not UNSET and not any(flag in what.flags for flag in line.flags):
        return False
    if what.not_flags is not UNSET and any(flag in what.not_flags for flag in line.flags):
        return False
    price = what.unit_price
    if price is UNSET:
        return True
    above = price.first is UNSET or line.unit_cents >= price.first
    return above and (price.until is UNSET or line.unit_cents <= price.until)


def lacking(more: More, lines: list[Line], receipt: tuple[Line, ...]) -> Reason | None:
    """What the receipt lacks for a rule that meets these of its lines; prices as they are on the list."""
    need = more.need
    if need is None:
        return None
    if need.min_quantity is not UNSET and sum(line.quantity for line in lines) < need.min_quantity:
        return Reason.QUANTITY_TOO_LOW
    for one in need.together if need.together is not UNSET else ():
        if sum(line.quantity for line in receipt if line.category in one.categories) < one.quantity:
            return Reason.NOT_TOGETHER
    if need.min_spend_cents is not UNSET and need.basis == "list":
        measured = receipt if need.of == "receipt" else lines
        if sum(line.list_cents for line in measured) < need.min_spend_cents:
            return Reason.SPEND_TOO_LOW
    return None


def _in_windows(windows: Windows, moment: Moment, first: int, last: int) -> bool:
    """Whether a window is open that began today, or yesterday and goes over midnight; its own day has to be within
    the dates."""
    today = 1 << (HOLIDAY if moment.day in windows.holidays else moment.weekday)
    before = 1 << (HOLIDAY if moment.day - 1 in windows.holidays else (moment.weekday + 6) % 7)
    day, minute = moment.day, moment.minute
    for bits, opens, closes in windows.hours:
        if bits & today and opens <= minute < closes and first <= day <= last:
            return True
        if closes > DAY_MINUTES and bits & before and minute < closes - DAY_MINUTES and first <= day - 1 <= last:
            return True
    return False


def _person(who: Who, rule: Compiled, question: Question, moment: Moment) -> Reason | None:
    groups = moment.groups
    if not question.identified:
        return Reason.NOT_IDENTIFIED
    if (who.partner == "only") != bool(question.city) and who.partner != "also":
        return Reason.OTHER_CITY
    if who.none_of_groups is not UNSET and groups.intersection(who.none_of_groups):
        return Reason.EXCLUDED
    if who.any_of_groups is not UNSET and groups.isdisjoint(who.any_of_groups):
        return Reason.NOT_ENTITLED
    if who.all_of_groups is not UNSET and not groups.issuperset(who.all_of_groups):
        return Reason.NOT_ENTITLED
    if who.residence is not UNSET and question.residence not in who.residence:
        return Reason.NOT_RESIDENT
    if who.any_of_lists is not UNSET and (reason := _listed(who, rule, moment)):
        return reason
    if who.age is not UNSET and (moment.trusted or question.age is not None):
        first = who.age.first if who.age.first is not UNSET else 0
        until = who.age.until if who.age.until is not UNSET else MAX_AGE
        if question.age is None or not first <= question.age <= until:
            return Reason.OTHER_AGE
    return None


def _listed(who: Who, rule: Compiled, moment: Moment) -> Reason | None:
    """Why the holder is on none of the lists today."""
    on_one = False
    for one in who.any_of_lists if who.any_of_lists is not UNSET else ():
        first, last = ordinals(one.dates)
        grace = one.grace
        member = not moment.groups.isdisjoint(one.groups)
        spared = grace is not UNSET and not moment.groups.isdisjoint(grace.groups)
        on_one = on_one or member or spared
        if not moment.trusted:
            if (member or spared) and rule.holds_without_clock:
                return None
            continue
        if member and first <= moment.day <= last:
            return None
        if grace is not UNSET and spared and first <= moment.day <= min(last, first + grace.days - 1):
            return None
    if not on_one:
        return Reason.NOT_ENTITLED
    return Reason.OUTSIDE_DATES if moment.trusted else Reason.CLOCK_NOT_TRUSTED


def _place(where: Where, question: Question) -> bool:
    if where.places is not UNSET and question.place not in where.places:
        return False
    if where.gateways is not UNSET and question.gateway not in where.gateways:
        return False
    return where.merchant_groups is UNSET or not set(question.merchant_groups).isdisjoint(where.merchant_groups)


def _needed(need: Need, question: Question) -> Reason | None:
    if need.means is not UNSET and question.receipt.means not in need.means:
        return Reason.OTHER_MEANS
    for one in need.events if need.events is not UNSET else ():
        count = sum(_counts(one, happened, question) for happened in question.events)
        if count < one.least and not (one.most is not UNSET and one.most == 0):
            return Reason.EVENT_MISSING
        if one.most is not UNSET and count > one.most:
            return Reason.TOO_MANY_EVENTS
    return None


def _counts(event: Happening, happened: Happened, question: Question) -> bool:
    if happened.event != event.event or (event.within_s is not UNSET and happened.ago_s > event.within_s):
        return False
    if event.codes is not UNSET and not any(code in event.codes for code in happened.codes):
        return False
    if event.at == "place":
        return bool(happened.place) and happened.place == question.place
    if event.at == "station":
        here = bool(happened.station) and happened.station == question.station
        return here and happened.place == question.place
    return True
