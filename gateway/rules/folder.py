"""Rule documents that are put together into one, in the order in which they are given. Pure: names and bytes in.

A city keeps its benefits in several files (`config/rules/jelgava/`), a gateway gets one document. A fault in the whole
is told with the file and the path in which it stands.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.model.errors import InputRefused
from gateway.rules.document import RulesContent
from gateway.rules.json_fault import BOM, json_fault
from gateway.rules.loose import Json, decode, encode
from gateway.rules.read import load
from gateway.rules.refusal import DocumentRefused
from gateway.rules.words import words

_LISTS: dict[str, str] = {"rules": "id", "partners": "city", "suspensions": "id", "examples": ""}
"""List → the field by which its items are the same; examples have no name."""
_NAMED = ("calendars", "vat")
_item = re.compile(r"^\$\.(\w+)\[(\d+)\](.*)$")
_entry = re.compile(r"^\$\.(\w+)(?:\.([a-zA-Z0-9_.-]+?)|\[(\".*\")\])((?:\[\d+\].*)?)$")


class Place(NamedTuple):
    """Where something stands: in which file, at which JSON path in it."""

    file: str
    path: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}" if self.file else self.path


class Document(msgspec.Struct, frozen=True):
    """Rules as one document. `raw` is the document; of a single file its own bytes, but for a byte order mark."""

    raw: bytes
    files: tuple[str, ...]
    _lists: dict[str, tuple[tuple[int, int, int], ...]] = {}
    """List → runs of items in order: number in the whole, file, number in the file."""
    _entries: dict[tuple[str, str], int] = {}

    def load(self) -> RulesContent:
        """The document, decoded and checked. Raises `InputRefused` whose `where` is file and path."""
        try:
            return load(self.raw)
        except DocumentRefused as refused:
            raise refused.placed(lambda fault: str(self.place(fault.path))) from refused

    def place(self, path: str) -> Place:
        """Where a JSON path of the whole stands; without a file when that is not one place."""
        if len(self.files) == 1:
            return Place(self.files[0], path)
        if (found := _item.match(path)) is not None and found[1] in self._lists:
            runs, number = self._lists[found[1]], int(found[2])
            at = bisect_right(runs, number, key=lambda run: run[0]) - 1
            if at >= 0:
                start, file, first = runs[at]
                return Place(self.files[file], f"$.{found[1]}[{number - start + first}]{found[3]}")
        if (found := _entry.match(path)) is not None:
            name = found[2] or json.loads(found[3])
            if (found[1], name) in self._entries:
                return Place(self.files[self._entries[found[1], name]], path)
        return Place("", path)


def put_together(parts: Sequence[tuple[str, bytes]]) -> Document:
    """One document of these (file, bytes), each a rule document of its own that may name what stands in another.

    What stands in several files under the same name with the same content is one; within a file nothing may be there
    twice. Raises `InputRefused` with file and path: for what is no document, and for a name that has different
    contents. `Document.load` says whether the whole makes sense.
    """
    if not parts:
        raise InputRefused("no rule documents", "Give a file, or a folder with *.json files", code="rules_document")
    if len(parts) == 1:
        return Document(parts[0][1].removeprefix(BOM), (parts[0][0],))
    whole = _Whole(tuple(name for name, _ in parts))
    for number, (name, content) in enumerate(parts):
        whole.add(number, _decoded(content, name))
    try:
        raw = encode({"schema": 1, **whole.lists, **whole.tables})
    except ValueError as error:
        raise InputRefused(f"not rule documents: {error}", where="$", code="rules_document") from error
    runs = {kind: tuple(found) for kind, found in whole.runs.items()}
    return Document(raw, whole.files, runs, whole.entries)


class _Whole:
    """What has been put together so far."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self.files = files
        self.lists: dict[str, list[Any]] = {kind: [] for kind in _LISTS}
        self.tables: dict[str, Json] = {kind: {} for kind in _NAMED}
        self.runs: dict[str, list[tuple[int, int, int]]] = {kind: [] for kind in _LISTS}
        self.entries: dict[tuple[str, str], int] = {}
        self._known: dict[tuple[str, str], tuple[Any, int]] = {}

    def add(self, file: int, part: Json) -> None:
        for kind, field in _LISTS.items():
            for number, item in enumerate(part.get(kind, ())):
                name = item.get(field) if field and isinstance(item, dict) else None
                path = f"$.{kind}[{number}]"
                if not isinstance(name, str) or not self._is_there(kind, name, item, file, path):
                    self.runs[kind].append((len(self.lists[kind]), file, number))
                    self.lists[kind].append(item)
        for kind in _NAMED:
            for name, value in part.get(kind, {}).items():
                if not self._is_there(kind, name, value, file, f"$.{kind}.{name}"):
                    self.entries[kind, name] = file
                    self.tables[kind][name] = value

    def _is_there(self, kind: str, name: str, content: Any, file: int, path: str) -> bool:
        """Whether an earlier file has the very same. What one file has twice is left for `load` to refuse."""
        content_before, before = self._known.setdefault((kind, name), (content, file))
        if before == file:
            return False
        if _written(content_before) == _written(content):
            return True
        raise InputRefused(
            f"{name!r} stands in {self.files[before]} with another content",
            "Write it once, or give one of them another name",
            where=str(Place(self.files[file], path)),
            code="rules_document",
        )


def _decoded(content: bytes, name: str) -> Json:
    refused = _refusal(name)
    content = content.removeprefix(BOM)
    if fault := json_fault(content):
        raise refused(fault[0], "$", fault[1])
    try:
        part = decode(content)
    except ValueError as error:
        raise refused(str(error), "$") from error
    if not isinstance(part, dict):
        raise refused("not a rule document: not an object", "$")
    if type(part.get("schema")) is not int or part["schema"] != 1:
        raise refused("needs `schema`, and this version knows 1", "$.schema")
    if "rules" not in part:
        raise refused("needs `rules`", "$", "A part that has tables alone says so: []")
    for field in part:
        if field not in RulesContent.__struct_encode_fields__:
            what, advice = words(f"Object contains unknown field `{field}`", RulesContent, part, "$")
            raise refused(what, "$", advice)
        if field in _LISTS and not isinstance(part[field], list):
            raise refused("not a list", f"$.{field}")
        if field in _NAMED and not isinstance(part[field], dict):
            raise refused("not an object", f"$.{field}")
    return part


def _refusal(name: str) -> Callable[..., InputRefused]:
    def refused(what: str, path: str, advice: str = "") -> InputRefused:
        return InputRefused(what, advice, where=str(Place(name, path)), code="rules_document")

    return refused


def _written(content: Any) -> str:
    return json.dumps(content, sort_keys=True)
