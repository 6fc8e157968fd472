"""Files in, evaluation out: for `smartplace rules evaluate` and rule authors' tests. Pure: bytes and values.

The evaluation's JSON is documented in docs/rules.md and stable: fields may be added, none changes its meaning.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from gateway.model.circumstances import Happened, Left
from gateway.model.decision import Balance, Decision, FiscalForm, Limited, LineVat, Reason, Use
from gateway.model.errors import InputRefused
from gateway.model.money import Cents
from gateway.model.receipt import Receipt, check_receipt
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.rules.read import load

T = TypeVar("T")

AT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?$(?!\n)"
_civil = re.compile(AT)


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


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is identified, as a file for trying rules tells it. `city`: a partner's, whose codes the entitlements are."""

    id: str
    entitlements: tuple[str, ...] = ()
    language: str | None = None
    city: str = ""
    residence: str = ""
    age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is left of a quota, for trying rules: of the period that the time falls into."""

    key: str
    left: Annotated[int, msgspec.Meta(ge=0)] = 0
    used: Annotated[int, msgspec.Meta(ge=0)] = 0
    known: bool = True
    grace: Annotated[int, msgspec.Meta(ge=0)] = 0


class Earlier(Happened, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that happened before, for trying rules: `ago_s` seconds before the time."""


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Where and when rules are tried. `quotas`: what is not named is as full as its rule's limit."""

    at: datetime
    merchant_groups: tuple[str, ...] = ()
    clock_trusted: bool = True
    place: str = ""
    gateway: str = ""
    station: str = ""
    events: tuple[Earlier, ...] = ()
    quotas: tuple[Known, ...] = ()
    cash_rounding_cents: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    vat_registered: bool = True


def setting_of(given: object, at: datetime | str | None = None) -> Setting:
    """A setting as a file or an example tells it (`Setting` without the need of an `at`). `at` is civil time at the
    place, a day alone its noon; it goes before that of the setting. Raises `InputRefused`."""
    if not isinstance(given, dict):
        raise InputRefused("not a setting: not an object", where="setting")
    time = at if at is not None else given.get("at")
    if time is None:
        raise InputRefused("says no time", "Give `at`, such as 2026-05-30T14:00", where="setting")
    try:
        return msgspec.convert({**given, "at": time if isinstance(time, datetime) else civil_time(time)}, Setting)
    except (msgspec.ValidationError, ValueError) as error:
        raise InputRefused(f"not a setting: {error}", where="setting") from error


def civil_time(text: object) -> datetime:
    """`2026-05-30T14:00` as it is, without seconds or with; `2026-05-30` is its noon. Raises `ValueError`."""
    if not isinstance(text, str) or not _civil.match(text):
        raise ValueError(f"{str(text)[:40]!r} is no time such as 2026-05-30T14:00")
    return datetime.fromisoformat(text if "T" in text else f"{text}T12:00")


def evaluate(
    rules: bytes,
    receipt: bytes,
    holder: bytes | None,
    setting: Setting,
    *,
    number: int = 0,
    languages: tuple[str, ...] = ("en",),
) -> Evaluation:
    """What the rules document gives on this receipt in this setting.

    `receipt` is a receipt's JSON; `holder` is a `Person`'s, None for a stranger, whose language comes before
    `languages`; `number` is the bundle's. Raises `InputRefused` that names the file's part in `where`.
    """
    return answer(compile(load(rules), number), receipt, holder, setting, languages)


def answer(
    rule_set: RuleSet, receipt: bytes, holder: bytes | None, setting: Setting, languages: tuple[str, ...]
) -> Evaluation:
    """`evaluate` with rules that are read already."""
    asked = _decode(receipt, Receipt, "receipt")
    if fault := check_receipt(asked):
        raise InputRefused(fault, where="receipt")
    person = _decode(holder, Person, "holder") if holder is not None else None
    question = filled(rule_set, question_of(asked, person, setting), setting.quotas)
    first = (person.language,) if person and person.language else ()
    return told(rule_set, question, rule_set.decide(question, in_full=True), (*first, *languages))


def question_of(receipt: Receipt, person: Person | None, setting: Setting) -> Question:
    """The question without what is left of quotas."""
    return Question(
        receipt=receipt,
        at=setting.at,
        entitlements=person.entitlements if person else (),
        merchant_groups=setting.merchant_groups,
        clock_trusted=setting.clock_trusted,
        identified=person is not None,
        city=person.city if person else "",
        residence=person.residence if person else "",
        age=person.age if person else None,
        place=setting.place,
        gateway=setting.gateway,
        station=setting.station,
        events=setting.events,
        cash_rounding_cents=setting.cash_rounding_cents,
        vat_registered=setting.vat_registered,
    )


def filled(rule_set: RuleSet, question: Question, known: tuple[Known, ...]) -> Question:
    """The question with what is left: as told, else as much as the rules' limits let."""
    told_of = {one.key: one for one in known}
    quotas = []
    for asked in rule_set.asks(question):
        one = told_of.get(asked.key)
        if one is None:
            one = Known(asked.key, left=asked.period.limit)
        quotas.append(Left(asked.key, asked.period.name, one.left, one.used, asked.holder, one.known, one.grace))
    return msgspec.structs.replace(question, quotas=tuple(quotas))


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


def _decode(data: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(f"not a {where}: {error}", where=where) from error
