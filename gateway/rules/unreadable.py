"""What of a rule document has the wrong types: each rule and each item of a table decoded by itself, so that one fault
does not hide the next. Only after the whole was refused; bounded in time and memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

from gateway.rules.document import MAX_EXAMPLES, MAX_RULES, MAX_TABLES, Rule, RulesContent
from gateway.rules.parts import Code, Codes
from gateway.rules.refusal import SHOWN, Fault
from gateway.rules.tables import CalendarDays, Partner, Rates, Suspension, VatClass
from gateway.rules.words import NOT_READ, words

MAX_APART = 1_000_000
"""Values of a document, told by commas, whose parts are looked at one by one: three times those of ten thousand rules.
Of a larger one the first fault is told."""
MAX_NAMES = 1000
"""Names of a table that are looked at."""

Table = Annotated[dict[str, Raw], Meta(max_length=MAX_TABLES)]
Items = Annotated[tuple[Raw, ...], Meta(max_length=MAX_TABLES)]
_message = re.compile(r"^(.*?)(?: - at (`key` in )?`(\$.*?)`)?$", re.DOTALL)
_plain = re.compile(r"^[a-zA-Z0-9_.-]{1,64}$(?!\n)")


class _Shell(msgspec.Struct, forbid_unknown_fields=True):
    """A document whose parts are not read."""

    schema: Literal[1]
    rules: Annotated[tuple[Raw, ...], Meta(max_length=MAX_RULES)]
    calendars: Table = {}
    partners: Items = ()
    suspensions: Items = ()
    vat: Annotated[dict[str, Raw], Meta(max_length=8)] = {}
    examples: Annotated[tuple[Raw, ...], Meta(max_length=MAX_EXAMPLES)] = ()


class _Rules(msgspec.Struct):
    rules: tuple[Raw, ...] = ()


class _Named(msgspec.Struct):
    id: Any = ""


def unreadable(content: bytes, message: str) -> list[Fault]:
    """The first of its faults, one more than are shown when there are more. `message` is what the decoder said of the
    whole, of which it has been seen that it is JSON."""
    found = list(islice(_faults(content), SHOWN + 1)) if content.count(b",") <= MAX_APART else []
    return found or [_first(content, message)]


def type_fault(content: bytes, kind: Any) -> Fault | None:
    """Why JSON is not of this type; None when it is."""
    try:
        msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        return told(str(error), kind, _loosely(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Fault("$", f"not read: {error}")
    return None


def told(message: str, kind: Any, value: Any, base: str = "$", rule: str = "") -> Fault:
    """A decoder's message in words. `base` is where the value stands."""
    found = _message.match(message)
    what, key, path = found.groups() if found else (message, None, None)
    path = path or "$"
    if key:
        return Fault(f"{base}{path[1:]}", f"a name in it {words(what, str, NOT_READ, '$').what}", rule)
    said = words(what, kind, value, path)
    return Fault(f"{base}{path[1:]}", said.what, rule, said.advice)


def named(name: str) -> str:
    """A step of a path to what has this name in a table."""
    return f".{name}" if _plain.match(name) else f"[{json.dumps(name[:64], ensure_ascii=False)}]"


def _faults(content: bytes) -> Iterator[Fault]:
    shell = None
    try:
        shell = msgspec.json.decode(content, type=_Shell)
    except msgspec.ValidationError as error:
        yield told(str(error), RulesContent, _loosely(content))
    for index, raw in enumerate(shell.rules if shell is not None else _rules(content)):
        if (fault := _of(raw, Rule, f"$.rules[{index}]")) is not None:
            yield fault._replace(rule=_id(raw))
    if shell is None:
        return
    yield from _in_table(shell.calendars, "$.calendars", Code, CalendarDays)
    for index, raw in enumerate(shell.partners):
        yield from _in_partner(raw, f"$.partners[{index}]")
    for index, raw in enumerate(shell.suspensions):
        if (fault := _of(raw, Suspension, f"$.suspensions[{index}]")) is not None:
            yield fault
    yield from _in_table(shell.vat, "$.vat", VatClass, Rates)


def _of(raw: Raw, kind: Any, base: str) -> Fault | None:
    fault = type_fault(bytes(raw), kind)
    return fault and fault._replace(path=f"{base}{fault.path[1:]}")


def _in_table(table: dict[str, Raw], base: str, key: Any, value: Any) -> Iterator[Fault]:
    for name, raw in islice(table.items(), MAX_NAMES):
        at = f"{base}{named(name)}"
        if (fault := _of(Raw(msgspec.json.encode(name)), key, at)) is not None:
            yield fault._replace(of_name=True)
        elif (fault := _of(raw, value, at)) is not None:
            yield fault


def _in_partner(raw: Raw, base: str) -> Iterator[Fault]:
    fault = _of(raw, Partner, base)
    if fault is None:
        return
    groups = _loosely(bytes(raw)).get("groups") if fault.path == f"{base}.groups" or "[...]" in fault.path else None
    apart = {name: Raw(msgspec.json.encode(value)) for name, value in islice(groups.items(), MAX_NAMES)} if isinstance(
        groups, dict) else {}  # fmt: skip
    found = list(_in_table(apart, f"{base}.groups", Code, Codes))
    yield from found or [fault]


def _first(content: bytes, message: str) -> Fault:
    loose = _loosely(content)
    fault = told(message, RulesContent, loose)
    index = re.match(r"^\$\.rules\[(\d+)\]", fault.path)
    try:
        rule = loose["rules"][int(index[1])]["id"] if index else ""
    except (LookupError, TypeError):
        rule = ""
    return fault._replace(rule=rule[:64] if isinstance(rule, str) else "")


def _rules(content: bytes) -> tuple[Raw, ...]:
    try:
        return msgspec.json.decode(content, type=_Rules).rules
    except msgspec.ValidationError:
        return ()


def _id(raw: Raw) -> str:
    try:
        name = msgspec.json.decode(raw, type=_Named).id
    except msgspec.ValidationError:
        return ""
    return name[:64] if isinstance(name, str) else ""


def _loosely(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOT_READ
