"""How rules stand to each other is held against what the engine does with each of them alone."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.circumstances import Left
from gateway.model.receipt import Means, Receipt
from gateway.rules.document import Rule, RulesContent
from gateway.rules.index import compile
from gateway.rules.overlap import covers, may_meet, no_less
from gateway.rules.question import Question
from gateway.rules.read import load
from tests.rules.builders import TODAY, Json, document, line, percent, question, rule

CODES = (["x"], ["y"], ["x", "y"])
ENDS = ({"from": 1}, {"until": 1}, {"from": 1, "until": 1}, {"from": 2})
DATES = ({"from": "2026-05-11"}, {"until": "2026-05-10"}, {"from": "2026-05-10", "until": "2026-05-11"})
WINDOWS = (
    [{"days": ["sun"]}], [{"days": ["mon"], "until": "12:00"}], [{"from": "11:00", "until": "12:00"}],
    [{"from": "12:00", "until": "14:00"}], [{"days": ["sat"], "from": "13:00", "until": "11:00"}],
    [{"days": ["mon"]}, {"days": ["tue"], "from": "13:00"}],
)  # fmt: skip
FIELDS: dict[str, dict[str, Sequence[Any]]] = {
    "who": {
        "any_of_groups": CODES, "all_of_groups": CODES, "none_of_groups": CODES, "residence": CODES, "age": ENDS,
        "partner": ("never", "only", "also"),
        "any_of_lists": [[{"groups": codes, "dates": {"from": "2026-05-10"}}] for codes in CODES],
    },
    "where": {"merchant_groups": CODES, "places": [["abc"], ["def"]], "gateways": [["gw-1"], ["gw-2"]]},
    "what": {"categories": CODES, "skus": CODES, "flags": CODES, "not_flags": CODES, "unit_price": ENDS},
    "when": {"dates": DATES, "windows": WINDOWS, "clock_not_trusted": ("grant", "withhold")},
    "need": {"means": [["card"], ["cash"]], "min_quantity": [2000]},
}  # fmt: skip
"""Each field of a rule with some values that meet each other and some that do not."""


def _sensible(fields: Json) -> Json:
    """Without parts that say nothing, and what no document may say."""
    who = fields.get("who", {})
    if set(who.get("any_of_groups", ())) & set(who.get("none_of_groups", ())):
        del who["none_of_groups"]
    return {name: part for name, part in fields.items() if part or name == "who"}


SAID = [(part, field) for part, fields in FIELDS.items() for field in fields]


@st.composite
def rules(draw: st.DrawFn, like: Json | None = None) -> Json:
    """A rule that says two or three things at most, some of them those of another."""
    said: Json = {}
    for part, field in draw(st.lists(st.sampled_from(SAID), max_size=2)):
        said.setdefault(part, {})[field] = draw(st.sampled_from(FIELDS[part][field]))
    for part, fields in (like or {}).items():
        for field, value in fields.items():
            if draw(st.booleans()):
                said.setdefault(part, {})[field] = (
                    value if draw(st.booleans()) else draw(st.sampled_from(FIELDS[part][field]))
                )
    return _sensible(said)


pairs = rules().flatmap(lambda other: st.tuples(rules(other), st.just(other)))


def _asked(number: int) -> Question:
    """A holder with one entitlement at most buys two things somewhere at some time."""
    dice = random.Random(number)
    some = dice.choice

    def many() -> tuple[str, ...]:
        return tuple(dice.sample(["x", "y"], some([0, 1, 1])))

    lines = tuple(
        line(some([1, 2]), some("xy"), id=f"{n}", sku=some("xy"), quantity=some([1000, 2000]), flags=many())
        for n in range(2)
    )
    return question(
        receipt=Receipt(lines, means=some(list(Means))),
        entitlements=many(),
        merchant_groups=many(),
        identified=some([True, True, True, False]),
        city=some(["", "", "siauliai"]),
        residence=some("xy"),
        age=some([0, 1, 2]),
        place=some(["abc", "def"]),
        gateway=some(["gw-1", "gw-2"]),
        at=datetime.combine(TODAY, time(some([10, 11, 12, 13, 14]))) + timedelta(some([-1, 0, 1, 2])),
        clock_trusted=some([True, True, True, False]),
    )


ASKED = [_asked(number) for number in range(160)]
"""The same at every run: what is drawn are the rules."""

TABLES: Json = {
    "partners": [{"city": "siauliai", "groups": {"x": ["x"], "y": ["y"]}}],
    "calendars": {"lv": ["2026-05-11"]},  # A Monday.
}


def content(*rules: Json) -> RulesContent:
    written = [rule(f"r{number}", **fields) for number, fields in enumerate(rules)]
    return load(json.dumps({"schema": 1, "rules": written, **TABLES}).encode())


def met(fields: Json, asked: Sequence[Question] = ASKED) -> set[tuple[int, str]]:
    """The lines that this rule, alone and free, meets."""
    alone = compile(content({**fields, "give": percent(10_000)}), 0)
    decided = enumerate(alone.decide(one) for one in asked)
    return {(number, line.line) for number, one in decided for line in one.lines if line.discount_cents}


def loaded(*rules: Json) -> Sequence[Rule]:
    return content(*rules).rules


ALONE: list[Json] = [
    {},
    {"who": {}},
    *({part: {field: value}} for part, field in SAID for value in FIELDS[part][field]),
]
GRANT = {"clock_not_trusted": "grant"}
ALONE += [{"when": {"dates": DATES[2], **GRANT}}, {"who": {"age": ENDS[0]}, "when": GRANT}]
for days, calendar in ((["holiday"], "lv"), (["mon"], "lv"), (["tue"], "lv"), (["mon"], "")):
    ALONE.append({"when": {"windows": [{"days": days}], **({"calendar": calendar} if calendar else {})}})
"""Rules that say one thing, each of them, those that say nothing, and what minds the clock together."""


def test_any_two_rules_that_say_one_thing_each_stand_as_the_engine_has_it() -> None:
    meets = [met(fields) for fields in ALONE]
    # Nobody here has both, and the only Monday is a holiday by this calendar.
    assert [fields for fields, of in zip(ALONE, meets, strict=True) if not of] == [
        {"who": {"all_of_groups": ["x", "y"]}},
        {"when": {"windows": [{"days": ["mon"]}], "calendar": "lv"}},
    ]
    written = loaded(*ALONE)
    counts = {"covers": 0, "apart": 0}
    for (one, of_one), (other, of_other) in product(zip(written, meets, strict=True), repeat=2):
        if covers(one, other):
            counts["covers"] += 1
            assert of_one >= of_other, (one, other)
        if not may_meet(one, other):
            counts["apart"] += 1
            assert not of_one & of_other, (one, other)
    assert min(counts.values()) > len(ALONE)


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_what_covers_another_meets_all_that_it_meets(both: tuple[Json, Json]) -> None:
    if covers(*loaded(*both)):
        assert met(both[0]) >= met(both[1])


@settings(max_examples=150, deadline=None)
@given(pairs)
def test_what_cannot_meet_never_meets_the_same_line(both: tuple[Json, Json]) -> None:
    possible = may_meet(*loaded(*both))
    assert possible == may_meet(*loaded(*reversed(both)))
    if not possible:
        assert not met(both[0]) & met(both[1])


@given(rules())
def test_a_rule_covers_itself_and_whatever_says_more(fields: Json) -> None:
    assert covers(*loaded(fields, fields))
    assert covers(*loaded({}, fields))


def test_one_that_may_run_out_covers_nothing() -> None:
    quota = [{"key": "k", "unit": "units", "limit": 4, "period": "day", "per": "all"}]
    one, other = loaded({"quota": quota}, {})
    assert not covers(one, other)
    empty = question(quotas=(Left("k", "2026-05-10", 0, holder=False),))
    assert met({"quota": quota}, [empty]) == set()


_amounts = st.sampled_from([1, 2, 50, 99, 5000, 10_000])
_gives = st.one_of(
    st.builds(percent, _amounts),
    st.builds(lambda b: {"kind": "percent", "basis_points": b, "base": "original", "rounding": "unit"}, _amounts),
    st.builds(lambda c, p: {"kind": "fixed", "cents": c, "per": p}, _amounts, st.sampled_from(["unit", "line"])),
    st.builds(lambda c: {"kind": "fixed_price", "cents": c}, st.sampled_from([0, 1, 50])),
    st.builds(lambda b: {"kind": "percent", "basis_points": b, "cap": {"cents": 5, "per": "line"}}, _amounts),
)


@given(_gives, _gives, st.integers(1, 10_000), st.sampled_from([1, 500, 1000, 3000]))
def test_what_takes_no_less_takes_no_less(one: Json, other: Json, cents: int, quantity: int) -> None:
    if no_less(*(each.give for each in loaded({"give": one}, {"give": other}))):
        given = [
            compile(load(document(rule("r", give=give))), 0).decide(question(line(cents, quantity=quantity)))
            for give in (one, other)
        ]
        assert given[0].discount_cents >= given[1].discount_cents
