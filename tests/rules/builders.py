"""Short words for rules, receipts and questions in tests, and Hypothesis strategies over small alphabets."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from gateway.model.receipt import Line, Receipt
from gateway.rules.engine import RuleSet
from gateway.rules.index import compile
from gateway.rules.question import Question
from gateway.rules.read import load

TODAY = date(2026, 5, 10)
NOON = time(12)
MERCHANT = {"party": "merchant", "form": "discount", "rest": True}
Json = dict[str, Any]


def rule(id: str = "r", **fields: Any) -> Json:
    """A rule as JSON: 10 % for everyone everywhere unless said otherwise."""
    return {
        "id": id,
        "version": 1,
        "title": {"en": f"Rule {id}"},
        "legal_basis": "test",
        "give": {"kind": "percent", "basis_points": 1000},
        "payers": [MERCHANT],
        **fields,
    }


def percent(points: int) -> Json:
    return {"kind": "percent", "basis_points": points}


def document(*rules: Json) -> bytes:
    return json.dumps({"schema": 1, "rules": rules}).encode()


def rule_set(*rules: Json, number: int = 7) -> RuleSet:
    return compile(load(document(*rules)), number)


def line(cents: int = 1000, category: str = "books", id: str = "1", **fields: Any) -> Line:
    return Line(id=id, text="A thing", category=category, unit_cents=cents, **fields)


def question(*lines: Line, **fields: Any) -> Question:
    """A question by someone identified without entitlements, on `TODAY`, by a trusted clock."""
    defaults: Json = {
        "receipt": Receipt(lines or (line(),)),
        "entitlements": (),
        "merchant_groups": (),
        "at": datetime.combine(TODAY, NOON),
        "clock_trusted": True,
        "identified": True,
    }
    if "today" in fields:
        fields["at"] = datetime.combine(fields.pop("today"), NOON)
    return Question(**{**defaults, **fields})


GROUPS, PLACES, CATEGORIES = ("g1", "g2", "g3"), ("m1", "m2"), ("c1", "c2", "c3")
STAGES = {"x": 1, "y": 1, "z": 2}
"""Exclusive groups, each in its stage."""


def _some(codes: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(codes), min_size=1, max_size=2, unique=True)


def _without_absent(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if value is not None}


_days = st.integers(-2, 2).map(lambda n: TODAY + timedelta(days=n))
_dates = st.tuples(st.none() | _days, st.none() | _days).map(
    lambda ends: _without_absent({"from": ends[0] and str(ends[0]), "until": ends[1] and str(ends[1])})
)
_when = st.builds(
    lambda dates, doubt: {"dates": dates, "clock_not_trusted": doubt},
    _dates.filter(lambda d: bool(d) and d.get("from", "") <= d.get("until", "9")),
    st.sampled_from(["withhold", "grant"]),
)
_give = st.one_of(
    st.builds(percent, st.integers(1, 10_000)),
    st.builds(
        lambda c, per: {"kind": "fixed", "cents": c, "per": per}, st.integers(1, 900), st.sampled_from(["unit", "line"])
    ),
    st.builds(lambda c: {"kind": "fixed_price", "cents": c}, st.integers(0, 900)),
)
_payers = st.lists(st.integers(1, 3000), max_size=3).map(
    lambda shares: [
        *({"party": f"p{i}", "form": "tender", "share_basis_points": s} for i, s in enumerate(shares)),
        MERCHANT,
    ]
)


@st.composite
def rules(draw: st.DrawFn) -> Json:
    """One rule; its id is set by `rule_lists`."""
    exclusive = draw(st.none() | st.sampled_from(sorted(STAGES)))
    return _without_absent(
        rule(
            stage=STAGES[exclusive] if exclusive else draw(st.integers(0, 3)),
            priority=draw(st.integers(-1, 1)),
            exclusive_group=exclusive,
            who=draw(st.none() | _some(GROUPS).map(lambda codes: {"any_of_groups": codes})),
            where=draw(st.none() | _some(PLACES).map(lambda codes: {"merchant_groups": codes})),
            what=draw(st.none() | _some(CATEGORIES).map(lambda codes: {"categories": codes})),
            when=draw(st.none() | _when),
            give=draw(_give),
            payers=draw(_payers),
            message=draw(st.none() | st.just({"en": "Enjoy"})),
        )
    )


@st.composite
def rule_lists(draw: st.DrawFn, most: int = 12) -> list[Json]:
    """Rules with ids in an order of their own."""
    bodies = draw(st.lists(rules(), max_size=most))
    ids = draw(st.permutations(range(len(bodies))))
    return [{**body, "id": f"r{number}"} for body, number in zip(bodies, ids, strict=True)]


_lines = st.builds(
    line,
    st.integers(1, 3000),
    st.sampled_from((*CATEGORIES, "c9")),
    quantity=st.sampled_from([1, 333, 1000, 1500, 2000, 7000]),
    discountable=st.sampled_from([True, True, True, False]),
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    lines = draw(st.lists(_lines, min_size=1, max_size=5))
    return question(
        *(msgspec.structs.replace(one, id=f"l{i}") for i, one in enumerate(lines)),
        entitlements=tuple(draw(st.lists(st.sampled_from((*GROUPS, "g9")), max_size=3))),
        merchant_groups=tuple(draw(st.lists(st.sampled_from((*PLACES, "m9")), max_size=3))),
        today=draw(_days),
        clock_trusted=draw(st.booleans()),
        identified=draw(st.booleans()),
    )
