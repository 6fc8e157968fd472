"""What can be told of a rule from how it is written."""

from __future__ import annotations

from msgspec import UNSET

from gateway.rules.document import Rule, RulesContent
from gateway.rules.gives import Fixed, FixedPrice, FreeUnits, Percent
from gateway.rules.parts import MAX_SECONDS


def groups_of(rule: Rule) -> tuple[str, ...]:
    """The groups of which a holder has one at least, whoever the rule is for; none where that says nothing."""
    who = rule.who
    if who is UNSET:
        return ()
    if who.any_of_groups is not UNSET:
        return who.any_of_groups
    if who.any_of_lists is not UNSET:
        listed = [(*one.groups, *(one.grace.groups if one.grace is not UNSET else ())) for one in who.any_of_lists]
        return tuple(dict.fromkeys(code for codes in listed for code in codes))
    return who.all_of_groups[:1] if who.all_of_groups is not UNSET else ()


def _add_groups(rule: Rule, found: set[str]) -> None:
    """Add every group that the rule names: what a registry has to hold for it."""
    who = rule.who
    if who is UNSET:
        return
    for codes in (who.any_of_groups, who.all_of_groups, who.none_of_groups):
        if codes is not UNSET:
            found.update(codes)
    for one in who.any_of_lists if who.any_of_lists is not UNSET else ():
        found.update(one.groups, one.grace.groups if one.grace is not UNSET else ())


def all_groups(content: RulesContent) -> frozenset[str]:
    """Every group that the document asks for: no other has any business at a place."""
    spared = {code for one in content.suspensions if one.except_groups is not UNSET for code in one.except_groups}
    for rule in content.rules:
        _add_groups(rule, spared)
    return frozenset(spared)


def all_merchant_groups(content: RulesContent) -> frozenset[str]:
    """Every merchant group that a rule is for: any other makes no difference to a place."""
    named = (rule.where.merchant_groups for rule in content.rules if rule.where is not UNSET)
    return frozenset(code for codes in named if codes is not UNSET for code in codes)


def all_events(content: RulesContent) -> dict[str, int]:
    """Every event that the document asks for → within how many seconds at most: all that has to be known of what
    happened before."""
    found: dict[str, int] = {}
    for rule in content.rules:
        for one in rule.need.events if rule.need is not UNSET and rule.need.events is not UNSET else ():
            within = one.within_s if one.within_s is not UNSET else MAX_SECONDS
            found[one.event] = max(within, found.get(one.event, 0))
    return found


def asks_residence(content: RulesContent) -> bool:
    """Whether any rule asks where a holder has declared to live: else that has no business at a place."""
    return any(rule.who is not UNSET and rule.who.residence is not UNSET for rule in content.rules)


def asks_age(content: RulesContent) -> bool:
    """Whether any rule asks how old a holder is: else no date of birth has any business at a place."""
    return any(rule.who is not UNSET and rule.who.age is not UNSET for rule in content.rules)


def is_whole(rule: Rule) -> bool:
    """Whether it is computed once for the receipt; else line by line."""
    give, need = rule.give, rule.need
    if type(give) is Percent and give.cap is UNSET and need is UNSET:
        return False  # The most frequent one.
    if need is not UNSET and need.min_spend_cents is not UNSET and need.basis == "running":
        return True
    if isinstance(give, FreeUnits) or (isinstance(give, Fixed | FixedPrice) and give.per == "receipt"):
        return True
    return give.cap is not UNSET and give.cap.per == "receipt"


def holds_without_clock(rule: Rule) -> bool:
    """Whether it is given while the clock is not trusted (docs/rules.md, Dates)."""
    when = rule.when
    by_time = when is not UNSET and (when.dates is not UNSET or when.windows is not UNSET)
    if by_time or by_age(rule):
        return when is not UNSET and when.clock_not_trusted == "grant"
    return True


def by_age(rule: Rule) -> bool:
    """Whether the day decides who it is for: without a trusted clock that is not known."""
    return rule.who is not UNSET and (rule.who.any_of_lists is not UNSET or rule.who.age is not UNSET)
