"""What the decoder says of a value, in words for who wrote it: what is needed there, and what is near. Pure.

One place for rule documents, examples, receipts, holders and settings. The types are asked what may be written
(`msgspec.inspect`); a kind of message that is not known here is passed on as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from msgspec import inspect

from gateway.rules.conditions import CLOCK
from gateway.rules.near import mean
from gateway.rules.parts import AT, CODE, PHRASE, PLACE_ID, RULE_ID, Text
from gateway.rules.tables import VAT_CLASS

SHOWN = 64
"""Characters of a value that are repeated."""
MANY = 12
"""Names that are listed."""
ADVICE = "docs/rules.md lists the fields and their values"
NOT_READ = object()
"""A value that is not known."""
_step = re.compile(r"\.(\w+)|\[(\d+)\]")
_bound = re.compile(r"^Expected `(int|str|array|object)`(?: of length)? (<=|>=) (-?[0-9]+)$")
_expected = re.compile(r"^Expected `([a-z |]+)`, got `(\w+)`$")
_named = re.compile(r"^Object (contains unknown|missing required) field `([^`]*)`$", re.DOTALL)
_percent = re.compile(r"^\s*([0-9]{1,3}(?:[.,][0-9]{1,2})?)\s*%?\s*$")
_FORMS = {
    CODE: "is no code: 1 to 32 of a-z, 0-9, `_`, `.` and `-`, a letter or digit first",
    f"^(?:{CODE[1 : CODE.index('$')]})?$(?!\\n)": "is no code: up to 32 of a-z, 0-9, `_`, `.` and `-`",
    RULE_ID: "is no id: 1 to 64 of a-z, 0-9, `_`, `.` and `-`, a letter or digit first",
    PLACE_ID: "is no id of a place: 3 to 32 of a-z, 0-9 and `-`",
    VAT_CLASS: "is no VAT class: one of A to H",
    PHRASE: "is not one line of text: it has a control character, such as a line's end",
    CLOCK: "is no time of a day, such as 08:30",
    AT: "is no time such as 2026-05-30T14:00, and no day such as 2026-05-30",
}
_ZONE = "Dates are counted in the place's own zone: leave `zone` out"
_UNQUOTED = "Write it without quotation marks"
_KINDS = {"int": "a whole number", "float": "a number", "str": "a text in quotation marks", "bool": "true or false",
    "array": "a list in [ ]", "object": "an object in { }", "null": "null", "date": "a date such as 2027-01-31",
    "datetime": "a time such as 2026-05-30T14:00"}  # fmt: skip


class Words(NamedTuple):
    """What is wrong, and what to do."""

    what: str
    advice: str = ADVICE


def words(message: str, kind: Any, content: Any, path: str) -> Words:
    """A decoder's message (without its path) about what stands at this path of a value of type `kind`. `content` is
    the whole value, `NOT_READ` when it is not known."""
    found, value, name = _at(kind, content, path)
    if name == "zone":
        return Words(f"{_shown(value)} is none of: place", _ZONE)
    if told := _named.match(message):
        return _field(told[1] == "contains unknown", told[2], found, value)
    if message.startswith("Invalid RFC3339"):
        return Words(f"{_shown(value)} is no date of the calendar; a date is such as 2027-01-31")
    # Of a tag that is no text the decoder says only that.
    if message.startswith(("Invalid enum value", "Invalid value")) or message == "Expected `str`":
        return _none_of(value, _choices(found), message)
    if "matching regex" in message:
        form = _FORMS.get(getattr(found, "pattern", None) or "")
        return Words(f"{_shown(value)} {form}") if form else Words(_cut(message))
    if told := _bound.match(message):
        return _amount(told[1], told[2], int(told[3]), value, name)
    if told := _expected.match(message):
        return _other_kind(told[1], told[2], value, name)
    return Words(_cut(message))


def _field(unknown: bool, name: str, kind: Any, value: Any) -> Words:
    fields = _fields(kind, value)
    if not unknown:
        choices = _tags(kind).get(name, ())
        return Words(f"the field `{name}` is missing", f"Give one of: {_listed(choices)}" if choices else ADVICE)
    if getattr(kind, "cls", None) is Text:
        return Words(f"`{_cut(name)}` is no language here", f"A text may be there in {', '.join(fields)}")
    return Words(
        f"there is no field `{_cut(name)}` here{mean(name, fields, '`')}",
        f"There are: {_listed(fields)}" if fields else ADVICE,
    )


def _none_of(value: Any, choices: tuple[Any, ...], message: str) -> Words:
    if not choices:
        return Words(_cut(message))
    asked = mean(value, [one for one in choices if isinstance(one, str)]) if isinstance(value, str) else ""
    return Words(f"{_shown(value)} is none of: {_listed(choices)}{asked}")


def _amount(kind: str, sign: str, bound: int, value: Any, name: str) -> Words:
    most = sign == "<="
    if kind in ("array", "object"):
        if most:
            return Words(f"there are too many: {bound} are the most")
        return Words(f"there is nothing in it, and {bound} is the least", "Name something, or leave the field out")
    if kind == "str":
        if most:
            return Words(f"the text is too long: {bound} characters are the most")
        return Words("the text is empty", "Write something, or leave the field out")
    if name.endswith("basis_points") and most:
        return Words(f"{_shown(value)} is too much: 10000 is 100 %, at most that", "In basis points 5000 is 50 %")
    if most:
        return Words(f"{_shown(value)} is too much: {bound} is the most")
    return Words(f"{_shown(value)} is too little: {bound} is the least")


def _other_kind(needed: str, got: str, value: Any, name: str) -> Words:
    if got == "null":
        return Words("null is no value here", "Leave the field out where it has none")
    if needed == "int" and got in ("str", "float"):
        if name.endswith("basis_points"):
            return Words(f"{_shown(value)} is not {basis_points(value)}", f"{_UNQUOTED}, % and decimals")
        if name.endswith("cents"):
            return Words(f"{_shown(value)} is no whole number of cents: 150 is 1.50", _UNQUOTED)
        advice = _UNQUOTED if got == "str" else ADVICE
        return Words(f"{_shown(value)} is no whole number", advice)
    kinds = " or ".join(_KINDS.get(one.strip(), one.strip()) for one in needed.split("|"))
    return Words(f"{kinds} is needed, not {_KINDS.get(got, got).partition(' in ')[0]}")


def basis_points(value: Any) -> str:
    """What is needed in the place of a percentage that was written otherwise."""
    found = _percent.match(value if isinstance(value, str) else str(value))
    if found is None or float(found[1].replace(",", ".")) > 100:
        return "a whole number of basis points: 5000 is 50 %"
    percent = found[1].replace(",", ".")
    whole, _, part = percent.partition(".")
    return f"a whole number of basis points: {int(whole + part.ljust(2, '0'))} is {percent} %"


def _at(kind: Any, content: Any, path: str) -> tuple[Any, Any, str]:
    """The type and the value at a path, and the name of the last field on the way. None for a type that is lost."""
    found, value, name = _inner(_info(kind)), content, ""
    for step, index in _step.findall(path):
        name = step or name
        tags = _tags(found)
        if step in tags:
            found = inspect.LiteralType(tags[step])
        elif isinstance(found, inspect.UnionType | inspect.StructType):
            fields = {field.encode_name: field.type for one in _structs(found, value) for field in one.fields}
            found = _inner(fields.get(step))
        elif index:
            found = _inner(getattr(found, "item_type", None))
        else:
            found = None
        value = _part(value, step, index)
    return found, value, name


def _part(value: Any, step: str, index: str) -> Any:
    if step and isinstance(value, dict):
        return value.get(step, NOT_READ)
    if index and isinstance(value, list | tuple) and int(index) < len(value):
        return value[int(index)]
    return NOT_READ


def _inner(kind: Any) -> Any:
    """A type without what may be left out and without notes."""
    while True:
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            types = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            if len(types) != 1:
                return kind
            kind = types[0]
        else:
            return kind


def _structs(kind: Any, value: Any) -> list[inspect.StructType]:
    """The types of object that it can be; of several, that which the value's tag says."""
    types = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    structs = [one for one in map(_inner, types) if isinstance(one, inspect.StructType)]
    if isinstance(value, dict):
        tagged = [one for one in structs if one.tag_field and value.get(one.tag_field) == one.tag]
        return tagged or structs
    return structs


def _tags(kind: Any) -> dict[str, tuple[Any, ...]]:
    """The field that tells objects of a type apart → its values."""
    structs = [one for one in _structs(kind, None) if one.tag_field]
    return {structs[0].tag_field or "": tuple(one.tag for one in structs)} if structs else {}


def _fields(kind: Any, value: Any) -> list[str]:
    structs = _structs(kind, value)
    names = [field.encode_name for one in structs for field in one.fields]
    return list(dict.fromkeys([*_tags(kind), *names]))


def _choices(kind: Any) -> tuple[Any, ...]:
    match kind:
        case inspect.LiteralType(values=values):
            return tuple(values)
        case inspect.EnumType(cls=cls):
            return tuple(one.value for one in cls)
        case _:
            return ()


def _listed(names: Iterable[Any]) -> str:
    all_names = [str(name) for name in names]
    return ", ".join(all_names[:MANY]) + (" and more" if len(all_names) > MANY else "")


def _shown(value: Any) -> str:
    """A value as it was written, cut where it is long."""
    if value is NOT_READ or isinstance(value, dict | list):
        return "this"
    try:
        return _cut(json.dumps(value[: SHOWN + 1] if isinstance(value, str) else value, ensure_ascii=False))
    except ValueError:
        return "this"  # A number with more digits than Python writes.


def _cut(text: str) -> str:
    """No control character of it reaches a terminal."""
    text = "".join(one if one.isprintable() else "?" for one in text[: 4 * SHOWN])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


@cache
def _info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)
