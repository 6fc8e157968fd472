"""What a setting says of quotas: what follows from it, and what no rule can mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.model.errors import InputRefused
from gateway.rules.evaluate import answer
from gateway.rules.examples import run
from gateway.rules.index import compile
from gateway.rules.read import load
from gateway.rules.setting import setting_of
from tests.rules.builders import Json, percent, rule

RIDES: Json = {"key": "rides-s2", "unit": "units", "limit": 20, "period": "month"}
CARRIED: Json = {"key": "books", "unit": "cents", "limit": 500, "period": "month",
    "carry": {"from": "2026-01-01", "until": "2026-12-31"}}  # fmt: skip
BOUGHT: Json = {"key": "bought", "unit": "units", "source": "prepaid", "period": "ever"}
RULES = compile(
    load(
        json.dumps(
            {
                "schema": 1,
                "rules": [
                    rule(name, who={}, what={"categories": [name]}, give=percent(10_000), quota=[quota])
                    for name, quota in (("ride", RIDES), ("book", CARRIED), ("bought", BOUGHT))
                ],
            }
        ).encode()
    ),
    1,
)


def left(category: str, *quotas: Json, at: str = "2026-03-10") -> int | None:
    """What is left after one unit of this category; None when it is not known."""
    receipt = {"lines": [{"id": "1", "text": "A", "category": category, "unit_cents": 100}]}
    setting = setting_of({"quotas": quotas}, at)
    found = answer(RULES, json.dumps(receipt).encode(), b'{"id": "h"}', setting, ("en",))
    return next((balance.left for balance in found.balances), None)


def refusal(category: str, *quotas: Json) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        left(category, *quotas)
    return caught.value


@pytest.mark.parametrize(
    ("category", "said", "after"),
    [
        ("ride", {}, 19),
        ("ride", {"used": 3}, 16),
        ("ride", {"used": 25}, 0),
        ("ride", {"left": 7}, 6),
        ("ride", {"left": 0, "used": 22}, 0),
        ("ride", {"known": False}, None),
        ("ride", {"known": False, "grace": 2}, None),
        ("book", {"used": 300}, 1100),
        ("bought", {"left": 12}, 11),
        ("bought", {"left": 12, "used": 300}, 11),
        ("bought", {"known": False}, None),
    ],
)
def test_what_is_left_follows_from_what_is_said(category: str, said: Json, after: int | None) -> None:
    key = {"ride": "rides-s2", "book": "books", "bought": "bought"}[category]
    assert left(category, {"key": key, **said}) == after


@pytest.mark.parametrize(
    ("quotas", "where", "says", "advice"),
    [
        ([{"key": "rides-s2", "left": 21}], "$.quotas[0].left", "the limit is 20", "at most"),
        ([{"key": "rides-s2", "left": 18, "used": 3}], "$.quotas[0]", "more than the limit, 20", "17 are left then"),
        ([{"key": "books", "left": 1501}], "$.quotas[0].left", "the limit is 1500", "at most"),
        ([{"key": "ride-s2"}], "$.quotas[0].key", "no rule has a quota 'ride-s2'", "Did you mean 'rides-s2'?"),
        ([{"key": "x"}], "$.quotas[0].key", "no rule has", "There are books, bought, rides-s2"),
        ([{"key": "bought", "used": 3}], "$.quotas[0]", "needs `left`", "no limit"),
        ([{"key": "books"}, {"key": "books"}], "$.quotas[1].key", "twice", "once"),
    ],
)
def test_what_no_rule_can_mean_is_refused_with_its_place(
    quotas: list[Json], where: str, says: str, advice: str
) -> None:
    """Also where the rule that counts it has nothing to do with the receipt."""
    for category in ("ride", "toys"):
        refused = refusal(category, *quotas)
        assert refused.where == f"setting: {where}"
        assert says in refused.what
        assert advice in refused.advice


def test_an_example_tells_it_with_the_remedy() -> None:
    receipt: Any = {"lines": [{"id": "1", "text": "A", "category": "ride", "unit_cents": 100}]}
    example = {"what": "x", "at": "2026-03-10", "receipt": receipt, "expect": {"lines": []},
        "setting": {"quotas": [{"key": "k"}]}}  # fmt: skip
    content = load(json.dumps({"schema": 1, "rules": [rule("a")], "examples": [example]}).encode())
    ((found,),) = [one.differences for one in run(content, compile(content, 0))]
    assert found == "setting: $.quotas[0].key: no rule has a quota 'k'. Take it out"


@pytest.mark.parametrize("at", ["9999-12-31", "9999-01-01T10:00"])
def test_the_last_year_has_no_period_after_it(at: str) -> None:
    with pytest.raises(InputRefused, match="year"):
        left("ride", at=at)
