"""Whatever comes, a document, a receipt, a holder, an example: it is refused or means something, no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.rules import examples
from gateway.rules.evaluate import answer
from gateway.rules.index import compile
from gateway.rules.read import load
from gateway.rules.setting import Setting
from tests.rules.builders import Json, a_document, a_question, document, rule, rule_set

T = TypeVar("T")

NOON = Setting(at=datetime.fromisoformat("2026-05-10T12:00"))
NUMBERS = st.integers() | st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400]) | st.floats(allow_nan=False, width=32)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS.filter(lambda one: abs(one) != float("inf")) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value can be put in the place of another."""
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    return [found for key, part in parts for found in [(*path, key), *places(part, (*path, key))]]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """A copy with another value at this path."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return copy


def refused_or(work: Callable[[], T]) -> T | InputRefused:
    try:
        return work()
    except InputRefused as error:
        return error


@given(st.data(), st.randoms(use_true_random=False), JSON)
def test_a_document_with_anything_anywhere(data: st.DataObject, chance: Random, value: Any) -> None:
    content = a_document(chance, most=3)
    asked = a_question(chance)
    path = data.draw(st.sampled_from(places(content)))
    raw = json.dumps(changed(content, path, value)).encode()
    rules = refused_or(lambda: compile(load(raw), 1))
    if isinstance(rules, InputRefused):
        assert (rules.where[:1], rules.code) == ("$", "rules_document")
        assert len(rules.what) < 5000
        assert "`, got `" not in rules.what
        assert "Expected `" not in rules.what
        return
    decision = rules.decide(asked)
    assert 0 <= decision.discount_cents <= decision.list_cents


RECEIPT: Json = {
    "means": "card",
    "lines": [
        {"id": "1", "text": "A", "category": "c1", "unit_cents": 100, "quantity": 2000, "vat": "A", "sku": "s1"},
        {"id": "2", "text": "B", "category": "c2", "unit_cents": 5, "flags": ["new"], "discountable": False},
    ],
}
HOLDER: Json = {"id": "h-1", "entitlements": ["g1"], "language": "lv", "city": "siauliai", "residence": "x", "age": 5}


@given(st.data(), st.sampled_from(["receipt", "holder"]), JSON, st.randoms(use_true_random=False))
def test_an_answer_to_anything(data: st.DataObject, which: str, value: Any, chance: Random) -> None:
    files = {"receipt": RECEIPT, "holder": HOLDER}
    path = data.draw(st.sampled_from([(), *places(files[which])]))
    files[which] = changed(files[which], path, value) if path else value
    rules = compile(load(json.dumps(a_document(chance, most=3)).encode()), 1)
    receipt, holder = (json.dumps(files[name]).encode() for name in ("receipt", "holder"))
    evaluation = refused_or(lambda: answer(rules, receipt, holder, NOON, ("en",)))
    if isinstance(evaluation, InputRefused):
        assert evaluation.where.partition(":")[0] == which
    else:
        assert evaluation.totals.due_cents >= 0


EXAMPLE: Json = {
    "what": "ten percent",
    "at": "2026-05-10",
    "receipt": RECEIPT,
    "holder": HOLDER,
    "setting": {"merchant_groups": ["m1"], "quotas": [{"key": "k", "left": 5, "used": 2}]},
    "expect": {"lines": [{"due_cents": 180}, {"due_cents": 5}]},
}


COUNTED = rule(quota=[{"key": "k", "unit": "units", "limit": 9, "period": "month", "per": "all"}])


def outcome(example: Any) -> examples.Outcome:
    content = load(document(COUNTED, examples=[example]))
    (found,) = examples.run(content, rule_set(COUNTED))
    return found


def test_the_example_that_is_changed_here_holds() -> None:
    assert outcome(EXAMPLE).differences == ()


@given(st.data(), JSON)
def test_an_example_with_anything_anywhere_holds_or_says_why_not(data: st.DataObject, value: Any) -> None:
    path = data.draw(st.sampled_from([(), *places(EXAMPLE)]))
    found = outcome(changed(EXAMPLE, path, value) if path else value)
    assert all(isinstance(one, str) for one in found.differences)
    assert found.answer is not None or found.differences


@given(st.binary(max_size=40))
def test_examples_of_arbitrary_bytes_refuse_the_document_or_say_why_not(content: bytes) -> None:
    raw = document(rule(), examples=["#"]).replace(b'"#"', content or b"null")
    read = refused_or(lambda: load(raw))
    if isinstance(read, InputRefused):
        assert read.where.startswith("$")
    else:
        assert all(one.differences for one in examples.run(read, rule_set(rule())))
