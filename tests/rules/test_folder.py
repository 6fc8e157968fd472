"""Several rule documents as one: what is put together, what is refused, and where a fault is said to stand."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.rules.folder import put_together
from gateway.rules.read import load
from tests.rules.builders import Json, document, rule, rule_lists


def part(*rules: Json, **tables: Any) -> bytes:
    return json.dumps({"schema": 1, "rules": rules, **tables}).encode()


def refusal(*parts: bytes) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        put_together([(f"{number}.json", content) for number, content in enumerate(parts)]).load()
    return caught.value


def test_a_single_file_keeps_its_own_bytes() -> None:
    content = b'{ "schema": 1,\n "rules": [] }'
    assert put_together([("a.json", content)]).raw == content


def test_rules_may_use_what_another_file_holds() -> None:
    uses = rule("a", when={"calendar": "lv", "windows": [{"days": ["holiday"]}]})
    held = part(
        calendars={"lv": ["2026-11-18"]},
        suspensions=[
            {"id": "s", "title": {"en": "S"}, "legal_basis": "x", "dates": {"from": "2026-01-01"}, "rules": ["a"]}
        ],
    )
    whole = put_together([("a.json", part(uses)), ("b.json", held)]).load()
    assert (len(whole.rules), list(whole.calendars), len(whole.suspensions)) == (1, ["lv"], 1)


def test_the_same_under_the_same_name_is_one() -> None:
    one = part(rule("a"), rule("b"), vat={"A": [{"from": "2012-07-01", "basis_points": 2100}]})
    assert [found.id for found in put_together([("a", one), ("b", one)]).load().rules] == ["a", "b"]


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        (part(rule("a")), part(rule("z"), rule("a", stage=2)), "1.json: $.rules[1]"),
        (part(calendars={"lv": []}), part(calendars={"lv": ["2026-11-18"]}), "1.json: $.calendars.lv"),
        (
            part(vat={"A": [{"from": "2012-07-01", "basis_points": 2100}]}),
            part(vat={"A": [{"from": "2012-07-01", "basis_points": 2200}]}),
            "1.json: $.vat.A",
        ),
        (
            part(partners=[{"city": "siauliai", "groups": {"m1": ["p1"]}}]),
            part(partners=[{"city": "siauliai", "groups": {"m1": ["p2"]}}]),
            "1.json: $.partners[0]",
        ),
    ],
)
def test_a_name_with_two_contents_is_refused_with_both_files(one: bytes, other: bytes, where: str) -> None:
    error = refusal(one, other)
    assert (error.where, error.code) == (where, "rules_document")
    assert "0.json" in error.what


def test_what_one_file_has_twice_is_refused() -> None:
    assert refusal(part(rule("z")), part(rule("a"), rule("a"))).where == "1.json: $.rules[1].id"


def test_a_fault_is_told_where_its_file_has_it() -> None:
    error = refusal(part(rule("a"), rule("b")), part(), part(rule("c"), rule("d", title={}), rule("e", title={})))
    assert error.where == "2.json: $.rules[1].title"
    assert "at `2.json: $.rules[2].title`" in error.what


def test_a_fault_in_a_table_is_told_where_its_file_has_it() -> None:
    rates = [{"from": "2012-07-01"}]
    assert refusal(part(rule("a")), part(vat={"A": rates})).where == "1.json: $.vat.A[0]"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[]", "1.json: $"),
        (b"{", "1.json: $"),
        (b"\xff", "1.json: $"),
        (b"[" * 100_000, "1.json: $"),
        (b'{"schema": 2, "rules": []}', "1.json: $.schema"),
        (b'{"schema": true, "rules": []}', "1.json: $.schema"),
        (b'{"schema": 1}', "1.json: $"),
        (b'{"schema": 1, "rules": {}}', "1.json: $.rules"),
        (b'{"schema": 1, "rules": [], "vat": []}', "1.json: $.vat"),
        (b'{"schema": 1, "rules": [], "colour": 1}', "1.json: $"),
        (b'{"schema": 1, "schema": 1, "rules": []}', "1.json: $"),
        (b'{"schema": 1, "rules": [NaN]}', "1.json: $"),
    ],
)
def test_what_is_no_document_is_refused_with_its_file(content: bytes, where: str) -> None:
    assert refusal(part(rule("a")), content).where == where


def test_without_a_file_there_is_nothing() -> None:
    assert "no rule documents" in refusal().what


@given(rule_lists(), st.data())
def test_however_rules_are_spread_over_files_they_are_the_same_document(rules: list[Json], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rules)), max_size=3)))
    ends = [0, *cuts, len(rules)]
    parts = [(f"{i}.json", part(*rules[a:b])) for i, (a, b) in enumerate(pairwise(ends))]
    whole = put_together(parts)
    assert whole.load() == load(document(*rules))
    for number, one in enumerate(rules):
        file, path = whole.place(f"$.rules[{number}].give")
        index = int(path.removeprefix("$.rules[").partition("]")[0])
        assert json.loads(dict(parts)[file])["rules"][index] == one
        assert path.endswith(".give")


def where_refused(*parts: tuple[str, bytes]) -> str | None:
    try:
        put_together(parts).load()
    except InputRefused as refused:
        return refused.where
    return None


@given(st.binary(max_size=120))
def test_any_bytes_as_a_part_are_refused_or_mean_something(content: bytes) -> None:
    assert where_refused(("a.json", part()), ("b.json", content)) != ""


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["rules", "partners", "calendars", "vat", "suspensions", "examples"]), _json),
    st.dictionaries(st.sampled_from(["rules", "partners", "calendars", "vat", "suspensions", "examples"]), _json),
)
def test_any_json_in_parts_is_refused_or_means_something(one: Json, other: Json) -> None:
    whole = {"schema": 1, "rules": []}
    parts = [(name, json.dumps({**whole, **content}).encode()) for name, content in (("a", one), ("b", other))]
    assert where_refused(*parts) != ""
