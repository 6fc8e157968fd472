"""What may stand at a place of the configuration, in words: the type check says it as types and patterns."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

_PATTERN = re.compile(r"Expected `str` matching regex '(.*)'$")

_PATTERNS = {
    r"^[a-z0-9-]{3,32}$(?!\\n)": "3 to 32 of a-z 0-9 -",
    r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\\n)": "up to 32 of a-z 0-9 _ . -, a letter or digit first",
    r"^[a-z0-9-]{1,16}$(?!\\n)": "up to 16 of a-z 0-9 -",
    r"^[a-z0-9_]{2,32}$(?!\\n)": "2 to 32 of a-z 0-9 _",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\\n)": "an hour and minute such as 23:50",
    r"^[A-H]$(?!\\n)": "a letter from A to H",
    r"^(auto|vouched)$(?!\\n)": "auto or vouched",
    r"^(auto|5|3.1.1)$(?!\\n)": "auto, 5 or 3.1.1",
    r"^(127\\.0\\.0\\.1|::1)$(?!\\n)": "127.0.0.1 or ::1",
    r"^[A-Za-z0-9_-]{1,40}$(?!\\n)": "up to 40 of a-z A-Z 0-9 _ -",
    r"^[a-z0-9.-]{1,253}$(?!\\n)": "a host name in small letters",
}
"""Patterns of `types.py` as docs/configuration.md says them; as the type check prints them, backslashes twice."""


def in_words(what: str) -> str:
    """A complaint of the type check; a pattern that we know said in words."""
    found = _PATTERN.search(what)
    words = _PATTERNS.get(found[1]) if found else None
    return what if words is None else f"Expected {words}"


def choices(kind: type[Any], path: tuple[str | int, ...], data: Any) -> list[str]:
    """The closed list of values that may stand at `path` of a `kind`; empty where it is no closed list."""
    return _choices(inspect.type_info(kind), path, data)


def _choices(info: inspect.Type, path: tuple[str | int, ...], data: Any) -> list[str]:
    match info:
        case inspect.Metadata():
            return _choices(info.type, path, data)
        case inspect.EnumType():
            return [str(member.value) for member in info.cls]
        case inspect.LiteralType():
            return [str(value) for value in info.values]
        case inspect.UnionType():
            meant = [one for one in info.types if _is_meant(one, data)]
            return next((found for one in meant if (found := _choices(one, path, data))), [])
        case inspect.StructType() if path:
            step, *rest = path
            below = data.get(step) if isinstance(data, dict) else None
            types = [field.type for field in info.fields if field.encode_name == step]
            return _choices(types[0], tuple(rest), below) if types else []
        case inspect.VarTupleType() | inspect.ListType():
            below = None
            if path and isinstance(data, list) and isinstance(index := path[0], int) and index < len(data):
                below = data[index]
            return _choices(info.item_type, path[1:], below)
    return []


def _is_meant(info: inspect.Type, data: Any) -> bool:
    """Of structs that a tag tells apart, the one that the data names."""
    if not isinstance(info, inspect.StructType) or info.tag_field is None or not isinstance(data, dict):
        return True
    return bool(data.get(info.tag_field) == info.tag)
