"""Rules as a spreadsheet (CSV) and back, for the officer who keeps them: exact, and safe to open. Pure.

One row is one rule, or one item of a table; what has no column of its own stands as JSON in the column `more`.
docs/cli.md, smartplace rules export, tells the columns.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any, NamedTuple

import msgspec

from gateway.model.languages import LANGUAGES
from gateway.rules import cells
from gateway.rules.cells import Cell, quoted
from gateway.rules.document import RulesContent
from gateway.rules.loose import Json

BOM = "\ufeff"
"""Without it some spreadsheet programs take UTF-8 for something else."""
LONGEST = 32_767
"""Characters that a cell may have in Excel and LibreOffice Calc; what is longer is cut there."""


class Column(NamedTuple):
    """A column: its name, where its value stands in a rule, how it is written."""

    name: str
    path: tuple[str, ...]
    cell: Cell


KIND, ID, MORE = "row", "id", "more"
COLUMNS = (
    Column("id", ("id",), cells.WORD),
    Column("version", ("version",), cells.NUMBER),
    *(Column(f"title_{language}", ("title", language), cells.TEXT) for language in LANGUAGES),
    Column("legal_basis", ("legal_basis",), cells.TEXT),
    Column("any_of_groups", ("who", "any_of_groups"), cells.CODES),
    Column("all_of_groups", ("who", "all_of_groups"), cells.CODES),
    Column("none_of_groups", ("who", "none_of_groups"), cells.CODES),
    Column("residence", ("who", "residence"), cells.CODES),
    Column("age_from", ("who", "age", "from"), cells.NUMBER),
    Column("age_until", ("who", "age", "until"), cells.NUMBER),
    Column("partner", ("who", "partner"), cells.WORD),
    Column("merchant_groups", ("where", "merchant_groups"), cells.CODES),
    Column("places", ("where", "places"), cells.CODES),
    Column("categories", ("what", "categories"), cells.CODES),
    Column("skus", ("what", "skus"), cells.CODES),
    Column("date_from", ("when", "dates", "from"), cells.DAY),
    Column("date_until", ("when", "dates", "until"), cells.DAY),
    Column("windows", ("when", "windows"), cells.WINDOWS),
    Column("calendar", ("when", "calendar"), cells.WORD),
    Column("clock_not_trusted", ("when", "clock_not_trusted"), cells.WORD),
    Column("give", ("give", "kind"), cells.WORD),
    Column("basis_points", ("give", "basis_points"), cells.POINTS),
    Column("cents", ("give", "cents"), cells.CENTS),
    Column("per", ("give", "per"), cells.WORD),
    Column("payers", ("payers",), cells.PAYERS),
    Column("quota_key", ("quota", "key"), cells.WORD),
    Column("quota_unit", ("quota", "unit"), cells.WORD),
    Column("quota_limit", ("quota", "limit"), cells.NUMBER),
    Column("quota_period", ("quota", "period"), cells.WORD),
    Column("quota_per", ("quota", "per"), cells.WORD),
    Column("quota_on_exceed", ("quota", "on_exceed"), cells.WORD),
    Column("stage", ("stage",), cells.NUMBER),
    Column("priority", ("priority",), cells.NUMBER),
    Column("exclusive_group", ("exclusive_group",), cells.WORD),
    Column("choose", ("choose",), cells.WORD),
    *(Column(f"message_{language}", ("message", language), cells.TEXT) for language in LANGUAGES),
)
"""Of a rule with one quota the quota stands without its list, in its columns and in `more`."""
HEADER = (KIND, *(column.name for column in COLUMNS), MORE)
SPARED = frozenset(f"{text}_{language}" for text in ("title", "message") for language in LANGUAGES)
"""Columns that a sheet may be without: no rule gives anything else for a text, and the check tells what is missing."""
TABLES = {"calendar": "calendars", "partner": "partners", "suspension": "suspensions", "vat": "vat"}
"""Kind of a row → where its item stands in the document; `id` is its name."""
NAMES = {"partner": "city", "suspension": "id"}
"""Kind of a row → the field that is its name, of items that stand in a list."""


def write(content: RulesContent) -> bytes:
    """The rules as CSV (RFC 4180, UTF-8): a header, a row for each rule in their order, then the tables' items and the
    examples. `sheet_read.read` makes the same document of it."""
    whole: Json = json.loads(msgspec.json.encode(content))
    rows: list[list[str]] = [list(HEADER)]
    rows += [_rule_row(rule) for rule in whole["rules"]]
    for kind, table in TABLES.items():
        items = whole.get(table, [])
        for name, item in items.items() if isinstance(items, dict) else ((one.pop(NAMES[kind]), one) for one in items):
            rows.append(_row({KIND: kind, ID: name, MORE: _json(item)}))
    rows += [_row({KIND: "example", MORE: msgspec.json.format(raw, indent=-1).decode()}) for raw in content.examples]
    written = io.StringIO(newline="")
    # All quoted: a program that splits at semicolons must not find a formula after one.
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [quoted(text) for text in row] for row in rows
    )
    return (BOM + written.getvalue()).encode()


def too_long(content: bytes) -> list[str]:
    """Where a cell is longer than spreadsheet programs hold, in a sheet that `write` has made."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [
        f"row {number}, column {name}"
        for number, row in enumerate(rows, start=1)
        for name, text in zip(HEADER, row, strict=True)
        if len(text) > LONGEST
    ]


def _rule_row(rule: Json) -> list[str]:
    if len(rule.get("quota", ())) == 1:
        (rule["quota"],) = rule["quota"]
    told = {KIND: "rule"}
    for column in COLUMNS:
        if (text := _taken(rule, column.path, column.cell)) is not None:
            told[column.name] = text
    return _row({**told, MORE: _json(rule) if rule else ""})


def _taken(node: Any, path: tuple[str, ...], cell: Cell) -> str | None:
    """The value's cell, which then is taken out of the rule; None when it is absent, or has no exact cell."""
    name, *rest = path
    if not isinstance(node, dict) or name not in node:
        return None
    if rest:
        text = _taken(node[name], tuple(rest), cell)
        if text is not None and not node[name]:
            del node[name]
        return text
    text = _exact(node[name], cell)
    if text is not None:
        del node[name]
    return text


def _exact(value: Any, cell: Cell) -> str | None:
    """The cell's text if reading it gives the very value."""
    text = cell.write(value)
    try:
        return text if text and cell.read(text) == value else None
    except ValueError:
        return None


def _row(told: dict[str, str]) -> list[str]:
    return [told.get(name, "") for name in HEADER]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
