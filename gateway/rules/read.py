"""A rule document from its bytes: decoded, checked, or refused with the path of the fault and the rule's id."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec

from gateway.rules.check import check
from gateway.rules.collector import at_rest
from gateway.rules.document import RulesContent
from gateway.rules.refusal import DocumentRefused, Fault

MAX_BYTES = 64_000_000
"""As large as a bundle's content may be."""
MAX_VALUES = 4_000_000
"""Told by commas, before anything is decoded: a list is only found too long when all of it is in memory. As many rules
as may be have fewer."""
MAX_TOLD = 300
"""Characters of a fault that a refusal repeats."""

_decoder = msgspec.json.Decoder(RulesContent)
_ESCAPED_COLON = b"\\u003"
"""And the digits after it."""


@at_rest()
def load(content: bytes) -> RulesContent:
    """The document, decoded and checked (`gateway.rules.check`). Raises `InputRefused` whose `where` is the JSON
    path of the fault and whose text names the rule; nothing else, whatever the bytes."""
    if len(content) > MAX_BYTES:
        raise _refused(f"{len(content)} bytes; {MAX_BYTES} are the most", "$")
    if content.count(b",") > MAX_VALUES:
        raise _refused(f"more than {MAX_VALUES} values", "$")
    try:
        document = _decoder.decode(content)
        twice = _twice(content) if not _counted_once(content, document) and _has_twice(content) else None
    except msgspec.ValidationError as error:
        raise _unread(content, error) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _no_json(content, error) from error
    if twice is not None:
        name, path = twice
        raise _refused(f"{name[:MAX_TOLD]!r} is there twice in one object", path, "Write each name once")
    check(document)
    return document


def _refused(what: str, where: str, advice: str = "") -> DocumentRefused:
    return DocumentRefused([Fault(where, what, advice=advice)])


def _unread(content: bytes, error: msgspec.ValidationError) -> DocumentRefused:
    """What has the wrong type, if it is JSON at all: the decoder ends at the first fault."""
    # What explains faults is for who writes rules; a gateway's were tried before they were signed.
    from gateway.rules.json_fault import json_fault
    from gateway.rules.unreadable import unreadable

    if fault := json_fault(content):
        return _refused(fault[0], "$", fault[1])
    return DocumentRefused(unreadable(content, str(error)))


def _no_json(content: bytes, error: Exception) -> DocumentRefused:
    from gateway.rules.json_fault import json_fault

    what, advice = json_fault(content) or (f"not a rule document: {error}", "")
    return _refused(what, "$", advice)


def _counted_once(content: bytes, document: RulesContent) -> bool:
    """Whether counting shows that no object has a name twice. False says nothing: defaults that were written out, say.

    A JSON reader silently keeps the last of equal names (RFC 8259, 4), and with each that it drops a colon goes. The
    document as it was understood never has more of them: no field is written that was not there, and none comes out of
    a text that was not in it, unless it was escaped. So where there are as many, nothing was dropped. To look into each
    object takes four times as long.
    """
    if _ESCAPED_COLON in content:
        return False
    kept = msgspec.json.encode(document).count(b":")
    for example in document.examples:
        kept += msgspec.json.encode(msgspec.json.decode(example)).count(b":") - bytes(example).count(b":")
    return kept == content.count(b":")


class _Twice(Exception):
    """A name that stands twice in an object."""


def _has_twice(content: bytes) -> bool:
    """Whether an object has a name twice, without doubt."""
    try:
        json.loads(content, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except _Twice:
        return True
    return False


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Called for every object of a document: most of what it costs to look is in here."""
    if len(pairs) > 1 and len({name for name, _ in pairs}) != len(pairs):
        raise _Twice


class _Pairs(list[tuple[str, Any]]):
    """An object with all its names."""


def _twice(content: bytes) -> tuple[str, str]:
    """The first name that stands twice, and the path of its object."""
    ahead: list[tuple[str, Any]] = [
        ("$", json.loads(content, object_pairs_hook=_Pairs, parse_int=str, parse_float=str))
    ]
    while ahead:
        path, value = ahead.pop()
        if isinstance(value, _Pairs):
            names = [name for name, _ in value]
            if len(set(names)) != len(names):
                return next(name for name, times in Counter(names).items() if times > 1), path
            ahead += [(f"{path}.{name[:64]}", part) for name, part in reversed(value)]
        elif isinstance(value, list):
            ahead += [(f"{path}[{index}]", part) for index, part in reversed(list(enumerate(value)))]
    return "", "$"
