"""What another version of rules changes: decisions, reasons, who bears it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from gateway.model.decision import FiscalForm, Reason
from gateway.model.errors import InputRefused
from gateway.rules.diff import (
    MAX_CHANGES,
    Case,
    ChangedFate,
    ChangedRule,
    Comparer,
    Comparison,
    Cost,
    RuleChange,
    changed_rules,
    examples_of,
    read_case,
)
from gateway.rules.diff_fields import LONGEST, MAX_FIELDS
from gateway.rules.document import RulesContent
from gateway.rules.read import load
from tests.rules.builders import MERCHANT, Json, percent, rule, rule_lists

CITY = {"party": "jelgava", "form": "tender", "rest": True}
RECEIPT = {"lines": [{"id": "1", "text": "Book", "category": "books", "unit_cents": 1000}]}
EXAMPLE = {"what": "a book", "at": "2026-05-10", "receipt": RECEIPT, "expect": {"totals": {"due_cents": 900}}}


def content(*rules: Json, **tables: Any) -> RulesContent:
    return load(json.dumps({"schema": 1, "rules": rules, **tables}).encode())


def case(at: str = "2026-05-10", **fields: Any) -> Case:
    return read_case(json.dumps({"receipt": RECEIPT, "at": at, **fields}).encode(), None)


def compared(old: RulesContent, new: RulesContent, *cases: Case) -> Comparison:
    comparer = Comparer(old, new)
    for number, one in enumerate(cases, start=1):
        comparer.ask(f"line {number}", one)
    return comparer.result()


def test_the_same_rules_change_nothing() -> None:
    one = content(rule("a"), rule("b", stage=2))
    told = compared(one, one, case(), case("2027-01-01"))
    assert (told.asked, told.changed, told.rules, told.changes) == (2, 0, (), ())
    assert told.due_before_cents == told.due_after_cents == 2 * 810


def test_a_decision_that_changes_is_told_by_line_and_rule_with_what_it_costs() -> None:
    old = content(rule("a"), rule("gone", who={}))
    new = content(rule("a", version=2, give=percent(2000), payers=[CITY]), rule("new", stage=2))
    told = compared(old, new, case(what="a book"))
    (change,) = told.changes
    assert (change.where, change.what, change.before_cents, change.after_cents) == ("line 1", "a book", 900, 720)
    (line,) = change.lines
    assert (line.text, line.list_cents, line.before_cents, line.after_cents) == ("Book", 1000, 900, 720)
    assert [(given.rule, given.cents) for given in line.before] == [("a", 100)]
    assert [(given.rule, given.cents) for given in line.after] == [("a", 200), ("new", 80)]
    assert change.why == (
        ChangedFate("a", "1", Reason.APPLIED, Reason.APPLIED, 100, 200),
        ChangedFate("gone", "", Reason.NOT_IDENTIFIED),
        ChangedFate("new", "1", None, Reason.APPLIED, 0, 80),
    )
    assert told.costs == (
        Cost("jelgava", FiscalForm.TENDER, 0, 200),
        Cost("merchant", FiscalForm.DISCOUNT, 100, 80),
    )
    assert (told.due_before_cents, told.due_after_cents) == (900, 720)


def test_only_another_payer_is_a_change_too() -> None:
    told = compared(content(rule("a")), content(rule("a", version=2, payers=[CITY])), case(), case())
    assert (told.changed, told.changes[0].before_cents, told.changes[0].after_cents) == (2, 900, 900)
    assert told.costs == (
        Cost("jelgava", FiscalForm.TENDER, 0, 200),
        Cost("merchant", FiscalForm.DISCOUNT, 200, 0),
    )


def test_only_another_message_is_told() -> None:
    told = compared(content(rule("a")), content(rule("a", version=2, message={"en": "Enjoy"})), case())
    assert [(change.told, change.lines) for change in told.changes] == [(True, ())]


def test_another_reason_alone_is_no_change() -> None:
    old = content(rule("a", what={"categories": ["toys"]}))
    new = content(rule("a", version=2, what={"categories": ["toys"]}, who={"any_of_groups": ["p1"]}))
    assert compared(old, new, case()).changed == 0


def test_a_quota_that_nobody_speaks_of_is_as_full_as_each_version_says() -> None:
    def of(limit: int) -> RulesContent:
        quota = {"key": "k", "unit": "units", "limit": limit, "period": "day", "per": "all", "on_exceed": "cut"}
        return content(rule("a", version=limit, give=percent(10_000), quota=[quota]))

    receipt = {"lines": [{**RECEIPT["lines"][0], "quantity": 3000}]}
    told = compared(of(1), of(2), case(receipt=receipt))
    assert (told.due_before_cents, told.due_after_cents) == (2000, 1000)
    spoken_of = case(receipt=receipt, setting={"quotas": [{"key": "k", "left": 0}]})
    assert compared(of(1), of(2), spoken_of).due_after_cents == 3000


def test_what_is_said_of_a_quota_counts_in_a_version_that_has_it_as_far_as_its_limit() -> None:
    def of(limit: int) -> RulesContent:
        quota = {"key": "k", "unit": "units", "limit": limit, "period": "day", "per": "all"}
        return content(rule("a", version=limit, give=percent(10_000), quota=[quota]))

    asked = case(setting={"quotas": [{"key": "k", "left": 2}]})
    assert compared(of(1), of(2), asked).due_before_cents == 0
    assert compared(content(), of(2), asked).due_after_cents == 0
    with pytest.raises(InputRefused, match="neither version has a quota 'k'"):
        compared(content(), content(), asked)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, rule("a", version=3), ChangedRule("a", RuleChange.NEW, 0, 3)),
        (rule("a", version=3), None, ChangedRule("a", RuleChange.GONE, 3, 0)),
        (rule("a"), rule("a", version=2, stage=2), ChangedRule("a", RuleChange.CHANGED, 1, 2)),
        (rule("a"), rule("a", version=2), ChangedRule("a", RuleChange.RENUMBERED, 1, 2)),
        (rule("a"), rule("a", stage=2), ChangedRule("a", RuleChange.SAME_VERSION, 1, 1)),
        (rule("a", version=2), rule("a", stage=2), ChangedRule("a", RuleChange.OLDER, 2, 1)),
        (rule("a"), rule("a"), None),
    ],
)
def test_what_became_of_a_rule(before: Json | None, after: Json | None, change: ChangedRule | None) -> None:
    old, new = (content(*([one] if one else [])) for one in (before, after))
    found = [msgspec.structs.replace(one, fields=()) for one in changed_rules(old, new)]
    assert found == ([change] if change else [])


def test_what_changed_in_a_rule_is_told_by_field() -> None:
    payers = [{"party": "jelgava", "form": "tender", "share_basis_points": 5000}, MERCHANT]
    old = content(rule("a", who={"any_of_groups": ["s2"]}, payers=payers, title={"en": "A"}))
    other = [{**payers[0], "party": "city"}, MERCHANT]
    new = content(rule("a", version=2, who={}, payers=other, stage=3, title={"en": "A" * 200}))
    ((one),) = changed_rules(old, new)
    assert {field.path: (field.before, field.after) for field in one.fields} == {
        "who.any_of_groups": ('["s2"]', None),
        "payers[0].party": ('"jelgava"', '"city"'),
        "stage": (None, "3"),
        "title.en": ('"A"', f'"{"A" * (LONGEST - 1)}…'),
    }


def test_fields_are_told_up_to_a_bound_and_counted_beyond_it() -> None:
    dates = [{"groups": ["a"], "dates": {"from": f"2026-01-{day:02}"}} for day in range(1, 17)]
    wider = [{"groups": ["b"], "dates": {"from": f"2027-01-{day:02}"}} for day in range(1, 17)]
    old, new = (content(rule("a", who={"any_of_lists": lists})) for lists in (dates, wider))
    ((one),) = changed_rules(old, new)
    assert (len(one.fields), one.more_fields) == (MAX_FIELDS, 32 - MAX_FIELDS)


def test_a_rule_that_no_question_meets_is_told_from_one_that_stays_the_same() -> None:
    toys, books = ({"categories": [name]} for name in ("toys", "books"))
    old = content(rule("a", what=toys), rule("b", what=books, who={"any_of_groups": ["s2"]}), rule("c", what=books))
    new = content(rule("a", what=toys, stage=2), rule("b", what=books), rule("c", what=books, priority=1))
    told = compared(old, new, case())
    assert {one.rule: one.met for one in told.rules} == {"a": 0, "b": 1, "c": 1}


def test_an_example_that_both_have_is_asked_once_whatever_is_expected() -> None:
    older = {**EXAMPLE, "what": "as it was", "expect": {"totals": {"due_cents": 1000}}}
    older["receipt"] = {"lines": [dict(reversed(RECEIPT["lines"][0].items()))]}
    other = {**EXAMPLE, "at": "2026-06-01"}
    found = list(examples_of(content(examples=[older, other]), content(examples=[EXAMPLE])))
    assert [(name, path, one.what) for name, path, one in found] == [
        ("new", "$.examples[0]", "a book"),
        ("old", "$.examples[1]", "a book"),
    ]


def test_what_is_no_example_is_refused_with_its_place() -> None:
    with pytest.raises(InputRefused) as caught:
        list(examples_of(content(examples=[1]), content(examples=[EXAMPLE])))
    assert caught.value.where == "old rules, $.examples[0]"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"receipt": {"lines": []}}, "line 1, receipt: $.lines"),
        ({"holder": {"name": "Anna"}}, "line 1, holder: $"),
        ({"setting": {"colour": "red"}}, "line 1, setting: $"),
        ({"at": "tomorrow"}, "line 1, at"),
    ],
)
def test_a_question_that_is_none_is_refused_with_its_place(fields: Json, where: str) -> None:
    with pytest.raises(InputRefused) as caught:
        compared(content(), content(), case(**fields))
    assert caught.value.where == where


def test_the_time_of_a_question_is_its_own_then_the_settings_then_the_given_one() -> None:
    def due(*, at: str | None = None, **fields: Any) -> int:
        asked = read_case(json.dumps({"receipt": RECEIPT, **fields}).encode(), at)
        dated = rule("a", when={"dates": {"from": "2026-05-10", "until": "2026-05-10"}})
        return compared(content(dated), content(), asked).due_before_cents

    assert due(at="2026-05-10T09:00:00") == due(setting={"at": "2026-05-10"}, at="2027-01-01") == 900
    assert due(at="2027-01-01", setting={"at": "2027-01-02"}) == 1000
    assert due(setting={"at": "2026-05-10"}, at="2027-01-02") == 900
    with pytest.raises(InputRefused):
        due()


def test_a_holder_that_is_null_is_a_stranger() -> None:
    one = content(rule("a", who={}))
    assert compared(one, one, case(), case(holder=None)).due_after_cents == 2000
    assert compared(one, one, case(holder={"id": "h"})).due_after_cents == 900


def test_a_file_of_questions_may_begin_with_a_byte_order_mark() -> None:
    line = json.dumps({"receipt": RECEIPT}).encode()
    assert read_case(b"\xef\xbb\xbf" + line, None) == read_case(line, None)


def test_a_line_that_is_no_question_is_refused() -> None:
    for line in (b"", b"{", b"[]", b'{"receipt": {}, "colour": 1}', b"[" * 100_000):
        with pytest.raises(InputRefused):
            read_case(line, None)


def test_changes_are_told_up_to_a_bound_and_counted_beyond_it() -> None:
    many = [case() for _ in range(MAX_CHANGES + 2)]
    told = compared(content(rule("a")), content(), *many)
    assert (len(told.changes), told.changed) == (MAX_CHANGES, MAX_CHANGES + 2)
    assert told.due_after_cents - told.due_before_cents == 100 * told.changed


@given(rule_lists(most=5), rule_lists(most=5))
def test_what_payers_bear_and_what_is_due_is_the_list_price_on_both_sides(one: list[Json], other: list[Json]) -> None:
    asked = [case(), case(holder={"id": "h", "entitlements": ["g1"]}, setting={"merchant_groups": ["m1"]})]
    told = compared(content(*one), content(*other), *asked)
    assert sum(cost.before_cents for cost in told.costs) + told.due_before_cents == 2000
    assert sum(cost.after_cents for cost in told.costs) + told.due_after_cents == 2000
    back = compared(content(*other), content(*one), *asked)
    assert (back.changed, back.due_before_cents) == (told.changed, told.due_after_cents)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Comparison) == told
