"""A spreadsheet (CSV) read as rules: every fault with its row and column. Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from gateway.model.errors import InputRefused
from gateway.rules.cells import unquoted
from gateway.rules.document import RulesContent
from gateway.rules.json_fault import json_fault
from gateway.rules.loose import Json, decode, encode
from gateway.rules.read import MAX_BYTES, load
from gateway.rules.refusal import DocumentRefused, Fault
from gateway.rules.sheet import COLUMNS, HEADER, ID, KIND, MORE, NAMES, SPARED, TABLES

_rule = re.compile(r"^\$\.rules\[(\d+)\]\.?(.*)$")
_item = re.compile(r"^\$\.(\w+)(?:\[(\d+)\]|\.([a-zA-Z0-9_.-]+)|\[(\".*\")\])?")
_ADVICE = "docs/cli.md, smartplace rules export, tells the columns"
SHOWN = 5
"""Columns named that are missing."""


def read(content: bytes) -> RulesContent:
    """The rules of a sheet as `sheet.write` makes it: columns in any order, those in `SPARED` may be left out, between
    them commas, semicolons or tabs. Raises `InputRefused` whose `where` is row and column; nothing else, whatever the
    bytes."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"not UTF-8: {error.reason}", "", "Save it as CSV in UTF-8") from None
    if len(content) > MAX_BYTES:
        raise _refused(f"{len(content)} bytes; {MAX_BYTES} are the most", "")
    return _Sheet(_rows(text)).document()


def _rows(text: str) -> list[list[str]]:
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    before = csv.field_size_limit(MAX_BYTES)
    rows: list[list[str]] = []
    try:
        rows += csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise _refused(f"not CSV: {error}", f"row {len(rows) + 1}") from None
    finally:
        csv.field_size_limit(before)
    return rows


class _Sheet:
    """Rows on their way to a document; what is where is remembered for the faults that only the whole shows."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._names = _header(rows[0] if rows else ())
        self._rules: list[Json] = []
        self._tables: Json = {}
        self._examples: list[Any] = []
        self._row_of_rule: list[int] = []
        self._row_of_item: dict[tuple[str, str], int] = {}
        for number, row in enumerate(rows[1:], start=2):
            if any(row):
                self._add(number, row)

    def document(self) -> RulesContent:
        examples = {"examples": self._examples} if self._examples else {}
        whole = {"schema": 1, "rules": self._rules, **self._tables, **examples}
        try:
            return load(encode(whole))
        except ValueError as error:
            raise _refused(str(error), "") from error
        except DocumentRefused as refused:
            raise refused.placed(lambda fault: self._place(fault)) from refused

    def _add(self, number: int, row: Sequence[str]) -> None:
        if any(row[len(self._names) :]):
            raise _refused("more cells than the header has columns", f"row {number}", _ADVICE)
        told = {name: unquoted(text) for name, text in zip(self._names, row, strict=False) if unquoted(text)}
        kind = told.pop(KIND, "rule").strip()
        more = _more(told.pop(MORE, ""), number)
        if kind == "rule":
            self._row_of_rule.append(number)
            self._rules.append(_rule_of(told, more, number))
        elif kind == "example":
            _nothing_else(told, number)
            self._examples.append(more)
        elif kind in TABLES:
            self._add_item(kind, told, more, number)
        else:
            raise _refused(f"{kind[:40]!r} is no kind of row", _at(number, KIND), f"rule, example, {', '.join(TABLES)}")

    def _add_item(self, kind: str, told: dict[str, str], more: Any, number: int) -> None:
        name = told.pop(ID, "").strip()
        _nothing_else(told, number)
        if not name:
            raise _refused("needs its name", _at(number, ID))
        table = TABLES[kind]
        if (table, name) in self._row_of_item:
            raise _refused(f"{name[:64]!r} stands in row {self._row_of_item[table, name]} already", _at(number, ID))
        self._row_of_item[table, name] = number
        if kind not in NAMES:
            self._tables.setdefault(table, {})[name] = more
        elif isinstance(more, dict) and NAMES[kind] not in more:
            self._tables.setdefault(table, []).append({NAMES[kind]: name, **more})
        else:
            raise _refused(f"an object without `{NAMES[kind]}` is needed", _at(number, MORE))

    def _place(self, fault: Fault) -> str:
        """Row and column of a fault, whose path is that of the document."""
        path = fault.path
        if (found := _rule.match(path)) is not None:
            number = self._row_of_rule[int(found[1])]
            column = _column(found[2], fault.what)
            return _at(number, column) if column else f"row {number}"
        if (item := _item.match(path)) is not None:
            table, index, name, quoted = item.groups()
            name, field = json.loads(quoted) if quoted else name, ""
            if index is not None and table in self._tables and int(index) < len(self._tables[table]):
                field = next(NAMES[kind] for kind, one in TABLES.items() if one == table)
                name = self._tables[table][int(index)][field]
            if (row := self._row_of_item.get((table, name))) is not None:
                of_name = fault.of_name if index is None else path.endswith(f"].{field}")
                return _at(row, ID if of_name else MORE)
            return f"rows of {table}" if table in self._tables else "all rows together"
        return "all rows together"


def _header(row: Sequence[str]) -> list[str]:
    names = [unquoted(text).strip() for text in row]
    while names and not names[-1]:
        names.pop()
    for name in names:
        if name not in HEADER:
            raise _refused(f"no column is called {name[:40]!r}", "row 1", _ADVICE)
        if names.count(name) > 1:
            raise _refused(f"the column {name!r} is there twice", "row 1")
    # Whoever deletes a column would widen every rule that said something in it, and nothing would tell.
    if missing := [name for name in HEADER if name not in names and name not in SPARED]:
        shown = ", ".join(repr(name) for name in missing[:SHOWN]) + (" and more" if len(missing) > SHOWN else "")
        kind = "column" if len(missing) == 1 else "columns"
        advice = "Put it back with the cells that it had; cells may be empty where rules say nothing there"
        raise _refused(f"there is no {kind} {shown}", "row 1", f"{advice}. {_ADVICE}")
    return names


def _more(text: str, number: int) -> Any:
    if not text.strip():
        return {}
    if fault := json_fault(text.encode(errors="replace")):
        raise _refused(fault[0], _at(number, MORE), fault[1])
    try:
        return decode(text)
    except ValueError as error:
        raise _refused(str(error), _at(number, MORE)) from None


def _nothing_else(told: dict[str, str], number: int) -> None:
    if told:
        raise _refused("only rules use this column", _at(number, next(iter(told))))


def _rule_of(told: dict[str, str], more: Any, number: int) -> Json:
    if not isinstance(more, dict):
        raise _refused("an object is needed", _at(number, MORE))
    rule: Json = more
    for column in COLUMNS:
        if column.name not in told:
            continue
        try:
            value = column.cell.read(told[column.name])
        except ValueError as error:
            raise _refused(str(error), _at(number, column.name)) from None
        node: Any = rule
        for name in column.path[:-1]:
            node = node.setdefault(name, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict) or column.path[-1] in node:
            raise _refused(f"`more` says {'.'.join(column.path)} as well", _at(number, column.name))
        node[column.path[-1]] = value
    if isinstance(rule.get("quota"), dict):
        rule["quota"] = [rule["quota"]]
    return rule


def _column(path: str, text: str) -> str:
    """The column in which something stands, by its path in a rule and by what is said of it; empty for none."""
    steps = tuple(re.sub(r"\[\d+\]", "", path).split(".")) if path else ()
    for column in COLUMNS:
        if steps and steps[: len(column.path)] == column.path:
            return column.name
    named = re.findall(r"`(\w+)`", text)
    for column in COLUMNS:
        if column.path[: len(steps)] == steps and set(column.path[len(steps) :]) & set(named):
            return column.name
    return next((one.name for one in COLUMNS if steps and one.path[: len(steps)] == steps), MORE if steps else "")


def _at(row: int, column: str) -> str:
    return f"row {row}, column {column}"


def _refused(what: str, where: str, advice: str = "") -> InputRefused:
    return InputRefused(what, advice, where=where, code="rules_document")
