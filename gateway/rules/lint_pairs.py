"""Rules in the light of each other: which never get through, and which are given on top of each other. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from msgspec import UNSET

from gateway.rules.document import Rule, RulesContent
from gateway.rules.finding import Code, Finding, found
from gateway.rules.named import is_whole
from gateway.rules.overlap import covers, may_meet, no_less, takes_all

MAX_COMPARED = 1_000_000
"""Pairs looked at: some seconds."""
SHOWN = 8
"""Rules named in one text; `others` has them all."""


def pairs(content: RulesContent) -> Iterator[Finding]:
    """For each rule that never takes anything because of another one: why. For each other rule: the rules before it
    (by stage, priority and id) that may meet the same line of the same holder and do not exclude it."""
    numbered = sorted(enumerate(content.rules), key=lambda one: (one[1].stage, -one[1].priority, one[1].id))
    suspended = _suspended(content)
    by_category: dict[str, list[int]] = defaultdict(list)
    begins: dict[str, int] = {}
    # Settled for the whole receipt, a group may go to who takes less of a line and more of all of them.
    whole = {rule.exclusive_group for rule in content.rules if is_whole(rule)} - {UNSET}
    compared = 0
    for rank, (index, rule) in enumerate(numbered):
        # A group is settled where the first of its rules stands: whatever stands behind that comes after all of them.
        group = rule.exclusive_group
        place = begins.setdefault(group, rank) if group is not UNSET else rank
        mine = _categories(rule)
        met = set(range(rank)) if mine == ("",) else {one for code in (*mine, "") for one in by_category[code]}
        compared += len(met)
        if compared > MAX_COMPARED:
            yield _stopped(rule)
            return
        for category in mine:
            by_category[category].append(rank)
        before = [(other, one < place and other.exclusive_group not in whole) for one, other in _named(numbered, met)]
        yield from _against(index, rule, before, suspended)
    yield from _later_winners(numbered, suspended)


def _against(
    index: int, rule: Rule, before: list[tuple[Rule, bool]], suspended: dict[str, frozenset[str]]
) -> Iterator[Finding]:
    """`before`: the rules that stand before it, and whether what one of them takes is certainly gone: it stands before
    all of this one's group, too, and no other of its own can be given instead."""
    stacks: list[Rule] = []
    path = f"$.rules[{index}]"
    for other, taken in before:
        certain = suspended[other.id] <= suspended[rule.id] and covers(other, rule)
        if other.exclusive_group is not UNSET and other.exclusive_group == rule.exclusive_group:
            if certain and _beats(other, rule):
                yield found(Code.ALWAYS_LOSES, path, f"{other.id!r} always goes before it", rule.id, (other.id,))
                return
        elif taken and certain and takes_all(other.give) and other.choose == "best":
            text = f"{other.id!r} leaves nothing of all that it meets"
            yield found(Code.ALWAYS_LOSES, path, text, rule.id, (other.id,))
            return
        elif may_meet(other, rule):
            stacks.append(other)
    if stacks:
        names = ", ".join(f"{other.id} (stage {other.stage})" for other in stacks[:SHOWN])
        more = f" and {len(stacks) - SHOWN} more" if len(stacks) > SHOWN else ""
        text = f"is given (stage {rule.stage}) on top of {names}{more}, on the same lines of the same holders"
        yield found(Code.OVERLAP, path, text, rule.id, tuple(other.id for other in stacks))


def _later_winners(numbered: list[tuple[int, Rule]], suspended: dict[str, frozenset[str]]) -> Iterator[Finding]:
    """Of groups that choose the best: rules that always lose to one that stands after them."""
    groups: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
    for index, rule in numbered:
        if rule.exclusive_group is not UNSET and rule.choose == "best":
            groups[rule.exclusive_group].append((index, rule))
    compared = 0
    for members in groups.values():
        for place, (index, rule) in enumerate(members):
            after = [other for _, other in members[place + 1 :]]
            compared += len(after)
            if compared > MAX_COMPARED:
                yield _stopped(rule)
                return
            for other in after:
                certain = suspended[other.id] <= suspended[rule.id] and covers(other, rule)
                if certain and _beats(other, rule):
                    text = f"{other.id!r} always goes before it"
                    yield found(Code.ALWAYS_LOSES, f"$.rules[{index}]", text, rule.id, (other.id,))
                    break


def _named(numbered: list[tuple[int, Rule]], ranks: set[int]) -> list[tuple[int, Rule]]:
    """The rules of these ranks, in their order, each with its rank."""
    return [(rank, numbered[rank][1]) for rank in sorted(ranks)]


def _stopped(rule: Rule) -> Finding:
    text = f"{MAX_COMPARED} pairs of rules were compared, from {rule.id!r} on none"
    return found(Code.NOT_ALL_COMPARED, "$.rules", text)


def _beats(other: Rule, rule: Rule) -> bool:
    """Whether `other` wins wherever both meet a line; they share an exclusive group."""
    if not no_less(other.give, rule.give):
        return False
    if rule.choose == "priority":
        return (-other.priority, other.id) < (-rule.priority, rule.id)
    alike = no_less(rule.give, other.give)
    return not alike or other.id < rule.id


def _suspended(content: RulesContent) -> dict[str, frozenset[str]]:
    """Rule → the suspensions that it is under."""
    under: dict[str, set[str]] = {rule.id: set() for rule in content.rules}
    for one in content.suspensions:
        spared = set(one.except_rules) if one.except_rules is not UNSET else set()
        for rule_id in under if one.rules is UNSET else one.rules:
            if rule_id not in spared:
                under[rule_id].add(one.id)
    return {rule_id: frozenset(ids) for rule_id, ids in under.items()}


def _categories(rule: Rule) -> tuple[str, ...]:
    return rule.what.categories if rule.what is not UNSET and rule.what.categories is not UNSET else ("",)
