"""Rule documents → a rule set: flat rules in their order, and the inverted index over them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from msgspec import UNSET

from gateway.rules.collector import at_rest
from gateway.rules.compiled import Codes, Index
from gateway.rules.document import Rule, RulesContent
from gateway.rules.engine import RuleSet
from gateway.rules.flatten import flatten, shared_of, told_of
from gateway.rules.named import all_events, all_groups, groups_of


@at_rest()
def compile(content: RulesContent, number: int) -> RuleSet:
    """The rule set of a checked document (`read` or `check`); `number` is its bundle's. Cannot fail.

    The order of the rules in the document does not matter.
    """
    rules = sorted(content.rules, key=lambda rule: (rule.stage, -rule.priority, rule.id))
    return RuleSet(
        number,
        tuple(told_of(rules)),
        tuple(flatten(rules, content)),
        index_of(rules),
        shared_of(content),
        all_groups(content),
        all_events(content),
    )


def no_rules() -> RuleSet:
    """The rule set in force while there is no bundle: everything at list price."""
    return compile(RulesContent(schema=1, rules=()), 0)


def index_of(rules: Sequence[Rule]) -> Index:
    """The index over rules in their order: their ranks are their places in it."""
    restrictions = [_restrictions(rule) for rule in rules]
    dimensions = tuple(zip(*restrictions, strict=True)) or ((), (), ())
    groups, places, categories = (Codes(chain.from_iterable(named), has_any=not all(named)) for named in dimensions)
    index = Index(groups, places, categories)
    by_group, by_place, by_category = (
        {codes: dimension.named(codes) for codes in set(named)}
        for dimension, named in zip((groups, places, categories), dimensions, strict=True)
    )
    for rank, (who, where, what) in enumerate(restrictions):
        index.add(rank, by_group[who], by_place[where], by_category[what])
    return index


def _restrictions(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Codes per dimension; none where the rule does not restrict it."""
    where, what = rule.where, rule.what
    return (
        groups_of(rule),
        where.merchant_groups if where is not UNSET and where.merchant_groups is not UNSET else (),
        what.categories if what is not UNSET and what.categories is not UNSET else (),
    )
