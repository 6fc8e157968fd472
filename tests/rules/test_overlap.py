"""How rules stand to each other is held against what the engine does with each of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.circumstances import Left
from gateway.rules.conditions import Need, What, When, Where, Who
from gateway.rules.document import Rule
from gateway.rules.index import compile
from gateway.rules.overlap import covers, may_meet, no_less
from gateway.rules.read import load
from tests.rules.builders import Json, document, line, percent, question, rule
from tests.rules.town import ALONE, FIELDS, SAID, content, met, sensible


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
    return sensible(said)


pairs = rules().flatmap(lambda other: st.tuples(rules(other), st.just(other)))


def loaded(*rules: Json) -> Sequence[Rule]:
    return content(*rules).rules


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


@pytest.mark.parametrize("kind", [Who, Where, What, When, Need])
def test_no_condition_is_forgotten(kind: type[msgspec.Struct]) -> None:
    """One that `covers` does not know of would make it wrong: add it there, and to the town."""
    elsewhere = {
        "when": {"calendar", "zone"},  # Comes with windows; says nothing.
        "need": {"min_spend_cents", "of", "basis", "with", "events"},  # The whole need has to be the same.
    }
    part = kind.__name__.lower()
    told = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert told == set(FIELDS[part]) | elsewhere.get(part, set())


def test_no_part_of_a_rule_is_forgotten() -> None:
    parts = {"who", "where", "what", "when", "need", "quota"}
    about = {"id", "version", "title", "legal_basis", "give", "payers", "message"}
    order = {"stage", "priority", "exclusive_group", "choose"}
    assert set(Rule.__struct_fields__) == parts | about | order
