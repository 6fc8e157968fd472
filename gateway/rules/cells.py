"""Cells of the spreadsheet of rules: what is written into them and read back, the same. Pure.

No cell is a formula to a spreadsheet program: one that would begin like one gets an apostrophe before it, and so does
one that begins with an apostrophe. The same after a semicolon, at which some programs split whatever is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from gateway.rules.conditions import DAYS
from gateway.rules.words import basis_points

SHOWN = 40
"""Characters of a cell that a fault repeats."""

# The full-width forms are formulas to some programs, too; a tab and a carriage return are skipped by some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
_after_semicolon = re.compile(r"""(;[\s"']*)([=+\-@＝＋－＠])""")
_undone = re.compile(r"""(;[\s"']*)'([=+\-@＝＋－＠])""")
_number = re.compile(r"^-?[0-9]{1,15}$(?!\n)")
_dotted = re.compile(r"^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})\.?$(?!\n)")
_hours = re.compile(r"^([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})$(?!\n)")


class Cell(NamedTuple):
    """How a value stands in a cell. `read` raises `ValueError` that says what should be there."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


def quoted(text: str) -> str:
    """A text that no spreadsheet program runs."""
    text = _after_semicolon.sub(r"\1'\2", text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def unquoted(text: str) -> str:
    """The text that `quoted` was given; another text as it is, without an apostrophe that would be one of its."""
    return _undone.sub(r"\1\2", text.removeprefix("'"))


def _read_number(text: str) -> int:
    if not _number.match(text := text.strip()):
        raise ValueError("a whole number is needed, such as 85")
    return int(text)


def _read_points(text: str) -> int:
    if not _number.match(text := text.strip()):
        raise ValueError(f"{text[:SHOWN]!r} is not {basis_points(text)}")
    return int(text)


def _read_cents(text: str) -> int:
    if not _number.match(text := text.strip()):
        raise ValueError(f"{text[:SHOWN]!r} is no whole number of cents: 150 is 1.50")
    return int(text)


def _read_day(text: str) -> str:
    text = text.strip()
    if found := _dotted.match(text):
        text = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("a day is needed, such as 2026-09-01 or 01.09.2026") from None


def _write_windows(windows: list[dict[str, Any]]) -> str:
    return "; ".join(" ".join([*one.get("days", ()), *_write_hours(one)]) for one in windows)


def _write_hours(window: dict[str, Any]) -> list[str]:
    if "days" in window and not {"from", "until"} & set(window):
        return []
    return [f"{window.get('from', '00:00')}-{window.get('until', '24:00')}"]


def _read_windows(text: str) -> list[dict[str, Any]]:
    return [_read_window(part.split()) for part in text.split(";")]


def _read_window(words: list[str]) -> dict[str, Any]:
    window: dict[str, Any] = {}
    if words and (hours := _hours.match(words[-1])):
        window |= {name: at for name, at in (("from", hours[1]), ("until", hours[2])) if at != _WHOLE_DAY[name]}
        words = words[:-1]
    elif not words:
        raise ValueError(_WINDOWS)
    for word in words:
        if word not in DAYS:
            raise ValueError(f"{word[:SHOWN]!r} is no day ({' '.join(DAYS)}) and no hours. {_WINDOWS}")
    if words:
        window["days"] = words
    return window


_WHOLE_DAY = {"from": "00:00", "until": "24:00"}
_WINDOWS = "windows are needed, such as: mon tue wed thu fri 09:30-23:00; sat sun holiday"
_PAYERS = "payers are needed, such as: jelgava tender 7500; merchant discount rest"


def _write_payers(payers: list[dict[str, Any]]) -> str:
    parts = (f"{one['party']} {one['form']} {one.get('share_basis_points', 'rest')}" for one in payers)
    return "; ".join(parts)


def _read_payers(text: str) -> list[dict[str, Any]]:
    return [_read_payer(part.split()) for part in text.split(";")]


def _read_payer(words: list[str]) -> dict[str, Any]:
    if len(words) != 3:
        raise ValueError(_PAYERS)
    if words[2] != "rest" and not _number.match(words[2]):
        raise ValueError(f"{words[2][:SHOWN]!r} is not `rest`, nor {basis_points(words[2])}. {_PAYERS}")
    party, form, share = words
    return {"party": party, "form": form, **({"rest": True} if share == "rest" else {"share_basis_points": int(share)})}


TEXT = Cell(str, str)
WORD = Cell(str, str.strip)
NUMBER = Cell(str, _read_number)
POINTS = Cell(str, _read_points)
CENTS = Cell(str, _read_cents)
CODES = Cell(" ".join, str.split)
DAY = Cell(str, _read_day)
WINDOWS = Cell(_write_windows, _read_windows)
PAYERS = Cell(_write_payers, _read_payers)
