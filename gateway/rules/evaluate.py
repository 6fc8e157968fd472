"""Files in, evaluation out: for `smartplace rules evaluate` and rule authors' tests. Pure: bytes and values.

The evaluation's JSON is documented in docs/rules.md and stable: fields may be added, none changes its meaning.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TypeVar

import msgspec

from gateway.model.decision import Decision, FiscalForm, Reason
from gateway.model.errors import InputRefused
from gateway.model.money import Cents
from gateway.model.receipt import Receipt, check_receipt
from gateway.rules.document import load
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.wire.contents import RegistryHolder

T = TypeVar("T")


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


class EvaluatedLine(msgspec.Struct, frozen=True):
    """One line: due = list - discount; the rules' cents add up to the discount."""

    line: str
    text: str
    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    rules: tuple[RuleCents, ...]


class Totals(msgspec.Struct, frozen=True):
    """Sums over the lines; rules and payers in alphabetical order."""

    list_cents: Cents
    discount_cents: Cents
    due_cents: Cents
    rules: tuple[RuleCents, ...]
    payers: tuple[PaidBy, ...]


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule's fate. `line` is absent when it concerns the whole receipt, `other` is the rule that it lost to."""

    rule: str
    version: int
    title: str
    reason: Reason
    line: str = ""
    cents: Cents = 0
    other: str = ""


class Message(msgspec.Struct, frozen=True):
    """What to show to the person."""

    rule: str
    text: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer in full. `inputs` tells this question from another (docs/rules.md, Replay)."""

    schema: int = 1
    at: date
    bundle: int
    inputs: str
    lines: tuple[EvaluatedLine, ...]
    totals: Totals
    reasons: tuple[Why, ...]
    messages: tuple[Message, ...]


def evaluate(
    rules: bytes,
    receipt: bytes,
    holder: bytes | None,
    at: date,
    *,
    merchant_groups: tuple[str, ...] = (),
    number: int = 0,
    clock_trusted: bool = True,
    languages: tuple[str, ...] = ("en",),
) -> Evaluation:
    """What the rules document gives on this receipt on the civil day `at`.

    `receipt` is a receipt's JSON; `holder` is a registry holder's (`{"id":…,"entitlements":[…]}`), None for a
    stranger, whose language comes before `languages`; `number` is the bundle's. Raises `InputRefused` that names
    the file's part in `where`.
    """
    rule_set = compile(load(rules), number)
    question, holder_language = read_question(receipt, holder, at, merchant_groups, clock_trusted=clock_trusted)
    return told(rule_set, question, rule_set.decide(question), (*holder_language, *languages))


def read_question(
    receipt: bytes,
    holder: bytes | None,
    at: date,
    merchant_groups: tuple[str, ...] = (),
    *,
    clock_trusted: bool = True,
) -> tuple[Question, tuple[str, ...]]:
    """The question in these files, and the holder's language if there is one. Raises `InputRefused`."""
    asked = _decode(receipt, Receipt, "receipt")
    if fault := check_receipt(asked):
        raise InputRefused(fault, where="receipt")
    person = _decode(holder, RegistryHolder, "holder") if holder is not None else None
    entitlements = person.entitlements if person else ()
    question = Question(asked, entitlements, merchant_groups, at, clock_trusted, identified=person is not None)
    return question, (person.language,) if person and person.language else ()


def told(rule_set: RuleSet, question: Question, decision: Decision, languages: tuple[str, ...]) -> Evaluation:
    """A decision as an evaluation, with the rules' titles and messages in the first of these languages."""
    lines = tuple(
        EvaluatedLine(
            line=decided.line,
            text=asked.text,
            list_cents=decided.list_cents,
            discount_cents=decided.discount_cents,
            due_cents=decided.due_cents,
            rules=_by_rule(Counter({(s.rule, s.party, s.form): s.cents for s in decided.shares})),
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
        at=question.today,
        bundle=decision.bundle,
        inputs=decision.inputs,
        lines=lines,
        totals=Totals(
            decision.list_cents,
            decision.discount_cents,
            decision.due_cents,
            _by_rule(total, alphabetical=True),
            tuple(PaidBy(party, form, payers[party, form]) for party, form in sorted(payers)),
        ),
        reasons=tuple(
            Why(
                fate.rule,
                fate.version,
                rule_set.rule(fate.rule).title.best(languages),
                fate.reason,
                fate.line,
                fate.cents,
                fate.other,
            )
            for fate in decision.trace
        ),
        messages=tuple(Message(rule, rule_set.message(rule, languages)) for rule in decision.messages),
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


def _decode(data: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a {where}: {error}", where=where) from error
