"""The answer that rule authors are given: a decision with titles, payers and sums. Pure.

Its JSON is documented in docs/rules.md and stable: fields may be added, none changes its meaning.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import msgspec

from gateway.model.decision import Balance, Decision, FiscalForm, Limited, LineVat, Reason, Use
from gateway.model.money import Cents
from gateway.rules.engine import RuleSet
from gateway.rules.question import Question


class PaidBy(msgspec.Struct, frozen=True):
    """What one party bears in one form."""

    party: str
    form: FiscalForm
    cents: Cents


class RuleCents(msgspec.Struct, frozen=True):
    """What one rule gave, and who bears it."""

    rule: str
    cents: Cents
    payers: tuple[PaidBy, ...]


class EvaluatedLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: due = list - discount; the rules' cents add up to the discount."""

    line: str
    text: str
    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    rules: tuple[RuleCents, ...]
    vat: LineVat | None = None


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sums over the lines; rules and payers in alphabetical order."""

    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    rules: tuple[RuleCents, ...]
    payers: tuple[PaidBy, ...]
    rounding_cents: Cents = 0
    """Of cash: due = list - discount + this."""


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule's fate. `line` is absent when it concerns the whole receipt, `other` is the rule that it lost to."""

    rule: str
    version: int
    title: str
    reason: Reason
    line: str = ""
    cents: Cents = 0
    other: str = ""
    limited: Limited | None = None


class Message(msgspec.Struct, frozen=True):
    """What to show to the person."""

    rule: str
    text: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer in full. `inputs` tells this question from another (docs/rules.md, Replay)."""

    schema: int = 1
    at: datetime
    bundle: int
    inputs: str
    lines: tuple[EvaluatedLine, ...]
    totals: Totals
    reasons: tuple[Why, ...]
    messages: tuple[Message, ...]
    uses: tuple[Use, ...] = ()
    balances: tuple[Balance, ...] = ()


def told(rule_set: RuleSet | None, question: Question, decision: Decision, languages: tuple[str, ...]) -> Evaluation:
    """A decision as an evaluation, with the rules' titles and messages in the first of these languages. Without the
    rules that it was made by, rules go by their ids."""
    lines = tuple(
        EvaluatedLine(
            line=decided.line,
            text=asked.text,
            list_cents=decided.list_cents,
            discount_cents=decided.discount_cents,
            due_cents=decided.due_cents,
            rules=_by_rule(Counter({(s.rule, s.party, s.form): s.cents for s in decided.shares})),
            vat=decided.vat,
        )
        for asked, decided in zip(question.receipt.lines, decision.lines, strict=True)
    )
    total: Counter[tuple[str, str, FiscalForm]] = Counter()
    for decided in decision.lines:
        for share in decided.shares:
            total[share.rule, share.party, share.form] += share.cents
    payers: Counter[tuple[str, FiscalForm]] = Counter()
    for (_, party, form), cents in total.items():
        payers[party, form] += cents
    return Evaluation(
        at=question.at,
        bundle=decision.bundle,
        inputs=decision.inputs,
        lines=lines,
        totals=Totals(
            decision.list_cents,
            decision.discount_cents,
            decision.due_cents,
            _by_rule(total, alphabetical=True),
            tuple(PaidBy(party, form, payers[party, form]) for party, form in sorted(payers)),
            decision.rounding_cents,
        ),
        reasons=tuple(
            Why(
                fate.rule,
                fate.version,
                rule_set.rule(fate.rule).title.best(languages) if rule_set is not None else fate.rule,
                fate.reason,
                fate.line,
                fate.cents,
                fate.other,
                fate.limited,
            )
            for fate in decision.trace
        ),
        messages=tuple(
            Message(rule, rule_set.message(rule, languages) if rule_set is not None else "")
            for rule in decision.messages
        ),
        uses=decision.uses,
        balances=decision.balances,
    )


def _by_rule(cents: Counter[tuple[str, str, FiscalForm]], *, alphabetical: bool = False) -> tuple[RuleCents, ...]:
    keys = sorted(cents) if alphabetical else list(cents)
    rules = dict.fromkeys(rule for rule, _, _ in keys)
    return tuple(
        RuleCents(
            rule,
            sum(cents[key] for key in keys if key[0] == rule),
            tuple(PaidBy(key[1], key[2], cents[key]) for key in keys if key[0] == rule),
        )
        for rule in rules
    )
