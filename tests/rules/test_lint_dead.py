"""Rules that can never apply are named, and nothing else is called dead."""

from __future__ import annotations

from itertools import combinations

import pytest

from gateway.rules.finding import Code, Level
from tests.rules.builders import Json, rule
from tests.rules.linted import EACH_DAY, HALF, SUSPENDED, codes, found, when
from tests.rules.town import ALONE, ASKED, TABLES, met, sensible

LISTS = {"groups": ["p"], "dates": {"from": "2025-09-01", "until": "2026-05-09"}}


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
