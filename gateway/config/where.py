"""On which line of a TOML text a key stands: neither the parser nor the type check says so, people need it."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_TABLE = re.compile(r"^\s*(\[\[|\[)\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_NAME = r"(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)"
_KEY = re.compile(rf"^\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=(.*)$")
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]|\[\.\.\.\]")


def key_lines(text: str) -> dict[Path, int]:
    """Line number (from 1) of every table and key of a valid TOML text. Keys inside inline tables and arrays count
    as the key that they stand under."""
    lines: dict[Path, int] = {(): 1}
    table: Path = ()
    counts: dict[Path, int] = {}
    open_value = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if open_value:
            open_value = _still_open(open_value + "\n" + line)
            continue
        if (header := _TABLE.match(line)) is not None:
            name = _parts(header[2])
            table = _resolve(name, counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines[table] = number
        elif (pair := _KEY.match(line)) is not None:
            path = (*table, *_parts(pair[1]))
            for length in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:length], number)
            open_value = _still_open(pair[2])
    return lines


def line_of(text: str, path: Path) -> int:
    """The line of the key, or of the nearest table or key above it that the text has."""
    lines = key_lines(text)
    while path not in lines:
        path = path[:-1]
    return lines[path]


def parse_path(text: str) -> Path:
    """msgspec's `$.station[0].readers` as a path; `[...]` steps are left out."""
    steps: list[str | int] = []
    for match in _STEP.finditer(text):
        if match[1] is not None:
            steps.append(match[1])
        elif match[2] is not None:
            steps.append(int(match[2]))
    return tuple(steps)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(next(part for part in match if part or part == "") or "" for match in _matches(name))


def _matches(name: str) -> list[tuple[str, ...]]:
    return [tuple(group for group in match.groups() if group is not None) for match in _PART.finditer(name)]


def _resolve(name: tuple[str, ...], counts: dict[Path, int]) -> Path:
    """A table's path with the index of the newest element where an array of tables stands on the way."""
    path: Path = ()
    for position, part in enumerate(name):
        path = (*path, part)
        if position < len(name) - 1 and path in counts:
            path = (*path, counts[path])
    return path


def _still_open(value: str) -> str:
    """The value itself while a bracket or a long string is not closed yet, else an empty text."""
    rest = value
    for quote in ('"""', "'''"):
        if rest.count(quote) % 2:
            return value
        rest = re.sub(f"{quote}.*?{quote}", "", rest, flags=re.DOTALL)
    rest = re.sub(r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'", "", rest)
    rest = re.sub(r"#[^\n]*", "", rest)
    return value if sum(map(rest.count, "[{")) > sum(map(rest.count, "]}")) else ""
