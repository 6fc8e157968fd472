"""Rule documents: what is refused, and how the refusal reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.rules.check import MAX_KEYS
from gateway.rules.read import load
from tests.rules.builders import MERCHANT, Json, document, percent, rule, rule_lists

KNOWN = frozenset(
    re.findall(
        r"[a-z_]+",
        """
    schema rules id version title legal_basis stage priority exclusive_group choose who where what when give payers
    message any_of_groups merchant_groups categories dates from until clock_not_trusted zone kind basis_points cents per
    party share_basis_points rest form lv lt en ru
    all_of_groups none_of_groups any_of_lists residence age partner places gateways skus unit_price flags not_flags
    windows calendar days need min_spend_cents of min_quantity with means events base rounding cap floor_cents by steps
    key units for_each pick most quota unit limit source period on_exceed carry grace_units calendars partners
    suspensions vat examples""",
    )
)
DEMO = Path(__file__).parents[2] / "config/bundles/demo-rules.json"


def fault(content: bytes) -> InputRefused | None:
    try:
        load(content)
    except InputRefused as error:
        return error
    return None


def refusal(*rules: Json) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        load(document(*rules))
    return caught.value


def test_the_sample_bundle_is_accepted() -> None:
    assert len(load(DEMO.read_bytes()).rules) == 8


def test_an_unknown_field_is_refused_with_its_path_and_rule() -> None:
    error = refusal(rule("a"), rule("b", colour="red"))
    assert (error.where, error.code) == ("$.rules[1]", "rules_document")
    assert "rule 'b'" in error.what
    assert "`colour`" in error.what


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"title": {"de": "Regel"}}, "$.rules[0].title", "`de`"),
        ({"title": {}}, "$.rules[0].title", "no title"),
        ({"title": {"en": "two\nlines"}}, "$.rules[0].title.en", "one line of text"),
        ({"message": {}}, "$.rules[0].message", "no message"),
        ({"legal_basis": ""}, "$.rules[0].legal_basis", "is empty"),
        ({"version": 0}, "$.rules[0].version", "too little: 1 is"),
        ({"version": 10**30}, "$.rules[0].version", "too much"),
        ({"id": "a\n"}, "$.rules[0].id", "is no id"),
        ({"who": {"any_of_groups": []}}, "$.rules[0].who.any_of_groups", "nothing in it"),
        ({"who": None}, "$.rules[0].who", "null"),
        ({"give": {"kind": "fixed", "cents": 5}}, "$.rules[0].give", "`per`"),
        ({"give": {"kind": "fixed_price", "cents": 5, "per": "line"}}, "$.rules[0].give.per", "line"),
        ({"give": {"kind": "tiers", "by": "spend", "steps": []}}, "$.rules[0].give.steps", "nothing in it"),
        ({"give": {"kind": "fixed", "cents": 1, "per": "everything"}}, "$.rules[0].give.per", "everything"),
        ({"give": percent(10_001)}, "$.rules[0].give.basis_points", "10000"),
        ({"give": {"kind": "percent", "basis_points": 10.5}}, "$.rules[0].give.basis_points", "1050 is 10.5 %"),
        ({"when": {"dates": {}}}, "$.rules[0].when.dates", "neither"),
        ({"when": {"dates": {"from": "2026-02-30"}}}, "$.rules[0].when.dates.from", "date"),
        ({"when": {"dates": {"from": "2026-05-02", "until": "2026-05-01"}}}, "$.rules[0].when.dates", "reversed"),
        ({"when": {"dates": {"from": "2026-05-02"}, "zone": "Europe/Riga"}}, "$.rules[0].when.zone", "Riga"),
        ({"payers": []}, "$.rules[0].payers", "nothing in it"),
        ({"payers": [{"party": "a", "rest": True}]}, "$.rules[0].payers[0]", "`form`"),
        ({"payers": [{"party": "a", "form": "tender"}]}, "$.rules[0].payers[0]", "either"),
        ({"payers": [MERCHANT, {**MERCHANT, "party": "b"}]}, "$.rules[0].payers", "2 payers"),
        ({"payers": [MERCHANT, MERCHANT]}, "$.rules[0].payers[1]", "twice"),
        (
            {"payers": [{"party": "a", "form": "tender", "share_basis_points": 9999}]},
            "$.rules[0].payers",
            "9999 basis points",
        ),
        (
            {"payers": [{"party": "a", "form": "tender", "share_basis_points": 10_000}, MERCHANT]},
            "$.rules[0].payers",
            "nothing is left",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(fields: Json, where: str, says: str) -> None:
    error = refusal(rule(**fields))
    assert error.where == where
    assert says in error.what


def test_the_same_id_twice_is_refused() -> None:
    assert refusal(rule("a"), rule("b"), rule("a")).where == "$.rules[2].id"


def test_an_exclusive_group_stands_in_one_stage() -> None:
    error = refusal(rule("a", exclusive_group="x"), rule("b", exclusive_group="x", stage=2))
    assert (error.where, "stage 1" in error.what) == ("$.rules[1].stage", True)


def test_all_faults_are_told_up_to_ten() -> None:
    error = refusal(*(rule(f"r{i}", title={}) for i in range(12)))
    assert error.what.count("no title") == 10
    assert error.what.endswith("and more")


def test_the_advice_for_a_zone_says_to_leave_it_out() -> None:
    assert "leave `zone` out" in refusal(rule(when={"dates": {"from": "2026-05-02"}, "zone": "Europe/Riga"})).advice


def test_a_document_that_would_fill_the_memory_is_refused() -> None:
    codes = [f"c{i}" for i in range(64)]
    wide = rule(who={"any_of_groups": codes}, where={"merchant_groups": codes}, what={"categories": codes})
    assert MAX_KEYS < 64**3
    assert refusal(wide).where == "$.rules"


def test_a_long_fault_is_cut() -> None:
    assert len(refusal(rule(choose="x" * 10_000)).what) < 400


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"schema":2,"rules":[]}', b"[" * 100_000]
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(InputRefused):
        load(content)


@given(rule_lists())
def test_what_the_page_allows_is_accepted(rules: list[Json]) -> None:
    assert len(load(document(*rules)).rules) == len(rules)


def _objects(value: Any) -> list[Json]:
    """All objects in a JSON value."""
    if isinstance(value, dict):
        return [value, *(found for part in value.values() for found in _objects(part))]
    if isinstance(value, list):
        return [found for part in value for found in _objects(part)]
    return []


@given(st.data(), st.text(min_size=1, max_size=12), st.integers() | st.none() | st.text(max_size=3))
def test_an_unknown_field_anywhere_is_refused(data: st.DataObject, name: str, value: int | str | None) -> None:
    content = json.loads(DEMO.read_bytes())
    target = data.draw(st.sampled_from(_objects(content)))
    if name in KNOWN:
        name += "_"
    target[name] = value
    with pytest.raises(InputRefused):
        load(json.dumps(content).encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_nothing_else(content: bytes) -> None:
    with pytest.raises(InputRefused):
        load(content)


@given(st.data())
def test_a_damaged_document_is_refused_or_means_something(data: st.DataObject) -> None:
    content = bytearray(DEMO.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    error = fault(bytes(content))
    assert error is None or error.where.startswith("$")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(sorted(rule(who=1, where=1, what=1, when=1, message=1, stage=1, priority=1, exclusive_group=1))),
    _json,
)
def test_any_json_in_any_field_is_refused_or_means_something(field: str, value: Any) -> None:
    error = fault(document(rule(**{field: value})))
    assert error is None or error.where.startswith("$.rules")
