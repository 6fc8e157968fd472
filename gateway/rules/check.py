"""What the types of a rule document cannot say: whether it makes sense. All faults at once, each with its path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, product

from msgspec import UNSET

from gateway.rules.check_rule import payer_faults, rule_faults
from gateway.rules.check_tables import Fault as Found
from gateway.rules.check_tables import table_faults
from gateway.rules.document import Payer, Quota, Rule, RulesContent
from gateway.rules.forms import Forms
from gateway.rules.named import groups_of
from gateway.rules.refusal import SHOWN, DocumentRefused, Fault

MAX_KEYS = 250_000
"""Combinations of entitlement, merchant group and category over all rules: bounds the index's memory."""
MAX_PER_KEY = 300
"""Rules under one of them: bounds what a decision takes."""
Named = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Codes in each dimension of the index."""


def check(content: RulesContent) -> None:
    """Returns when the document makes sense. Raises `DocumentRefused`: `where` is the path of the first fault, the
    text lists the first ten."""
    if found := list(islice(faults(content), SHOWN + 1)):
        raise DocumentRefused([Fault(path, what) for path, what in found], senseless=True)


def faults(content: RulesContent) -> Iterator[Found]:
    """What makes no sense, each with its path."""
    yield from table_faults(content)
    seen: set[str] = set()
    forms = Forms()
    groups: dict[str, Rule] = {}
    units: dict[str, Quota] = {}
    paid: dict[tuple[Payer, ...], list[Found]] = {}
    named: list[Named] = []
    keys = 0
    for index, rule in enumerate(content.rules):
        if rule.id in seen:
            yield f"$.rules[{index}].id", f"rule {rule.id!r} is there twice"
        seen.add(rule.id)
        # Many rules have the same payers.
        if (of_payers := paid.get(rule.payers)) is None:
            of_payers = paid[rule.payers] = list(payer_faults(rule.payers, forms))
        shared = _shared_faults(rule, groups, units, forms)
        for faults in (rule_faults(rule, content.calendars, forms), shared, of_payers):
            for at, what in faults:
                yield f"$.rules[{index}].{at}", f"rule {rule.id!r}: {what}"
        of_groups, of_places, of_categories = of_rule = _named(rule)
        named.append(of_rule)
        keys += len(of_groups) * len(of_places) * len(of_categories)
    # A rule may stand under a quarter of a million of them alone: none is made before they are counted.
    if keys > MAX_KEYS:
        yield "$.rules", f"more than {MAX_KEYS} combinations of group, merchant group and category"
        return
    fullest = Counter(chain.from_iterable(product(*codes) for codes in named)).most_common(1)
    if fullest and (most := fullest[0][1]) > MAX_PER_KEY:
        key = " × ".join(code or "any" for code in fullest[0][0])
        yield "$.rules", f"{most} rules for {key}; {MAX_PER_KEY} are the most"


def _shared_faults(rule: Rule, groups: dict[str, Rule], units: dict[str, Quota], forms: Forms) -> Iterator[Found]:
    """What has to be the same in all rules that share a name."""
    if rule.exclusive_group is not UNSET:
        name = rule.exclusive_group
        if name not in forms.codes:
            yield from forms.of_code(name, "exclusive_group")
        first = groups.setdefault(name, rule)
        if first.stage != rule.stage:
            yield "stage", f"its exclusive group {name!r} stands in stage {first.stage} already"
        if first.choose != rule.choose:
            yield "choose", f"its exclusive group {name!r} chooses by {first.choose!r} in rule {first.id!r}"
    for index, quota in enumerate(rule.quota if rule.quota is not UNSET else ()):
        before = units.setdefault(quota.key, quota)
        for name in ("unit", "source", "limit", "period", "per", "carry", "grace_units"):
            if getattr(before, name) != getattr(quota, name):
                yield f"quota[{index}].{name}", f"another rule's quota {quota.key!r} has another `{name}`"


def _named(rule: Rule) -> Named:
    """What the rule names in each dimension of the index, the empty code for any."""
    where, what = rule.where, rule.what
    places = where.merchant_groups if where is not UNSET and where.merchant_groups is not UNSET else ("",)
    categories = what.categories if what is not UNSET and what.categories is not UNSET else ("",)
    return groups_of(rule) or ("",), places, categories
