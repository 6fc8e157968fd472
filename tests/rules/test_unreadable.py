"""What the types refuse is told in words, each fault of each rule, with its path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.rules.folder import put_together
from gateway.rules.read import load
from gateway.rules.refusal import DocumentRefused
from tests.rules.builders import MERCHANT, Json, document, percent, rule


def refused(content: bytes) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        load(content)
    return caught.value


WINDOW = {"days": ["monday"]}


@pytest.mark.parametrize(
    ("fields", "at", "says", "advice"),
    [
        ({"give": {"kind": "percent", "basis_points": "50%"}}, "give.basis_points",
         '"50%" is not a whole number of basis points: 5000 is 50 %', "without quotation marks"),
        ({"give": {"kind": "percent", "basis_points": "12,5 %"}}, "give.basis_points", "1250 is 12.5 %", ""),
        ({"give": {"kind": "percent", "basis_points": "5000"}}, "give.basis_points", "5000 is 50 %", "quotation"),
        ({"give": percent(20_000)}, "give.basis_points", "20000 is too much: 10000 is 100 %, at most that", ""),
        ({"give": {"kind": "fixed", "cents": 1.5, "per": "line"}}, "give.cents", "150 is 1.50", ""),
        ({"give": {"kind": "percents"}}, "give.kind", "none of: percent, fixed,", ""),
        ({"give": {"kind": 5}}, "give.kind", "5 is none of: percent, fixed,", ""),
        ({"give": {"basis_points": 5}}, "give", "the field `kind` is missing", "one of: percent, fixed,"),
        ({"give": {"kind": "percent", "cents": 5}}, "give", "no field `cents`", "There are: kind, cap"),
        ({"who": {"partner": "nevr"}}, "who.partner", "none of: also, never, only; did you mean 'never'?", ""),
        ({"payers": [{**MERCHANT, "form": "cash"}]}, "payers[0].form", "none of: discount, tender, off_receipt", ""),
        ({"when": {"windows": [WINDOW]}}, "when.windows[0].days[0]", "did you mean 'mon'?", ""),
        ({"when": {"dates": {"from": "31.01.2027"}}}, "when.dates.from", "a date is such as 2027-01-31", ""),
        ({"legal_base": "x"}, "", "no field `legal_base` here; did you mean `legal_basis`?", "There are: id, version"),
        ({"title": {"de": "x"}}, "title", "`de` is no language here", "lv, lt, en, ru"),
        ({"id": "A b"}, "id", '"A b" is no id: 1 to 64', ""),
        ({"who": {"all_of_groups": ["P1"]}}, "who.all_of_groups[0]", '"P1" is no code: 1 to 32', ""),
        ({"who": {"all_of_groups": "p1"}}, "who.all_of_groups", "a list in [ ] is needed, not a text", ""),
        ({"who": None}, "who", "null is no value here", "Leave the field out"),
        ({"where": {"places": ["x"]}}, "where.places[0]", "no id of a place", ""),
        ({"version": "2"}, "version", '"2" is no whole number', "without quotation marks"),
        ({"stage": 100}, "stage", "100 is too much: 99 is the most", ""),
        ({"title": {"en": "x" * 241}}, "title.en", "too long: 240 characters", ""),
        ({"quota": []}, "quota", "nothing in it", "leave the field out"),
        ({"who": {"all_of_groups": [f"g{one}" for one in range(65)]}}, "who.all_of_groups", "64 are the most", ""),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_what_is_needed(fields: Json, at: str, says: str, advice: str) -> None:
    error = refused(document(rule("before"), rule(**{"id": "bad", **fields})))
    assert error.where == f"$.rules[1]{f'.{at}' if at else ''}"
    assert says in error.what
    assert advice in error.advice
    assert "Expected" not in error.what


@pytest.mark.parametrize(
    ("tables", "where", "says"),
    [
        ({"calendars": {"lv": ["2026-11-18", "18.11.2026"]}}, "$.calendars.lv[1]", "a date is such as"),
        ({"calendars": {"A b": []}}, '$.calendars["A b"]', "no code"),
        ({"vat": {"Z": []}}, "$.vat.Z", "no VAT class: one of A to H"),
        ({"vat": {"A": [{"from": 2018}]}}, "$.vat.A[0].from", "a date such as 2027-01-31 is needed"),
        ({"partners": [{"city": "x", "groups": {"a": "b"}}]}, "$.partners[0].groups.a", "a list"),
        ({"partners": [{"city": "x", "groups": {"A": ["b"]}}]}, "$.partners[0].groups.A", "no code"),
        ({"partners": [{"town": "x", "groups": {}}]}, "$.partners[0]", "`town`"),
        ({"suspensions": [{"id": "s"}]}, "$.suspensions[0]", "is missing"),
        ({"calendar": {}}, "$", "did you mean `calendars`?"),
        ({"schema": 2}, "$.schema", "2 is none of: 1"),
        ({"rules": {}}, "$.rules", "a list in [ ] is needed, not an object"),
    ],
)
def test_a_slip_in_a_table_is_told_with_its_name(tables: Json, where: str, says: str) -> None:
    error = refused(json.dumps({"schema": 1, "rules": [rule()], **tables}).encode())
    assert (error.where, says in error.what) == (where, True), error.what


def test_each_rule_tells_its_own_fault_and_tables_too() -> None:
    error = refused(document(rule("a", stage="x"), rule("b"), rule("c", stage="y"), calendars={"lv": ["x"]}, colour=1))
    assert [(one.path, one.rule) for one in error.faults] == [
        ("$", ""), ("$.rules[0].stage", "a"), ("$.rules[2].stage", "c"),
    ]  # fmt: skip
    assert "rule 'c': \"y\" is no whole number - at `$.rules[2].stage`" in error.what
    error = refused(document(rule("a", stage="x"), calendars={"lv": ["x"]}))
    assert [one.path for one in error.faults] == ["$.rules[0].stage", "$.calendars.lv[0]"]


def test_at_most_ten_are_told() -> None:
    error = refused(document(*(rule(f"r{index}", stage="x") for index in range(12))))
    assert error.what.count("is no whole number") == 10
    assert error.what.endswith("and more")


def test_what_is_no_json_is_told_before_what_has_a_wrong_type() -> None:
    error = refused(b'{"schema": 1,\n "rules": 5,\n}')
    assert (error.where, "line 2, column 12" in error.what) == ("$", True)


@pytest.mark.parametrize("files", [1, 2])
def test_a_byte_order_mark_is_taken_off_a_file(files: int) -> None:
    """A bundle has none: other readers would refuse it."""
    whole = put_together(
        [(f"{number}.json", b"\xef\xbb\xbf" + document(rule(f"r{number}"))) for number in range(files)]
    )
    assert len(whole.load().rules) == files
    assert whole.raw.startswith(b"{")


def test_faults_of_several_files_are_told_where_they_stand() -> None:
    parts: list[tuple[str, Any]] = [
        ("a.json", document(rule("a"), calendars={"A b": []})),
        ("b.json", document(rule("b", stage="x"))),
    ]
    with pytest.raises(DocumentRefused) as caught:
        put_together(parts).load()
    assert [one.path for one in caught.value.faults] == ["b.json: $.rules[0].stage", 'a.json: $.calendars["A b"]']
