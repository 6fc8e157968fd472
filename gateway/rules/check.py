"""What the types of a rule document cannot say: whether it makes sense. All faults at once, each with its path."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from gateway.model.errors import InputRefused
from gateway.rules.document import Payer, Rule, RulesContent

MAX_KEYS = 250_000
"""Combinations of entitlement, merchant group and category over all rules: bounds the index's memory."""
SHOWN = 10
"""Faults named in one refusal."""

Fault = tuple[str, str]


def check(content: RulesContent) -> None:
    """Returns when the document makes sense. Raises `InputRefused`: `where` is the path of the first fault, the
    text lists the first ten."""
    faults = []
    for fault in _faults(content):
        faults.append(fault)
        if len(faults) > SHOWN:
            break
    if not faults:
        return
    text = faults[0][1]
    if len(faults) > 1:
        text = "; ".join(f"{what} - at `{path}`" for path, what in faults[:SHOWN])
    more = " and more" if len(faults) > SHOWN else ""
    raise InputRefused(
        text + more, "docs/rules.md says what each field means", where=faults[0][0], code="rules_document"
    )


def _faults(content: RulesContent) -> Iterator[Fault]:
    seen: set[str] = set()
    stages: dict[str, int] = {}
    keys = 0
    for index, rule in enumerate(content.rules):
        path = f"$.rules[{index}]"
        if rule.id in seen:
            yield f"{path}.id", f"rule {rule.id!r} is there twice"
        seen.add(rule.id)
        for at, what in _rule_faults(rule):
            yield f"{path}.{at}", f"rule {rule.id!r}: {what}"
        group = rule.exclusive_group
        if group is not UNSET and (stage := stages.setdefault(group, rule.stage)) != rule.stage:
            yield (
                f"{path}.stage",
                f"rule {rule.id!r}: its exclusive group {group!r} stands in stage {stage} already",
            )
        keys += _keys(rule)
    if keys > MAX_KEYS:
        yield "$.rules", f"{keys} combinations of group, merchant group and category; {MAX_KEYS} are the most"


def _rule_faults(rule: Rule) -> Iterator[Fault]:
    if not rule.title.best():
        yield "title", "no title in any language"
    if rule.message is not UNSET and not rule.message.best():
        yield "message", "no message in any language"
    if rule.when is not UNSET:
        first, until = rule.when.dates.first, rule.when.dates.until
        if first is UNSET and until is UNSET:
            yield "when.dates", "neither `from` nor `until`"
        if first is not UNSET and until is not UNSET and first > until:
            yield "when.dates", f"reversed: from {first} until {until}"
    yield from _payer_faults(rule.payers)


def _payer_faults(payers: tuple[Payer, ...]) -> Iterator[Fault]:
    total = rests = 0
    seen: set[tuple[str, str]] = set()
    for index, payer in enumerate(payers):
        path = f"payers[{index}]"
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


def _keys(rule: Rule) -> int:
    groups = len(rule.who.any_of_groups) if rule.who is not UNSET else 1
    places = len(rule.where.merchant_groups) if rule.where is not UNSET else 1
    categories = len(rule.what.categories) if rule.what is not UNSET else 1
    return groups * places * categories
