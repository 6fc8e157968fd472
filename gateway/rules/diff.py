"""Two versions of rules asked the same questions: which decisions change, why, and what that costs whom. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from gateway.model.decision import FiscalForm, Reason
from gateway.model.errors import InputRefused
from gateway.model.money import Cents
from gateway.rules.diff_fields import ChangedField, changed_fields
from gateway.rules.document import RulesContent
from gateway.rules.evaluate import answer
from gateway.rules.evaluation import EvaluatedLine, Evaluation, RuleCents, Why
from gateway.rules.examples import Example
from gateway.rules.index import compile
from gateway.rules.json_fault import BOM, json_fault
from gateway.rules.refusal import Fault
from gateway.rules.setting import Setting, setting_of
from gateway.rules.unreadable import type_fault

NEAR = frozenset((Reason.OTHER_CATEGORY, Reason.OTHER_PLACE, Reason.NOT_IDENTIFIED, Reason.NOT_ENTITLED))
"""Of a near miss: the rule was not met (docs/rules.md, Why, and why not)."""
MAX_CHANGES = 1000
"""Changes told one by one; counts and costs are of all."""


class RuleChange(StrEnum):
    """What became of a rule."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    RENUMBERED = "renumbered"
    """Another version, and nothing else."""
    SAME_VERSION = "same_version"
    """It says something else under the same version: a trace would not tell one from the other."""
    OLDER = "older"
    """Its version went down."""


class ChangedRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that is not the same in both; a version is 0 where there is none. `fields` are what is otherwise in it,
    `more_fields` how many more there are, `met` how many questions it met in either version, given or not: where that
    is none, no decision that stays the same says anything of it."""

    rule: str
    change: RuleChange
    before: int = 0
    after: int = 0
    fields: tuple[ChangedField, ...] = ()
    more_fields: int = 0
    met: int = 0


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question for both. `setting` as in an example; `at` goes before its time. Without a `holder`, or for null, a
    stranger."""

    receipt: msgspec.Raw
    holder: msgspec.Raw | UnsetType = UNSET
    setting: dict[str, Any] = {}
    at: str | UnsetType = UNSET
    what: str = ""


class ChangedLine(msgspec.Struct, frozen=True):
    """A line whose money changes: what is due of it, and what each rule gives."""

    line: str
    text: str
    list_cents: Cents
    before_cents: Cents
    after_cents: Cents
    before: tuple[RuleCents, ...]
    after: tuple[RuleCents, ...]


class ChangedFate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule that fares otherwise, on a line or (when that is empty) on the receipt. A reason is absent where the rule
    was not told of; `cents` are what it gave or would have given."""

    rule: str
    line: str = ""
    before: Reason | None = None
    after: Reason | None = None
    before_cents: Cents = 0
    after_cents: Cents = 0


class Change(msgspec.Struct, frozen=True):
    """A question that is answered otherwise. `told`: messages, balances or uses of quotas differ."""

    where: str
    what: str
    before_cents: Cents
    after_cents: Cents
    lines: tuple[ChangedLine, ...]
    why: tuple[ChangedFate, ...]
    told: bool


class Cost(msgspec.Struct, frozen=True):
    """What a party bears in one form over all questions."""

    party: str
    form: FiscalForm
    before_cents: Cents
    after_cents: Cents


class Comparison(msgspec.Struct, frozen=True):
    """All of it. `changes` are the first `MAX_CHANGES` of `changed`."""

    asked: int
    changed: int
    rules: tuple[ChangedRule, ...]
    changes: tuple[Change, ...]
    costs: tuple[Cost, ...]
    due_before_cents: Cents
    due_after_cents: Cents


class Comparer:
    """Asks both, question by question."""

    def __init__(self, old: RulesContent, new: RulesContent) -> None:
        self._sets = compile(old, 0), compile(new, 0)
        self._rules = tuple(changed_rules(old, new))
        self._met: Counter[str] = Counter()
        self._changes: list[Change] = []
        self._costs: tuple[Counter[tuple[str, FiscalForm]], ...] = (Counter(), Counter())
        self._due = [0, 0]
        self.asked = self.changed = 0

    def ask(self, where: str, case: Case) -> None:
        """One more question. What is not said of quotas is as full as each version's own limits. Raises
        `InputRefused` that names `where`."""
        setting = self._setting(where, case)
        before, after = (self._answer(number, where, case, setting) for number in (0, 1))
        self.asked += 1
        self._met.update(_met(before) | _met(after))
        if (change := _change(where, case.what, before, after)) is not None:
            self.changed += 1
            if len(self._changes) < MAX_CHANGES:
                self._changes.append(change)

    def result(self) -> Comparison:
        old, new = self._costs
        costs = tuple(Cost(party, form, old[party, form], new[party, form]) for party, form in sorted({*old, *new}))
        rules = tuple(msgspec.structs.replace(one, met=self._met[one.rule]) for one in self._rules)
        return Comparison(self.asked, self.changed, rules, tuple(self._changes), costs, *self._due)

    def _setting(self, where: str, case: Case) -> Setting:
        """Where it is asked. A quota has to be one of either version."""
        try:
            setting = setting_of(case.setting, case.at if case.at is not UNSET else None)
        except InputRefused as refused:
            raise InputRefused(refused.what, refused.advice, where=f"{where}, {refused.where}") from refused
        for index, one in enumerate(setting.quotas):
            if not any(one.key in rules.counted() for rules in self._sets):
                what = f"neither version has a quota {one.key[:64]!r}"
                raise InputRefused(what, "Correct it, or take it out", where=f"{where}, setting: $.quotas[{index}].key")
        return setting

    def _answer(self, number: int, where: str, case: Case, setting: Setting) -> Evaluation:
        holder = bytes(case.holder) if case.holder not in (UNSET, msgspec.Raw(b"null")) else None
        try:
            found = answer(self._sets[number], bytes(case.receipt), holder, setting, ("en",), foreign=True)
        except InputRefused as refused:
            raise InputRefused(refused.what, refused.advice, where=f"{where}, {refused.where}") from refused
        for paid in found.totals.payers:
            self._costs[number][paid.party, paid.form] += paid.cents
        self._due[number] += found.totals.due_cents
        return found


def changed_rules(old: RulesContent, new: RulesContent) -> Iterator[ChangedRule]:
    """Rules that are new, gone or changed, in the order of their ids."""
    before, after = ({rule.id: rule for rule in content.rules} for content in (old, new))
    for rule_id in sorted({*before, *after}):
        one, other = before.get(rule_id), after.get(rule_id)
        if one is None or other is None:
            change = RuleChange.NEW if one is None else RuleChange.GONE
            yield ChangedRule(rule_id, change, one.version if one else 0, other.version if other else 0)
        elif one != other:
            same = one == msgspec.structs.replace(other, version=one.version)
            what = _what(one.version, other.version, same=same)
            yield ChangedRule(rule_id, what, one.version, other.version, *changed_fields(one, other))


def _what(before: int, after: int, *, same: bool) -> RuleChange:
    if after < before:
        return RuleChange.OLDER
    if after == before:
        return RuleChange.SAME_VERSION
    return RuleChange.RENUMBERED if same else RuleChange.CHANGED


def examples_of(old: RulesContent, new: RulesContent) -> Iterator[tuple[str, str, Case]]:
    """The questions of the examples in both, each once: `old` or `new`, its path there, and the question. Raises
    `InputRefused` for one that is no example."""
    seen: set[bytes] = set()
    for name, content in (("new", new), ("old", old)):
        for number, raw in enumerate(content.examples):
            path = f"$.examples[{number}]"
            try:
                one = msgspec.json.decode(raw, type=Example)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                fault = type_fault(bytes(raw), Example) or Fault("$", f"not an example: {error}")
                raise InputRefused(
                    fault.what, "See: smartplace rules check", where=f"{name} rules, {path}{fault.path[1:]}"
                ) from error
            case = Case(receipt=one.receipt, holder=one.holder, setting=one.setting, at=one.at, what=one.what)
            asked = msgspec.json.encode(msgspec.structs.replace(case, what=""))
            question = msgspec.json.encode(msgspec.json.decode(asked), order="sorted")
            if question not in seen:
                seen.add(question)
                yield name, path, case


def read_case(line: bytes, at: str | None) -> Case:
    """A question of a file of receipts. `at` is its time when it says none. Raises `InputRefused`."""
    line = line.removeprefix(BOM)
    try:
        case = msgspec.json.decode(line, type=Case)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what, advice = json_fault(line) or ("", "")
        if not what:
            fault = type_fault(line, Case) or Fault("$", str(error))
            what, advice = f"{fault.path}: {fault.what}", "A line is {receipt, holder, setting}"
        raise InputRefused(f"not a question: {what}", advice) from error
    if at is not None and case.at is UNSET and "at" not in case.setting:
        return msgspec.structs.replace(case, at=at)
    return case


def _met(evaluation: Evaluation) -> set[str]:
    """The rules that met this question, whatever came of it: not those that something of it kept away."""
    return {why.rule for why in evaluation.reasons if why.reason not in NEAR}


def _change(where: str, what: str, before: Evaluation, after: Evaluation) -> Change | None:
    lines = tuple(_lines(before, after))
    a, b = before.totals, after.totals
    told = (before.messages, before.uses, before.balances) != (after.messages, after.uses, after.balances)
    if not lines and not told and a.rounding_cents == b.rounding_cents:
        return None
    return Change(where, what, a.due_cents, b.due_cents, lines, tuple(_fates(before, after)), told)


def _lines(before: Evaluation, after: Evaluation) -> Iterator[ChangedLine]:
    for one, other in zip(before.lines, after.lines, strict=True):
        if (one.rules, one.vat) != (other.rules, other.vat):
            yield _line(one, other)


def _line(one: EvaluatedLine, other: EvaluatedLine) -> ChangedLine:
    return ChangedLine(one.line, one.text, one.list_cents, one.due_cents, other.due_cents, one.rules, other.rules)


def _fates(before: Evaluation, after: Evaluation) -> Iterator[ChangedFate]:
    old, new = _by_rule(before), _by_rule(after)
    for rule, line in sorted({*old, *new}):
        one, other = old.get((rule, line)), new.get((rule, line))
        a, b = (why and (why.reason, why.cents, why.other, why.limited) for why in (one, other))
        if a != b:
            yield ChangedFate(
                rule,
                line,
                one.reason if one else None,
                other.reason if other else None,
                one.cents if one else 0,
                other.cents if other else 0,
            )


def _by_rule(evaluation: Evaluation) -> Mapping[tuple[str, str], Why]:
    return {(why.rule, why.line): why for why in evaluation.reasons}
