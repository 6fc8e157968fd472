"""What a rule has to be beyond its types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from gateway.rules.check_tables import Fault, dates_fault
from gateway.rules.conditions import DAYS, Need, What, When, Where, Who, minute_of
from gateway.rules.document import Payer, Quota, Rule
from gateway.rules.forms import SHOWN, Forms
from gateway.rules.gives import Fixed, FixedPrice, FreeUnits, Give, Percent, Step, Tiers
from gateway.rules.named import by_age, is_whole
from gateway.rules.parts import Text
from gateway.rules.tables import CalendarDays

# What says nothing at all.
NO_TEXT, NO_WHERE, NO_WHAT, NO_NEED = Text(), Where(), What(), Need()


def rule_faults(rule: Rule, calendars: Mapping[str, CalendarDays], forms: Forms) -> Iterator[Fault]:
    """Each fault with its path from the rule, but for its payers'."""
    if rule.legal_basis not in forms.phrases:
        yield from forms.of_phrase(rule.legal_basis, "legal_basis")
    if rule.title == NO_TEXT:
        yield "title", "no title in any language"
    if rule.message == NO_TEXT:
        yield "message", "no message in any language"
    if rule.who is not UNSET:
        yield from _who_faults(rule.who, forms)
    if rule.where is not UNSET:
        yield from _where_faults(rule.where, forms)
    if rule.what is not UNSET:
        yield from _what_faults(rule.what, forms)
    if rule.when is not UNSET:
        yield from _when_faults(rule.when, calendars)
        if rule.when.dates is UNSET and rule.when.windows is UNSET and not by_age(rule):
            yield "when", "says nothing: leave it out"
    if rule.need is not UNSET:
        yield from _need_faults(rule.need)
    if not isinstance(rule.give, Percent | Fixed):
        yield from _give_faults(rule.give, rule)
    if rule.quota is not UNSET:
        yield from _quota_faults(rule.quota, rule)


def _who_faults(who: Who, forms: Forms) -> Iterator[Fault]:
    if who.any_of_groups is not UNSET and not forms.codes.issuperset(who.any_of_groups):
        yield from forms.of_codes(who.any_of_groups, "who.any_of_groups")
    for index, one in enumerate(who.any_of_lists if who.any_of_lists is not UNSET else ()):
        if (fault := dates_fault(one.dates)) is not None:
            yield f"who.any_of_lists[{index}].dates", fault
        if one.grace is not UNSET and one.dates.first is UNSET:
            yield f"who.any_of_lists[{index}].grace", "a list without `from` has no first days"
    if who.age is not UNSET:
        first, until = who.age.first, who.age.until
        if first is UNSET and until is UNSET:
            yield "who.age", "neither `from` nor `until`"
        if first is not UNSET and until is not UNSET and first > until:
            yield "who.age", f"reversed: from {first} until {until}"
    if who.none_of_groups is not UNSET and who.any_of_groups is not UNSET:
        for code in sorted(set(who.none_of_groups) & set(who.any_of_groups)):
            yield "who.none_of_groups", f"{code!r} is in `any_of_groups` as well"


def _where_faults(where: Where, forms: Forms) -> Iterator[Fault]:
    if where == NO_WHERE:
        yield "where", "says nothing: leave it out"
    elif where.merchant_groups is not UNSET and not forms.codes.issuperset(where.merchant_groups):
        yield from forms.of_codes(where.merchant_groups, "where.merchant_groups")


def _what_faults(what: What, forms: Forms) -> Iterator[Fault]:
    if what.categories is not UNSET and not forms.codes.issuperset(what.categories):
        yield from forms.of_codes(what.categories, "what.categories")
    if what == NO_WHAT:
        yield "what", "says nothing: leave it out"
    price = what.unit_price
    if price is not UNSET:
        if price.first is UNSET and price.until is UNSET:
            yield "what.unit_price", "neither `from` nor `until`"
        if price.first is not UNSET and price.until is not UNSET and price.first > price.until:
            yield "what.unit_price", f"reversed: from {price.first} until {price.until}"


def _when_faults(when: When, calendars: Mapping[str, CalendarDays]) -> Iterator[Fault]:
    if when.dates is not UNSET and (fault := dates_fault(when.dates)) is not None:
        yield "when.dates", fault
    windows = when.windows if when.windows is not UNSET else ()
    for index, window in enumerate(windows):
        if minute_of(window.first) is None:
            yield f"when.windows[{index}].from", f"{window.first[:SHOWN]!r} is no time of a day, such as 08:30"
        if minute_of(window.until) is None:
            yield f"when.windows[{index}].until", f"{window.until[:SHOWN]!r} is no time of a day, such as 08:30"
        if window.first == "24:00":
            yield f"when.windows[{index}].from", "24:00 is the end of a day: 00:00 is the beginning of the next"
        if window.days is not DAYS and "holiday" in window.days and len(window.days) < 8 and when.calendar is UNSET:
            yield f"when.windows[{index}].days", "`holiday` needs a `calendar`"
    if when.calendar is not UNSET and when.calendar not in calendars:
        yield "when.calendar", f"no calendar {when.calendar!r} in this document"
    if when.calendar is not UNSET and not windows:
        yield "when.calendar", "a calendar without `windows` changes nothing"


def _need_faults(need: Need) -> Iterator[Fault]:
    if need == NO_NEED:
        yield "need", "says nothing: leave it out"
    if need.min_spend_cents is UNSET and (need.of != "lines" or need.basis != "list"):
        yield "need", "`of` and `basis` go with `min_spend_cents`"
    for index, event in enumerate(need.events if need.events is not UNSET else ()):
        if event.most is not UNSET and event.most and event.most < event.least:
            yield f"need.events[{index}]", f"reversed: at least {event.least}, at most {event.most}"


def _give_faults(give: Give, rule: Rule) -> Iterator[Fault]:
    match give:
        case Tiers():
            yield from _tier_faults(give, rule)
        case FixedPrice(per="receipt", floor_cents=floor) if floor is not UNSET:
            yield "give.floor_cents", "a price for all of it has no floor of a unit"
        case FreeUnits(for_each=of) if of is not UNSET and of.holder and rule.who is UNSET:
            yield "give.for_each.holder", "counts who is identified, so the rule needs a `who`"
        case _:
            pass


def _tier_faults(give: Tiers, rule: Rule) -> Iterator[Fault]:
    for index, step in enumerate(give.steps):
        if sum(value is not UNSET for value in (step.basis_points, step.off_cents, step.unit_cents)) != 1:
            yield f"give.steps[{index}]", "needs one of `basis_points`, `off_cents`, `unit_cents`"
        if index and step.first <= _before(give.steps, index):
            yield f"give.steps[{index}].from", "steps have to ascend"
    if give.by == "uses" and give.cap is not UNSET and give.cap.per == "receipt":
        yield "give.cap.per", "uses are counted line by line: `unit` or `line`"
    if give.by != "uses":
        if give.key is not UNSET:
            yield "give.key", "goes with `by: uses`"
        return
    if give.steps[0].first < 1:
        yield "give.steps[0].from", "the first use is number 1"
    quotas = rule.quota if rule.quota is not UNSET else ()
    if give.key is UNSET or not any(quota.key == give.key and quota.unit == "units" for quota in quotas):
        yield "give.key", "names the quota of this rule, in `units`, whose uses are counted"


def _before(steps: tuple[Step, ...], index: int) -> int:
    return steps[index - 1].first


def _quota_faults(quotas: tuple[Quota, ...], rule: Rule) -> Iterator[Fault]:
    if len({quota.key for quota in quotas}) != len(quotas):
        yield "quota", "the same key twice"
    for index, quota in enumerate(quotas):
        yield from ((f"quota[{index}].{at}", what) for at, what in _one_quota(quota, rule))


def _one_quota(quota: Quota, rule: Rule) -> Iterator[Fault]:
    if (quota.limit is UNSET) != (quota.source != "limit"):
        yield "limit", "needs a `limit`, or `source: prepaid` or `source: card` without one"
    if quota.source == "prepaid" and (quota.period != "ever" or quota.per != "holder"):
        yield "source", "what a holder has bought is `per: holder` and has `period: ever`"
    if quota.source == "card" and (quota.period != "ever" or quota.per != "holder"):
        yield "source", "what a holder's card holds is `per: holder` and has `period: ever`"
    if quota.source == "card" and quota.grace_units is not UNSET:
        yield "grace_units", "the card itself says what is left: nothing of it is given on trust"
    if quota.per == "holder" and rule.who is UNSET:
        yield "per", "a holder's own quota needs a `who`; for everybody's together say `per: all`"
    if quota.unit == "units" and quota.on_exceed == "cut" and is_whole(rule) and not isinstance(rule.give, FreeUnits):
        yield "on_exceed", "what is computed for the whole receipt is not cut by units"
    if quota.unit == "uses" and quota.on_exceed == "cut":
        yield "on_exceed", "a use cannot be cut"
    if quota.carry is not UNSET:
        if quota.carry.first > quota.carry.until:
            yield "carry", f"reversed: from {quota.carry.first} until {quota.carry.until}"
        if quota.period not in ("day", "week", "month", "year"):
            yield "carry", "there is nothing to carry over from"


def payer_faults(payers: tuple[Payer, ...], forms: Forms) -> Iterator[Fault]:
    """What is wrong with who pays, each fault with its path from the rule."""
    total = rests = 0
    seen: set[tuple[str, str]] = set()
    for index, payer in enumerate(payers):
        path = f"payers[{index}]"
        yield from forms.of_code(payer.party, f"{path}.party")
        if (payer.share_basis_points is UNSET) != payer.rest:
            yield path, "needs either `share_basis_points` or `rest: true`"
        if (payer.party, payer.form) in seen:
            yield path, f"{payer.party!r} pays twice in the same form"
        seen.add((payer.party, payer.form))
        total += payer.share_basis_points if payer.share_basis_points is not UNSET else 0
        rests += payer.rest
    if rests > 1:
        yield "payers", f"{rests} payers have `rest`; one can"
    elif rests and total >= 10_000:
        yield "payers", f"{total} of 10000 basis points are given, so nothing is left for `rest`"
    elif not rests and total != 10_000:
        yield "payers", f"shares add up to {total} basis points instead of 10000"
