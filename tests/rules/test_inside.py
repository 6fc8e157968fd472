"""Examples that live inside a document: what is run, and what counts as different."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.rules.evaluation import Evaluation
from gateway.rules.examples import differences, run
from gateway.rules.expected import NAMED_BY
from gateway.rules.index import compile
from gateway.rules.read import load
from tests.rules.builders import MERCHANT, Json, rule

SCHEMA = json.loads((Path(__file__).parents[2] / "config/schemas/rules.json").read_bytes())
RECEIPT = {"lines": [{"id": "1", "text": "Book", "category": "books", "unit_cents": 1000}]}


def example(expect: Json, **fields: Any) -> Json:
    return {"what": "a book", "at": "2026-05-10", "receipt": RECEIPT, "expect": expect, **fields}


def told(*examples: Any, **tables: Any) -> list[tuple[str, ...]]:
    quota = {"key": "k", "unit": "uses", "limit": 1, "period": "day"}
    rules = [rule("a", message={"en": "Enjoy"}), rule("b", who={}), rule("c", what={"categories": ["x"]}, who={},
        quota=[quota])]  # fmt: skip
    content = load(json.dumps({"schema": 1, "rules": rules, "examples": examples, **tables}).encode())
    return [one.differences for one in run(content, compile(content, 0))]


@pytest.mark.parametrize(
    "expect",
    [
        {"totals": {"due_cents": 900}},
        {"lines": [{"due_cents": 900, "rules": [{"rule": "a", "payers": [{"party": "merchant", "cents": 100}]}]}]},
        {"lines": {"1": {"rules": {"a": {"payers": {"merchant": {"cents": 100}}}}}}},
        {"reasons": {"a": {"reason": "applied", "cents": 100}, "b": {"reason": "not_identified"}, "c": None}},
        {"messages": {"a": {"text": "Enjoy"}, "b": None}, "balances": [], "uses": {"k": None}},
    ],
)
def test_what_is_as_expected(expect: Json) -> None:
    assert told(example(expect)) == [()]
    document = {"schema": 1, "rules": [], "examples": [example(expect)]}
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({}, "$: nothing is expected"),
        ({"totals": {"due_cents": 901}}, "$.totals.due_cents: 900 instead of 901"),
        ({"totals": {"colour": "red"}}, "$.totals.colour: no such field"),
        ({"totals": {"due_cent": 900}}, "$.totals.due_cent: no such field; did you mean 'due_cents'?"),
        ({"totals": {"due_cent": None}}, "$.totals.due_cent: no such field"),
        ({"lines": [{"rules": [{"cent": 1, "rule": "a"}]}]}, "$.lines[0].rules[0].cent: no such field"),
        ({"reasons": {"aa": None, "a": {}}}, "$.reasons[aa]: no rule 'aa' in this document; did you mean 'a'?"),
        ({"reasons": {"x": {"reason": "applied"}}}, "$.reasons[x]: no rule 'x' in this document"),
        ({"messages": {"x": None}}, "$.messages[x]: no rule 'x' in this document"),
        ({"totals": {"rules": {"x": None}}}, "$.totals.rules[x]: no rule 'x' in this document"),
        ({"totals": {"payers": {"jelgawa": None}}}, "$.totals.payers[jelgawa]: no payer 'jelgawa' in this document"),
        ({"uses": {"kk": None}}, "$.uses[kk]: no quota 'kk' in this document"),
        ({"balances": {"x": None}}, "$.balances[x]: no quota 'x' in this document"),
        ({"lines": {"2": None}}, "$.lines[2]: no line '2' on the receipt"),
        ({"lines": []}, "$.lines: 1 items instead of 0"),
        ({"lines": {"2": {"due_cents": 0}}}, "$.lines[2]: no line '2' on the receipt"),
        ({"messages": {"b": {"text": "Hi"}}}, "$.messages[b]: is not there"),
        ({"reasons": {"a": None}}, "$.reasons[a]: is there"),
        ({"reasons": {"a": {"reason": "lost_to"}}}, "$.reasons[a].reason: 'applied' instead of 'lost_to'"),
        ({"inputs": {"a": {}}}, "instead of {'a': {}}"),
    ],
)
def test_what_is_not_is_told_with_its_path(expect: Json, difference: str) -> None:
    ((found,),) = told(example(expect))
    assert difference in found


def test_a_rule_that_is_told_of_several_lines_is_as_expected_when_one_of_them_is() -> None:
    lines = [{**RECEIPT["lines"][0], "id": f"{number}", "unit_cents": 100 * number} for number in (1, 2, 3)]
    asked = {"receipt": {"lines": lines}}
    assert told(example({"reasons": {"a": {"line": "3", "cents": 30}}}, **asked)) == [()]
    assert told(example({"reasons": {"a": {"line": "3", "cents": 31}}}, **asked)) != [()]


def test_what_is_no_example_is_told_and_the_others_are_run() -> None:
    good = example({"totals": {"due_cents": 900}})
    found = told(1, {**good, "colour": "red"}, {**good, "at": "2026-02-30"}, {**good, "receipt": {"lines": []}}, good)
    assert [bool(one) for one in found] == [True, True, True, True, False]
    assert "not an example" in found[0][0]
    assert found[1][0].startswith("not an example: $: there is no field `colour` here")
    assert found[2][0].startswith("at: '2026-02-30' is no time of the calendar")
    assert found[3][0].startswith("receipt: $.lines: ")


def test_a_setting_and_a_holder_are_asked_with() -> None:
    holder = {"id": "h", "entitlements": ["p"]}
    one = rule("c", who={"any_of_groups": ["p"]}, where={"places": ["museum-1"]}, payers=[MERCHANT])
    content = load(json.dumps({"schema": 1, "rules": [one], "examples": [
        example({"totals": {"due_cents": 900}}, holder=holder, setting={"place": "museum-1"}),
        example({"totals": {"due_cents": 1000}}, holder=holder),
        example({"totals": {"due_cents": 1000}}, setting={"place": "museum-1"}),
    ]}).encode())  # fmt: skip
    assert [found.differences for found in run(content, compile(content, 0))] == [(), (), ()]


def test_every_list_of_an_answer_has_a_name_for_its_items() -> None:
    lists = {
        name
        for part in SCHEMA["$defs"]
        if part in ("Evaluation", "EvaluatedLine", "RuleCents", "Totals")
        for name, field in SCHEMA["$defs"][part]["properties"].items()
        if "anyOf" in field and field["anyOf"][0].get("type") == "array"
    }
    assert lists == set(NAMED_BY)
    assert set(Evaluation.__struct_fields__) == set(SCHEMA["$defs"]["Evaluation"]["properties"])


@pytest.mark.parametrize(
    "broken",
    [
        example({}),
        example({"totals": {"colour": 1}}),
        example({"lines": {"1": {"colour": 1}}}),
        example({"totals": {}}, holder={"name": "Anna"}),
        example({"totals": {}}, setting={"colour": "red"}),
        example({"totals": {}}, receipt={"lines": []}),
    ],
)
def test_an_editor_sees_what_is_no_example(broken: Json) -> None:
    document = {"schema": 1, "rules": [], "examples": [broken]}
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) != []


def test_equal_values_of_any_kind_are_no_difference() -> None:
    values: list[Any] = [{}, [], None, 1, "a", {"a": [1, {"b": None}]}]
    for value in values:
        assert list(differences(value, value)) == []


def test_the_document_with_examples_on_the_page_is_as_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs/rules.md").read_text(encoding="utf-8")
    shown = page.partition("```json inside\n")[2].partition("```")[0]
    content = load(shown.encode())
    assert [one.differences for one in run(content, compile(content, 0))] == [(), ()]
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(shown))) == []
    fields = page.partition("## Examples inside")[2].partition("## In an editor")[0]
    assert [name for name in SCHEMA["$defs"]["Example"]["properties"] if f"| `{name}` |" not in fields] == []


def test_the_editors_settings_on_the_page_name_the_schema_and_the_samples() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs/rules.md").read_text(encoding="utf-8")
    (setting,) = json.loads(page.partition("```json settings\n")[2].partition("```")[0])["json.schemas"]
    assert (root / setting["url"]).is_file()
    assert list(root.glob(setting["fileMatch"][0]))
