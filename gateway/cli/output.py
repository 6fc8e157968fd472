"""How things are printed: tables for people, JSON for scripts, and a word to stderr when something takes long."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from gateway.cli.lazy import one_line

SCHEMA = 1
"""Of every JSON document and line: fields may be added, none changes its meaning."""

PATIENCE_S = 1.0

Cell = str | tuple[str, str]
"""A text, or a text and its colour. The text says everything: a colour alone says nothing."""


def document(**fields: Any) -> None:
    """The one JSON document of a verb."""
    click.echo(json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=False, indent=2))


def line(**fields: Any) -> None:
    """One line of a stream, readable at once by whoever waits for it."""
    click.echo(json.dumps({"schema": SCHEMA, **fields}, ensure_ascii=False))


def table(rows: Sequence[Sequence[Cell]], indent: str = "") -> None:
    """Columns as wide as they need to be; the last one is free."""
    cells = [[(cell, "") if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths: list[int] = []
    for row in cells:
        widths += [0] * (len(row) - len(widths))
        widths[: len(row)] = [max(width, len(one_line(text))) for width, (text, _) in zip(widths, row, strict=False)]
    for row in cells:
        while row and not row[-1][0]:
            row.pop()
        last = len(row) - 1
        padded = (
            paint(one_line(text).ljust(0 if column == last else widths[column]), colour)
            for column, (text, colour) in enumerate(row)
        )
        click.echo(indent + "  ".join(padded))


def paint(text: str, colour: str) -> str:
    """Coloured text; click takes the colour out where stdout is no terminal or NO_COLOR is set."""
    return click.style(text, fg=colour) if colour else text


def talk(text: str) -> None:
    """A word to the person, on stderr."""
    click.echo(one_line(text), err=True)


@contextmanager
def patience(text: str) -> Iterator[None]:
    """Says `text` on stderr when what is inside takes more than a second."""
    timer = threading.Timer(PATIENCE_S, talk, (f"{text} …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def counted(number: int, name: str) -> str:
    """For people: `1 rule`, `2 rules`."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def duration(seconds: float) -> str:
    """For people: `4 s`, `12 min`, `5 h 3 min`, `3 d 4 h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def size(count: float) -> str:
    """For people: bytes in the unit that fits, powers of ten."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
