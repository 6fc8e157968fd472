"""The rule document's schema as an editor needs it: with its examples, of which the types keep the bytes alone."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.model.receipt import Receipt
from gateway.rules.document import RulesContent
from gateway.rules.evaluation import Evaluation
from gateway.rules.examples import Example
from gateway.rules.expected import NAMED_BY
from gateway.rules.setting import Person, Setting
from gateway.wire.described import components

Json = dict[str, Any]

REF = "#/$defs/{name}"


def rules_schema() -> Json:
    """The schemas of a rule document and of all that it holds, by name. What an example expects is a part of an
    answer: nothing is required of it, and a list may be told by its items' names."""
    parts = components([RulesContent, Example, Receipt, Person, Setting], REF)
    answer = components([Evaluation], REF)
    parts |= {name: schema for name, schema in answer.items() if name not in parts}
    for name in answer:
        if "properties" in parts[name]:
            parts[name] = _expected(parts[name])
    parts[RulesContent.__name__]["properties"]["examples"]["items"] = _ref(Example)
    parts[Setting.__name__]["required"] = []
    parts[Example.__name__]["properties"] |= {
        "receipt": _ref(Receipt),
        "holder": _ref(Person),
        "setting": _ref(Setting),
        "expect": {**_ref(Evaluation), "minProperties": 1},
    }
    return parts


def _expected(schema: Json) -> Json:
    """A part of an answer; a misspelt field is none."""
    fields = {
        name: _told_by_name(field, NAMED_BY[name]) if name in NAMED_BY else field
        for name, field in schema["properties"].items()
    }
    return {**schema, "properties": fields, "required": [], "additionalProperties": False}


def _told_by_name(field: Json, name: str) -> Json:
    """A list, or an object of its items by their names; null for one that is not there."""
    items = {"anyOf": [field["items"], {"type": "null"}]}
    by_name = {"type": "object", "additionalProperties": items, "description": f"Items by `{name}`."}
    return {"anyOf": [{key: value for key, value in field.items() if key != "default"}, by_name]}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": REF.format(name=kind.__name__)}
