"""Reads the table of labels: CSV with the columns id, text, payload. Says everything that is wrong at once."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass

from smartplace_tools.labels.errors import BadTable

COLUMNS = ("id", "text", "payload")
MOST_LABELS = 5000
_ID = re.compile(r"[A-Za-z0-9-]{3,32}")
_ID_HAS = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on one label, and the line of the file that says so."""

    line: int
    id: str
    text: str
    payload: str


def read_table(data: bytes) -> tuple[Label, ...]:
    """The labels of a CSV file in UTF-8, separated by comma, semicolon or tab (the header row decides).

    Guaranteed: at least one label; ids of 3 to 32 letters, digits and hyphens, none twice (capitals do not
    count); text and payload not empty and without control characters. Raises BadTable with line numbers.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        advice = "save it as CSV UTF-8"
        raise BadTable([f"line {line}: not UTF-8 at byte 0x{data[error.start]:02x}; {advice}"]) from error
    rows = _rows(text)
    if not rows:
        raise BadTable([f"line 1: the file is empty; its first row names the columns {', '.join(COLUMNS)}"])
    places = _places(*rows[0])
    labels, complaints = _labels(rows[1:], places)
    if not labels and not complaints:
        complaints.append("line 2: no label follows the header row")
    if len(labels) > MOST_LABELS:
        complaints.append(f"line {labels[MOST_LABELS].line}: more than {MOST_LABELS} labels; split the file")
    if complaints:
        raise BadTable(complaints)
    return tuple(labels)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, with the line each begins on."""
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    begins = 1
    try:
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadTable([f"line {begins}: {error}; a field with a quote or a comma stands in quotes"]) from error
    return rows


def _places(line: int, header: list[str]) -> tuple[int, int, int]:
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise BadTable(
            [f"line {line}: column {name} must be there once (found: {', '.join(header)})" for name in missing]
        )
    return names.index("id"), names.index("text"), names.index("payload")


def _labels(rows: list[tuple[int, list[str]]], places: tuple[int, int, int]) -> tuple[list[Label], list[str]]:
    labels: list[Label] = []
    complaints: list[str] = []
    first_seen: dict[str, int] = {}
    for line, row in rows:
        if len(row) <= max(places):
            complaints.append(f"line {line}: {len(row)} columns where the header has at least {max(places) + 1}")
            continue
        identifier, words, payload = (row[place].strip() for place in places)
        label = Label(line, identifier, unicodedata.normalize("NFC", words), payload)
        complaints.extend(f"line {line}: {complaint}" for complaint in _complaints(label))
        other = first_seen.setdefault(label.id.upper().replace("-", ""), line)
        if other != line:
            complaints.append(f"line {line}: id {label.id!r} stands in line {other} already")
        labels.append(label)
    return labels, complaints


def _complaints(label: Label) -> list[str]:
    found = []
    if not _ID.fullmatch(label.id) or not _ID_HAS.search(label.id):
        found.append(f"id {label.id!r} is not 3 to 32 letters a-z, digits and hyphens")
    for name, value in (("text", label.text), ("payload", label.payload)):
        if not value:
            found.append(f"{name} is empty")
        elif not value.isprintable():
            found.append(f"{name} holds a character that cannot be printed (a line break, a tab)")
    return found
