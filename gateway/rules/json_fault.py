"""Why a text is no JSON, in words for who wrote it by hand: line, column, and what to do. Pure; bounded by its size."""

from __future__ import annotations

import json
import re
from typing import Any

BOM = b"\xef\xbb\xbf"
CURLY = "“”„‟«»‘’‚‛″"
"""What word processors make of quotation marks."""
LONGEST_LINE = 1000
_constant = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)', re.DOTALL)
_word = re.compile(r"[^\W\d]\w{0,19}")
_NOTHING: Any = {name: lambda _: None for name in ("object_pairs_hook", "parse_int", "parse_float")}
_TYPED = {"True": "true", "False": "false", "None": "null"}
_UTF8 = "Save it as UTF-8"


def json_fault(content: bytes) -> tuple[str, str] | None:
    """What is wrong with it and what to do; None for JSON (RFC 8259). Names that stand twice are no fault here."""
    if content.startswith(BOM):
        return "saved with a byte order mark before its text", f"{_UTF8} without a byte order mark (BOM)"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4]:
        return "not saved as UTF-8 but as UTF-16", _UTF8
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} is not UTF-8", _UTF8
    if not text.strip():
        return "there is nothing in it", "Give a file with a JSON object: {…}"
    try:
        # Nothing is kept of it but its lists.
        json.loads(text, parse_constant=_no_number, **_NOTHING)
    except json.JSONDecodeError as error:
        what, advice = _words(text, error)
        return f"not JSON: {_place(text, _at(text, error))}: {what}", advice
    except _NoNumber as error:
        found = next((one for one in _constant.finditer(text) if one[1]), None)
        where = _place(text, found.start()) if found else "somewhere"
        return f"not JSON: {where}: {error} is no number", "Write a number, or leave the field out"
    except RecursionError:
        return "not JSON: nested too deep", ""
    return None


class _NoNumber(Exception):
    """NaN and the infinities, which Python reads."""


def _no_number(name: str) -> None:
    raise _NoNumber(name)


def _at(text: str, error: json.JSONDecodeError) -> int:
    """Where a person has to look: a comma that is too many stands before what was found instead."""
    return _comma(text, error.pos) if _comma(text, error.pos) >= 0 else error.pos


def _comma(text: str, pos: int) -> int:
    """Where the comma is behind which nothing follows; -1 when that is not it."""
    if text[pos : pos + 1] == ",":  # Where Python says that itself (3.13).
        return pos if re.compile(r",\s*[\]}]").match(text, pos) else -1
    if text[pos : pos + 1] not in ("}", "]"):
        return -1
    before = len(text[max(0, pos - 1000) : pos].rstrip())
    at = max(0, pos - 1000) + before - 1
    return at if at >= 0 and text[at] == "," else -1


def _place(text: str, pos: int) -> str:
    return f"line {text.count(chr(10), 0, pos) + 1}, column {pos - text.rfind(chr(10), 0, pos)}"


def _words(text: str, error: json.JSONDecodeError) -> tuple[str, str]:
    here = text[error.pos : error.pos + 1]
    if not here:
        return "it ends too early", "Look for a bracket or a quotation mark that was not closed"
    if here in CURLY:
        return f"{here} is no quotation mark of JSON", 'Write straight ones ("); word processors replace them'
    if _comma(text, error.pos) >= 0:
        return "a comma with nothing after it", "Take the comma out"
    if here == "'":
        return "' is no quotation mark of JSON", 'Write "'
    if here == "%":
        return "% is no part of a number", "Write basis points: 5000 is 50 %"
    if here in "/#":
        return "JSON has no comments", "Take it out"
    if error.msg.startswith(("Invalid control character", "Unterminated string")):
        begins = max(text.rfind("\n", 0, error.pos) + 1, error.pos - LONGEST_LINE)
        line = text[begins : error.pos + LONGEST_LINE].partition("\n")[0]
        curly = next((one for one in line if one in CURLY), "")
        return (
            f"a text is not ended on its line{f', {curly} does not end it' * bool(curly)}",
            'End it with a straight "',
        )
    if error.msg.startswith("Invalid \\"):
        return "a \\ that means nothing", "Write \\\\ for a backslash"
    if word := _word.match(text, error.pos):
        if word[0] in _TYPED:
            return f"{word[0]} is no value", f"Write {_TYPED[word[0]]}"
        if "Expecting value" in error.msg or "property name" in error.msg:
            return f"{word[0]!r} stands without quotation marks", 'Put texts and names between "'
    return _MESSAGES.get(error.msg, (error.msg, ""))


_MESSAGES = {
    "Expecting ',' delimiter": ("a comma or a closing bracket is missing before this", "Write it"),
    "Expecting ':' delimiter": ("a colon is missing after the name", 'Write "name": value'),
    "Expecting property name enclosed in double quotes": ("a name is needed here", 'Write "name": value'),
    "Expecting value": ("a value is needed here", ""),
    "Extra data": ("something stands after the end", "Take it out, or look for a bracket that closes too early"),
}  # fmt: skip
