"""What the check of rules finds, and that what it calls dead is dead."""

from __future__ import annotations

import json
from datetime import date
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.decision import Reason
from gateway.rules.finding import ADVICE, Code, Finding, Level
from gateway.rules.lint import MAX_FINDINGS, lint
from gateway.rules.question import Question
from tests.rules.builders import (
    MERCHANT,
    Json,
    document,
    line,
    percent,
    question,
    questions,
    rule,
    rule_lists,
    rule_set,
)
from tests.rules.town import ALONE, ASKED, TABLES, met, sensible

AT = date(2026, 5, 10)
ONE_OFF = {"kind": "fixed", "per": "line", "cents": 1}
FREE, HALF = percent(10_000), percent(5000)
EACH_DAY = {"key": "k", "unit": "units", "limit": 4, "period": "day"}


def found(*rules: Json, languages: tuple[str, ...] = ("en",), **tables: Any) -> list[Finding]:
    return lint([("r.json", json.dumps({"schema": 1, "rules": rules, **tables}).encode())], AT, languages)


def codes(*rules: Json, **tables: Any) -> list[tuple[str, str]]:
    return [(str(one.code), one.rule) for one in found(*rules, **tables)]


def when(**fields: Any) -> Json:
    return {"when": fields}


def test_rules_with_nothing_to_say_about_them() -> None:
    assert codes(rule("a", what={"categories": ["x"]}), rule("b", what={"categories": ["y"]})) == []


def test_every_code_has_its_advice() -> None:
    assert set(ADVICE) == set(Code)


def test_a_document_of_wrong_types_is_one_fault_with_its_rule() -> None:
    (one,) = found(rule("a"), rule("b", colour="red"))
    assert (one.code, one.level, one.rule, one.file) == (Code.UNREADABLE, Level.FAULT, "b", "r.json")
    assert one.path == "$.rules[1]"


def test_a_quota_of_less_than_one_is_a_fault() -> None:
    (one,) = found(rule("a", who={}, quota=[{**EACH_DAY, "limit": 0}]))
    assert (one.level, one.path) == (Level.FAULT, "$.rules[0].quota[0].limit")


def test_each_thing_that_makes_no_sense_is_a_fault_of_its_own() -> None:
    told = found(rule("a", payers=[MERCHANT, {**MERCHANT, "party": "b"}]), rule("b", who={}), rule("b", title={}))
    assert [(one.code, one.rule, one.path) for one in told] == [
        (Code.SENSELESS, "a", "$.rules[0].payers"),
        (Code.SENSELESS, "b", "$.rules[2].id"),
        (Code.SENSELESS, "b", "$.rules[2].title"),
    ]


EXAMPLE = {"what": "a", "at": "2026-05-10", "expect": {"totals": {}},
    "receipt": {"lines": [{"id": "1", "text": "A", "category": "a", "unit_cents": 1}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"what": ""}, "$.examples[1].what", "empty"),
        ({"at": "10.05.2026"}, "$.examples[1].at", "no time such as"),
        ({"at": "2026-02-30"}, "$.examples[1].at", "no time of the calendar"),
        ({"expects": {}}, "$.examples[1]", "did you mean `expect`?"),
        ({"expect": {}}, "$.examples[1].expect", "nothing is expected"),
        ({"receipt": {"lines": []}}, "$.examples[1].receipt.lines", "nothing in it"),
        ({"holder": {"name": "Anna"}}, "$.examples[1].holder", "`name`"),
        ({"setting": {"place": 5}}, "$.examples[1].setting.place", "a text"),
    ],
)
def test_what_is_no_example_is_a_fault(fields: Json, path: str, says: str) -> None:
    (one,) = found(rule("a"), examples=[EXAMPLE, {**EXAMPLE, **fields}])
    assert (one.code, one.level, one.path, says in one.text) == (Code.UNREADABLE, Level.FAULT, path, True), one.text


def test_a_text_of_blanks_alone_is_a_fault() -> None:
    suspension = {**SUSPENDED, "title": {"lv": "\u2003"}}
    told = found(rule("a", title={"en": " \u00a0"}, legal_basis="  "), rule("b", message={"en": "A", "lt": " "}),
        suspensions=[suspension])  # fmt: skip
    assert [(one.code, one.level, one.rule, one.path) for one in told] == [
        (Code.SENSELESS, Level.FAULT, "a", "$.rules[0].legal_basis"),
        (Code.SENSELESS, Level.FAULT, "a", "$.rules[0].title.en"),
        (Code.SENSELESS, Level.FAULT, "b", "$.rules[1].message.lt"),
        (Code.SENSELESS, Level.FAULT, "", "$.suspensions[0].title.lv"),
    ]


def test_an_example_without_its_words_is_a_fault() -> None:
    (one,) = found(rule("a"), examples=[{key: value for key, value in EXAMPLE.items() if key != "what"}])
    assert (one.path, one.text) == ("$.examples[0]", "the field `what` is missing")


def test_each_rule_of_a_wrong_type_is_a_fault_of_its_own_and_says_its_id_once() -> None:
    told = found(rule("a", stage="x"), rule("b"), rule("c", who=None))
    assert [(one.rule, one.path) for one in told] == [("a", "$.rules[0].stage"), ("c", "$.rules[2].who")]
    assert not any(one.text.startswith("rule ") for one in [*told, *found(rule("a", payers=[MERCHANT, MERCHANT]))])


def test_faults_are_placed_in_their_files_and_other_bytes_are_a_fault() -> None:
    good, bad = document(rule("a")), document(rule("b", title={}))
    (one,) = lint([("a.json", good), ("b.json", bad)], AT)
    assert (one.file, one.path) == ("b.json", "$.rules[0].title")
    (other,) = lint([("a.json", good), ("b.json", b"{")], AT)
    assert (other.code, other.file, other.path) == (Code.UNREADABLE, "b.json", "$")


LISTS = {"groups": ["p"], "dates": {"from": "2025-09-01", "until": "2026-05-09"}}
SUSPENDED = {"id": "s", "title": {"en": "S"}, "legal_basis": "x", "dates": {"from": "2026-01-01"}}
HOLIDAY = {"windows": [{"days": ["holiday"]}], "calendar": "lv"}
NIGHT = when(dates={"from": "2026-05-16", "until": "2026-05-16"}, windows=[{"from": "19:00", "until": "01:00"}])
STEPS = [{"from": 1, "basis_points": 0}, {"from": 5, "basis_points": 5000}]


@pytest.mark.parametrize(
    ("fields", "tables", "code", "path"),
    [
        (when(dates={"until": "2026-05-09"}), {}, Code.PAST, "when.dates"),
        ({"who": {"any_of_lists": [LISTS]}}, {}, Code.PAST, "who.any_of_lists"),
        (when(**HOLIDAY), {"calendars": {"lv": ["2026-05-09"]}}, Code.PAST, "when.calendar"),
        ({"who": {"all_of_groups": ["a", "b"], "none_of_groups": ["b"]}}, {}, Code.NO_HOLDER, "who"),
        ({"who": {"any_of_lists": [LISTS | {"dates": {"from": "2026-05-01"}}], "none_of_groups": ["p"]}}, {},
         Code.NO_HOLDER, "who"),
        ({"who": {"partner": "only"}}, {}, Code.NO_HOLDER, "who.partner"),
        ({"who": {"any_of_groups": ["a"], "partner": "only"}}, {"partners": [{"city": "s", "groups": {"x": ["a2"]}}]},
         Code.NO_HOLDER, "who.partner"),
        (when(dates={"from": "2026-05-16", "until": "2026-05-16"}, windows=[{"days": ["sun"]}]), {},
         Code.NO_TIME, "when.windows"),
        (when(dates={"from": "2026-11-19"}, **HOLIDAY), {"calendars": {"lv": ["2026-11-18"]}},
         Code.NO_TIME, "when.windows"),
        ({"who": {"any_of_lists": [LISTS | {"dates": {"from": "2026-09-01"}}]},
          **when(dates={"until": "2026-08-30"})}, {}, Code.NO_TIME, "who.any_of_lists"),
        (when(dates={"from": "2026-05-01", "until": "2026-06-01"}), {"suspensions": [SUSPENDED]},
         Code.NO_TIME, "when.dates"),
        (when(dates={"until": "2026-05-16"}), {"suspensions": [SUSPENDED | {"dates": {"until": "2026-05-16"}}]},
         Code.NO_TIME, "when.dates"),
        (NIGHT, {"suspensions": [SUSPENDED | {"dates": {"until": "2026-05-17"}}]}, Code.NO_TIME, "when.dates"),
        ({"what": {"flags": ["x"], "not_flags": ["x", "y"]}}, {}, Code.NO_RECEIPT, "what"),
        ({"what": {"unit_price": {"until": 100}}, "give": {"kind": "fixed_price", "cents": 100}}, {},
         Code.NO_EFFECT, "give.cents"),
        ({"what": {"unit_price": {"until": 100}}, "give": {**HALF, "floor_cents": 100}}, {},
         Code.NO_EFFECT, "give.floor_cents"),
        ({"give": {"kind": "tiers", "by": "spend", "steps": [{"from": 5, "off_cents": 0}]}}, {},
         Code.NO_EFFECT, "give.steps"),
        ({"who": {}, "quota": [EACH_DAY], "give": {"kind": "tiers", "by": "uses", "key": "k", "steps": STEPS}}, {},
         Code.QUOTA_TOO_SMALL, "quota[0].limit"),
        ({"who": {}, "quota": [{**EACH_DAY, "grace_units": 5}]}, {}, Code.QUOTA_TOO_SMALL, "quota[0].grace_units"),
        ({"who": {}, "quota": [EACH_DAY], "need": {"min_quantity": 4001},
          "give": {"kind": "fixed", "cents": 5, "per": "receipt"}}, {}, Code.QUOTA_TOO_SMALL, "quota[0].limit"),
    ],
)  # fmt: skip
def test_a_dead_rule_is_named_with_its_path(fields: Json, tables: Json, code: Code, path: str) -> None:
    told = [(one.code, one.rule, one.path) for one in found(rule("dead", **fields), **tables)]
    assert (code, "dead", f"$.rules[0].{path}") in told
    assert all(one.level is Level.WARNING and one.advice for one in found(rule("dead", **fields), **tables))


@pytest.mark.parametrize(
    ("fields", "tables"),
    [
        (when(dates={"until": "2026-05-10"}), {}),
        ({"who": {"any_of_lists": [LISTS, LISTS | {"dates": {"from": "2026-09-01"}}]}}, {}),
        (when(**HOLIDAY), {"calendars": {"lv": ["2026-05-10"]}}),
        ({"who": {"any_of_groups": ["a"], "partner": "only"}}, {"partners": [{"city": "s", "groups": {"x": ["a"]}}]}),
        (when(dates={"from": "2026-05-16", "until": "2026-05-17"}, windows=[{"days": ["sun"]}]), {}),
        (when(dates={"from": "2026-05-01"}), {"suspensions": [SUSPENDED | {"except_groups": ["a"]}]}),
        ({"who": {"any_of_lists": [LISTS | {"dates": {"from": "2026-05-17"}}]}, **NIGHT}, {}),
        (NIGHT, {"suspensions": [SUSPENDED | {"dates": {"from": "2026-01-01", "until": "2026-05-16"}}]}),
        ({"who": {}, "quota": [{**EACH_DAY, "limit": 5}], "give": {"kind": "tiers", "by": "uses", "key": "k",
                                                                   "steps": STEPS}}, {}),
    ],
)  # fmt: skip
def test_what_lives_is_left_alone(fields: Json, tables: Json) -> None:
    assert codes(rule("lives", **fields), **tables) == []


def test_what_always_loses_is_named_with_its_winner_whichever_stands_first() -> None:
    for free, half in (("a", "b"), ("b", "a")):
        told = found(rule(free, give=FREE, exclusive_group="x"), rule(half, give=HALF, exclusive_group="x"))
        assert [(one.code, one.rule, one.others) for one in told] == [(Code.ALWAYS_LOSES, half, (free,))]


def test_of_equal_rules_the_second_in_the_alphabet_loses() -> None:
    assert codes(rule("a", exclusive_group="x"), rule("b", exclusive_group="x")) == [("always_loses", "b")]


def test_a_winner_for_fewer_people_lines_or_days_leaves_something() -> None:
    narrower: list[Json] = [
        {"who": {}},
        {"what": {"categories": ["c"]}},
        when(dates={"from": "2026-01-01"}),
        {"where": {"merchant_groups": ["m"]}},
        {"who": {}, "quota": [EACH_DAY]},
        {"need": {"min_quantity": 2000}},
    ]
    for fields in narrower:
        assert codes(rule("a", give=FREE, exclusive_group="x", **fields), rule("b", exclusive_group="x")) == []


def test_a_suspended_winner_leaves_something() -> None:
    both = rule("a", give=FREE, exclusive_group="x"), rule("b", exclusive_group="x")
    assert codes(*both, suspensions=[SUSPENDED | {"rules": ["a"]}]) == []


def test_by_priority_the_first_that_takes_something_wins() -> None:
    both = [rule(i, give=g, exclusive_group="x", choose="priority", priority=p) for i, g, p in
            (("a", FREE, 0), ("b", HALF, 1))]  # fmt: skip
    assert codes(*both) == []
    both[0]["priority"] = 2
    assert codes(*both) == [("always_loses", "b")]


def test_after_what_is_free_nothing_is_left() -> None:
    assert codes(rule("z", give=FREE), rule("a", stage=2)) == [("always_loses", "a")]
    first = {"exclusive_group": "x", "choose": "priority"}
    half = rule("h", give=HALF, priority=1, what={"categories": ["k"]}, **first)
    assert codes(rule("z", give=FREE, **first), half, rule("a", stage=2)) == [("overlap", "a")]


def test_rules_on_top_of_each_other_are_named_once_each() -> None:
    told = found(rule("a"), rule("b", who={"any_of_groups": ["g"]}), rule("c", stage=2, what={"categories": ["k"]}))
    assert [(one.code, one.rule, one.others) for one in told] == [
        (Code.OVERLAP, "b", ("a",)),
        (Code.OVERLAP, "c", ("a", "b")),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"who": {"any_of_groups": ["g"]}}, {"who": {"any_of_groups": ["h"]}}),
        ({"who": {"any_of_groups": ["g"]}}, {"who": {"none_of_groups": ["g"]}}),
        ({"who": {"age": {"until": 69}}}, {"who": {"age": {"from": 70}}}),
        ({"who": {"residence": ["a"]}}, {"who": {"residence": ["b"]}}),
        ({"who": {"partner": "only"}}, {"who": {"partner": "never"}}),
        ({"where": {"merchant_groups": ["m"]}}, {"where": {"merchant_groups": ["n"]}}),
        ({"what": {"unit_price": {"until": 99}}}, {"what": {"unit_price": {"from": 100}}}),
        ({"what": {"flags": ["f"]}}, {"what": {"not_flags": ["f"]}}),
        (when(dates={"until": "2026-05-30"}), when(dates={"from": "2026-05-31"})),
        (when(windows=[{"days": ["mon"]}]), when(windows=[{"days": ["tue"]}])),
        (when(windows=[{"until": "12:00"}]), when(windows=[{"from": "12:00"}])),
        ({"need": {"means": ["cash"]}}, {"need": {"means": ["card"]}}),
        ({"exclusive_group": "x"}, {"exclusive_group": "x", "give": {"kind": "fixed", "cents": 9, "per": "line"}}),
    ],
)
def test_rules_that_cannot_meet_are_not_called_overlapping(one: Json, other: Json) -> None:
    partners = [{"city": "s", "groups": {"x": ["g"]}}]
    assert ("overlap", "b") not in codes(rule("a", **one), rule("b", **other), partners=partners)


def test_missing_languages_are_told_of_titles_and_messages() -> None:
    told = found(rule("a", message={"lv": "Paldies"}), languages=("lv", "en"), suspensions=[SUSPENDED])
    assert [(one.code, one.path, one.text) for one in told] == [
        (Code.LANGUAGE_MISSING, "$.rules[0].title", "no title in lv"),
        (Code.LANGUAGE_MISSING, "$.rules[0].message", "no message in en"),
        (Code.LANGUAGE_MISSING, "$.suspensions[0].title", "suspension 's' has no title in lv"),
    ]


def test_tables_that_nothing_uses_are_told() -> None:
    partners = [{"city": "s", "groups": {"x": ["g"], "y": ["h"]}}]
    told = found(rule("a", who={"any_of_groups": ["g"]}), calendars={"lv": ["2026-11-18"]}, partners=partners)
    assert [(one.code, one.path) for one in told] == [
        (Code.UNUSED, "$.calendars.lv"),
        (Code.UNUSED, "$.partners[0].groups"),
    ]


def test_an_ended_suspension_is_told() -> None:
    ended = SUSPENDED | {"dates": {"until": "2026-05-09"}}
    assert [(one.code, one.path) for one in found(suspensions=[ended])] == [(Code.PAST, "$.suspensions[0].dates")]


def test_findings_are_bounded_and_in_the_order_of_codes() -> None:
    many = [rule(f"r{i:05}", give=percent(1 + i % 5000)) for i in range(900)]
    told = found(*many, languages=("lv", "en"))
    assert len(told) <= MAX_FINDINGS
    order = list(Code)
    assert [order.index(one.code) for one in told] == sorted(order.index(one.code) for one in told)


def test_of_a_group_for_the_whole_receipt_another_rule_may_be_given_than_the_one_that_takes_all() -> None:
    whole = rule("g", exclusive_group="x", give={"kind": "free_units", "units": 3})
    group = [rule("a", exclusive_group="x", give=FREE, what={"categories": ["c1"]}), whole]
    later = rule("z", stage=2, what={"categories": ["c1"]})
    assert ("always_loses", "z") not in codes(*group, later)
    assert ("always_loses", "z") in codes(group[0], later)


def test_all_of_a_unit_rounded_is_not_all_of_a_line() -> None:
    by_unit = rule("a", give={**FREE, "rounding": "unit"})
    assert ("always_loses", "b") not in codes(by_unit, rule("b", stage=2))
    assert ("always_loses", "b") in codes(rule("a", give=FREE), rule("b", stage=2))


def test_what_takes_all_leaves_nothing_only_to_what_is_settled_behind_it() -> None:
    """A group is settled where the first of its rules stands, though `c` stands behind `b`."""
    group = [rule("a", priority=1, exclusive_group="x", who={}), rule("c", exclusive_group="x", give=HALF)]
    assert ("always_loses", "c") not in codes(*group, rule("b", give=FREE))
    assert ("always_loses", "c") in codes(*group, rule("b", priority=2, give=FREE))


@example(
    [
        rule("r1", exclusive_group="x", give={**ONE_OFF, "cap": {"cents": 5, "per": "receipt"}}),
        rule("r4", exclusive_group="x", give=ONE_OFF),
    ],
    [question(line(100, id="l0"), line(200, id="l1"))],
)
@given(rule_lists(), st.lists(questions(), min_size=1, max_size=4))
def test_what_always_loses_never_gets_more_than_its_winner(rules: list[Json], asked: list[Question]) -> None:
    losers = {one.rule: one.others[0] for one in found(*rules) if one.code is Code.ALWAYS_LOSES}
    for one in asked:
        trace = rule_set(*rules).decide(one).trace
        lost = {(fate.rule, fate.line): fate.cents for fate in trace if fate.reason is Reason.LOST_TO}
        applied = [fate for fate in trace if fate.reason is Reason.APPLIED and fate.rule in losers]
        for fate in applied:
            winner = losers[fate.rule]
            if (winner, "") in lost:  # Its group is settled for the whole receipt.
                assert lost[winner, ""] == sum(other.cents for other in applied if other.rule == fate.rule)
            else:
                assert lost[winner, fate.line] == fate.cents


@given(rule_lists(), questions())
def test_rules_that_were_given_on_the_same_line_were_told_of(rules: list[Json], asked: Question) -> None:
    one, place = asked.entitlements[:1], asked.merchant_groups[:1]
    asked = msgspec.structs.replace(asked, entitlements=one, merchant_groups=place, at=question().at)
    told = {frozenset((one.rule, other)) for one in found(*rules) if one.code is Code.OVERLAP for other in one.others}
    for decided in rule_set(*rules).decide(asked).lines:
        assert {frozenset(pair) for pair in combinations({share.rule for share in decided.shares}, 2)} <= told


DEAD = (Code.NO_HOLDER, Code.NO_TIME, Code.NO_RECEIPT)


def together(one: Json, other: Json) -> Json:
    """A rule that says both, the second where they speak of the same."""
    return sensible({part: {**one.get(part, {}), **other.get(part, {})} for part in {*one, *other}})


def test_what_is_called_dead_never_applies() -> None:
    """Any two things said in one rule, asked all over a small town."""
    told = 0
    for one, other in combinations(ALONE, 2):
        fields = together(one, other)
        for each in (each for each in found(rule("r", **fields), **TABLES) if each.code in DEAD):
            told += 1
            knows_the_time = "gives it all the same" in each.text
            asked = [asks for asks in ASKED if asks.clock_trusted or not knows_the_time]
            assert not met(fields, asked), (fields, each.text)
    assert told > 10


@pytest.mark.parametrize("doubt", ["grant", "withhold"])
def test_what_has_ended_is_given_all_the_same_where_the_time_is_not_known_and_that_is_told(doubt: str) -> None:
    fields = when(dates={"until": "2026-05-09"}, clock_not_trusted=doubt)
    (one,) = found(rule("a", **fields))
    without = [asks for asks in ASKED if not asks.clock_trusted]
    assert ("gives it all the same" in one.text) is bool(met(fields, without)) is (doubt == "grant")


@given(st.binary(max_size=100))
def test_any_bytes_are_findings_and_never_an_error(content: bytes) -> None:
    assert {one.level for one in lint([("r.json", content)], AT)} == {Level.FAULT}
