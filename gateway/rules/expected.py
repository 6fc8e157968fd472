"""What an example expects that no answer can have: fields that there are not, names that its document has not. Pure.

An expectation of nothing under a name (`null`) would hold for ever when the name is misspelt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from msgspec import inspect

from gateway.rules.document import RulesContent
from gateway.rules.evaluation import Evaluation
from gateway.rules.near import mean

NAMED_BY = {
    "lines": "line",
    "rules": "rule",
    "payers": "party",
    "reasons": "rule",
    "messages": "rule",
    "uses": "key",
    "balances": "key",
}
"""List of an answer → the field by which an item goes."""
SHOWN = 64
"""Characters of a name that is wrong."""
_CALLED = {"line": "no line {} on the receipt", "rule": "no rule {} in this document",
    "party": "no payer {} in this document", "key": "no quota {} in this document"}  # fmt: skip


class Names(NamedTuple):
    """What a document has names for."""

    rule: frozenset[str]
    party: frozenset[str]
    key: frozenset[str]

    @classmethod
    def of(cls, content: RulesContent) -> Names:
        rules = content.rules
        return cls(
            frozenset(rule.id for rule in rules),
            frozenset(payer.party for rule in rules for payer in rule.payers),
            frozenset(quota.key for rule in rules for quota in rule.quota or ()),
        )


def senseless(expect: Mapping[str, Any], names: Names, answer: Evaluation) -> Iterator[tuple[str, str]]:
    """Each path in an expectation that no answer can have, and why."""
    known = {**names._asdict(), "line": frozenset(line.line for line in answer.lines)}
    yield from _senseless(expect, _answers(), "$", known)


def _senseless(
    expected: Any, kind: inspect.Type, path: str, known: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    if isinstance(kind, inspect.StructType):
        fields = {field.encode_name: field.type for field in kind.fields}
        for name, value in expected.items() if isinstance(expected, dict) else ():
            at = f"{path}.{name[:SHOWN]}"
            if name in fields:
                yield from _senseless(value, fields[name], at, known)
            else:
                yield at, f"no such field{mean(name, fields)}"
    elif isinstance(kind, inspect.VarTupleType):
        yield from _items(expected, kind.item_type, path, known)


def _items(
    expected: Any, kind: inspect.Type, path: str, known: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    if isinstance(expected, list):
        for index, one in enumerate(expected):
            yield from _senseless(one, kind, f"{path}[{index}]", known)
    elif isinstance(expected, dict):
        named = NAMED_BY[path.rpartition(".")[2]]
        for name, value in expected.items():
            at = f"{path}[{name[:SHOWN]}]"
            if name in known[named]:
                yield from _senseless(value, kind, at, known)
            else:
                yield at, _CALLED[named].format(repr(name[:SHOWN])) + mean(name, known[named])


@cache
def _answers() -> inspect.Type:
    return inspect.type_info(Evaluation)
