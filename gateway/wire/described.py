"""JSON Schemas of types, the same on every Python: descriptions are docstrings, and 3.13 keeps those without their
indentation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


def components(types: Iterable[Any], ref_template: str) -> dict[str, Any]:
    """The schemas of these types and of all that they hold, by name."""
    _, found = msgspec.json.schema_components(types, ref_template=ref_template)
    return {name: _one_line(schema) for name, schema in found.items()}


def _one_line(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _one_line(value)
                for key, value in node.items()
            }
        case list():
            return [_one_line(value) for value in node]
        case _:
            return node
