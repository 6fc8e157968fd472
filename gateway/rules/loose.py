"""JSON that is put together or taken apart before its types are looked at. Pure."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def decode(content: bytes | str) -> Any:
    """A JSON value in which no object has a name twice (of two a reader silently keeps the last; RFC 8259, 4). Raises
    `ValueError` and nothing else, whatever the bytes."""
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def encode(value: Any) -> bytes:
    """The value as JSON. Raises `ValueError` for one that is nested too deep."""
    try:
        return json.dumps(value, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:64]!r} is there twice in one object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
