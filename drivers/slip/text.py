"""Text for a slip: safe, in letters that the printer has, wrapped to its lines. Pure.

A control character would be a command to the printer (ESC p opens a drawer): none is let through, except the line end.
A letter that no code page of the printer has becomes the plain letter under its marks; what has none is refused, never
printed as a question mark.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable

from drivers.fiscal.text import PLAIN

_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

Has = Callable[[str], bool]
"""Whether the printer has this letter."""


class TextRefused(ValueError):
    """A text that cannot be printed. Says which character and never the text."""


def lines(text: str, columns: int, has: Has) -> list[str]:
    """The lines of a text, each of letters that the printer has and no longer than `columns`. Raises `TextRefused`."""
    found: list[str] = []
    for line in unicodedata.normalize("NFC", text.replace("\r\n", "\n")).split("\n"):
        plain = "".join(_letter(letter, has) for letter in line)
        # What fits stays as it is: a coupon's columns are made of spaces.
        found += [plain] if len(plain) <= columns else textwrap.wrap(plain, columns) or [""]
    return found


def code(data: str) -> str:
    """What a QR code is to hold, when it holds no control character: a printer that does not know the command prints
    its data. Raises `TextRefused`."""
    for letter in data:
        _check(letter)
    return data


def _letter(letter: str, has: Has) -> str:
    _check(letter)
    for candidate in (letter, PLAIN.get(letter, ""), _without_marks(letter)):
        if candidate and all(has(one) for one in candidate):
            return candidate
    raise TextRefused(f"the printer has no U+{ord(letter):04X}, and there is no plain letter for it")


def _check(letter: str) -> None:
    if unicodedata.category(letter) in _REFUSED:
        raise TextRefused(f"it holds the control character U+{ord(letter):04X}")


def _without_marks(letter: str) -> str:
    decomposed = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in decomposed if not unicodedata.combining(part) and part.isprintable())
