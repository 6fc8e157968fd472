"""Forms that no type looks at while decoding: none of them is forgotten."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from gateway.model.errors import InputRefused
from gateway.rules.conditions import CLOCK, minute_of
from gateway.rules.document import RulesContent
from gateway.rules.parts import CODE, PHRASE
from gateway.rules.read import load
from tests.rules.builders import MERCHANT, Json, document, rule

BAD = {
    CODE: ["", "A", "-a", "a b", "a\n", "a" * 33, "ā", "a/../b", "\x00"],
    PHRASE: ["a\nb", "a\n", "\x1b[2J", "\x7f", "\u0085", "\x00"],
    CLOCK: ["", "8:30", "24:01", "08:60", "08:30\n", "08:30:00", "２３:００", "-1:00"],
}
PLACES: dict[str, tuple[str, str, Any]] = {
    "Rule.legal_basis": (PHRASE, "legal_basis", lambda bad: {"legal_basis": bad}),
    "Rule.exclusive_group": (CODE, "exclusive_group", lambda bad: {"exclusive_group": bad}),
    "Payer.party": (CODE, "payers[0].party", lambda bad: {"payers": [{**MERCHANT, "party": bad}]}),
    "Who.any_of_groups": (CODE, "who.any_of_groups[1]", lambda bad: {"who": {"any_of_groups": ["a", bad]}}),
    "Where.merchant_groups": (CODE, "where.merchant_groups[1]", lambda bad: {"where": {"merchant_groups": ["a", bad]}}),
    "What.categories": (CODE, "what.categories[1]", lambda bad: {"what": {"categories": ["a", bad]}}),
    "Window.from": (CLOCK, "when.windows[0].from", lambda bad: {"when": {"windows": [{"from": bad}]}}),
    "Window.until": (CLOCK, "when.windows[0].until", lambda bad: {"when": {"windows": [{"until": bad}]}}),
}
"""Where a form is left to `check`: the pattern, the path in a rule, and the rule's fields with a bad text there."""


def left_to_check(kind: inspect.Type, at: str, seen: set[type]) -> dict[str, str]:
    """Field of a type → the pattern that only its schema knows."""
    found: dict[str, str] = {}
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=schema):
            if schema is not None and "pattern" in schema:
                found[at] = schema["pattern"]
            found |= left_to_check(inner, at, seen)
        case inspect.StructType(cls=cls, fields=fields) if cls not in seen:
            seen.add(cls)
            for field in fields:
                found |= left_to_check(field.type, f"{cls.__name__}.{field.encode_name}", seen)
        case inspect.VarTupleType(item_type=item):
            found |= left_to_check(item, at, seen)
        case inspect.DictType(key_type=key, value_type=value):
            found |= left_to_check(key, at, seen) | left_to_check(value, at, seen)
        case inspect.UnionType(types=types):
            for one in types:
                found |= left_to_check(one, at, seen)
        case _:
            pass
    return found


def test_these_are_all_that_no_type_looks_at() -> None:
    assert left_to_check(inspect.type_info(RulesContent), "$", set()) == {at: of[0] for at, of in PLACES.items()}


@pytest.mark.parametrize(
    ("at", "bad"), [pytest.param(at, bad, id=f"{at}-{bad!r}") for at, of in PLACES.items() for bad in BAD[of[0]]]
)
def test_each_is_refused_where_it_stands(at: str, bad: str) -> None:
    _, path, fields = PLACES[at]
    for rules in ([rule("a", **fields(bad))], [rule("a"), rule("b", **fields(bad)), rule("c", **fields(bad))]):
        with pytest.raises(InputRefused) as caught:
            load(document(*rules))
        assert caught.value.where == f"$.rules[{len(rules) // 2}].{path}"
        assert "\n" not in caught.value.what
        assert not any(character in caught.value.what for character in "\x00\x1b\x7f\x85")


@given(st.text(max_size=8))
def test_what_a_clock_shows_is_what_the_schema_says(text: str) -> None:
    assert (minute_of(text) is not None) == (matches(CLOCK, text))


@given(st.integers(0, 29), st.integers(0, 69))
def test_so_is_every_time(hour: int, minute: int) -> None:
    shown = f"{hour:02}:{minute:02}"
    assert minute_of(shown) == (60 * hour + minute if matches(CLOCK, shown) else None)


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def test_the_same_text_is_asked_about_wherever_it_stands() -> None:
    """What is well-formed as a phrase is not for that a code."""
    fields: Json = {"legal_basis": "Art. 5", "exclusive_group": "Art. 5"}
    with pytest.raises(InputRefused) as caught:
        load(document(rule("a", legal_basis="Art. 5"), rule("b", **fields)))
    assert caught.value.where == "$.rules[1].exclusive_group"
