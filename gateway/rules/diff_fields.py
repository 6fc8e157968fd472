"""Which fields of a rule are not the same in another version of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from gateway.rules.document import Rule

MAX_FIELDS = 20
"""Told of one rule."""
LONGEST = 120
"""Characters of a value that are told."""
_ABSENT = object()


class ChangedField(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a rule by its path in it. `before` and `after` are its values as JSON, cut where they are long; absent
    where there is none: then it has its default."""

    path: str
    before: str | None = None
    after: str | None = None


def changed_fields(old: Rule, new: Rule) -> tuple[tuple[ChangedField, ...], int]:
    """What differs but for the version, the first of it, and how many more there are."""
    one, other = (json.loads(msgspec.json.encode(msgspec.structs.replace(rule, version=1))) for rule in (old, new))
    found = _different(one, other, "")
    first = tuple(islice(found, MAX_FIELDS))
    return first, sum(1 for _ in found)


def _different(one: Any, other: Any, path: str) -> Iterator[ChangedField]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            at = f"{path}.{name}" if path else name
            yield from _different(one.get(name, _ABSENT), other.get(name, _ABSENT), at)
    elif _parts(one) and _parts(other) and len(one) == len(other):
        for index, (before, after) in enumerate(zip(one, other, strict=True)):
            yield from _different(before, after, f"{path}[{index}]")
    elif one != other:
        yield ChangedField(path, _told(one), _told(other))


def _parts(value: Any) -> bool:
    """Whether it is a list of objects, which are held against each other; codes are told as a whole."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _told(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
