"""Rules that always lose to another, and rules that are given on top of each other."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model.decision import Reason
from gateway.rules.finding import Code
from gateway.rules.question import Question
from tests.rules.builders import Json, line, question, questions, rule, rule_lists, rule_set
from tests.rules.linted import EACH_DAY, FREE, HALF, ONE_OFF, SUSPENDED, codes, found, when


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
