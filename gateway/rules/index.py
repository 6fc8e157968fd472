"""Rule documents → a rule set: flat rules in their order, and the inverted index over them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from gateway.model.decision import FiscalForm
from gateway.rules.compiled import ANY, FOR_EVER, NEVER, Codes, Compiled, Index, Kind
from gateway.rules.document import Fixed, FixedPrice, Payer, Percent, Rule, RulesContent
from gateway.rules.engine import RuleSet

Payers = tuple[tuple[tuple[str, FiscalForm], ...], tuple[int, ...]]


def compile(content: RulesContent, number: int) -> RuleSet:
    """The rule set of a checked document (`load` or `check`); `number` is its bundle's. Cannot fail.

    The order of the rules in the document does not matter.
    """
    rules = sorted(content.rules, key=lambda rule: (rule.stage, -rule.priority, rule.id))
    return RuleSet(number, tuple(rules), tuple(_flat(rules)), _index(rules))


def no_rules() -> RuleSet:
    """The rule set in force while there is no bundle: everything at list price."""
    return compile(RulesContent(1, ()), 0)


def _flat(rules: Iterable[Rule]) -> Iterable[Compiled]:
    # Many rules share their payers: one copy of each combination.
    shared: dict[tuple[Payer, ...], Payers] = {}
    for rule in rules:
        kind, value = _amount(rule)
        if rule.payers not in shared:
            shared[rule.payers] = _payers(rule.payers)
        payers, weights = shared[rule.payers]
        when = rule.when
        first = when.dates.first if when is not UNSET else UNSET
        until = when.dates.until if when is not UNSET else UNSET
        yield Compiled(
            id=rule.id,
            version=rule.version,
            kind=kind,
            value=value,
            exclusive=rule.exclusive_group if rule.exclusive_group is not UNSET else "",
            payers=payers,
            weights=weights,
            first=first.toordinal() if first is not UNSET else NEVER,
            last=until.toordinal() if until is not UNSET else FOR_EVER,
            holds_without_clock=when is UNSET or when.clock_not_trusted == "grant",
            has_message=rule.message is not UNSET,
        )


def _amount(rule: Rule) -> tuple[Kind, int]:
    match rule.give:
        case Percent(basis_points=points):
            return Kind.PERCENT, points
        case Fixed(cents=cents, per="unit"):
            return Kind.OFF_UNIT, cents
        case Fixed(cents=cents):
            return Kind.OFF_LINE, cents
        case FixedPrice(cents=cents):
            return Kind.UNIT_PRICE, cents


def _payers(payers: tuple[Payer, ...]) -> Payers:
    given = sum(payer.share_basis_points for payer in payers if payer.share_basis_points is not UNSET)
    weights = tuple(
        payer.share_basis_points if payer.share_basis_points is not UNSET else 10_000 - given for payer in payers
    )
    return tuple((payer.party, payer.form) for payer in payers), weights


def _index(rules: list[Rule]) -> Index:
    restrictions = [_restrictions(rule) for rule in rules]
    groups, places, categories = (
        Codes((code for codes in dimension for code in codes), has_any=not all(dimension))
        for dimension in (zip(*restrictions, strict=True) if restrictions else ((), (), ()))
    )
    index = Index(groups, places, categories)
    for rank, (who, where, what) in enumerate(restrictions):
        index.add(rank, _numbers(groups, who), _numbers(places, where), _numbers(categories, what))
    return index


def _restrictions(rule: Rule) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Codes per dimension; none where the rule does not restrict it."""
    return (
        rule.who.any_of_groups if rule.who is not UNSET else (),
        rule.where.merchant_groups if rule.where is not UNSET else (),
        rule.what.categories if rule.what is not UNSET else (),
    )


def _numbers(codes: Codes, named: tuple[str, ...]) -> set[int]:
    return {codes.number(code) for code in named} or {ANY}
