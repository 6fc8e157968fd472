"""Text for a printer's code page. Pure.

A letter that the code page lacks becomes the plain letter under its marks (`ā` as `a`); what has no plain
letter is refused, never printed as a question mark. Controls are refused: a TAB or LF would change what the
command means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

PLAIN: Mapping[str, str] = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201a": "'",
    "\u201b": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "«": '"',
    "»": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2012": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2026": "...",
    "\u00a0": " ",
    "\u2009": " ",
    "\u202f": " ",
    "€": "EUR",
    "№": "Nr.",
    "×": "x",
    "ß": "ss",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "æ": "ae",
    "Æ": "AE",
}
"""What has no plain letter by decomposition."""

_RUSSIAN = (
    "а:a б:b в:v г:g д:d е:e ё:e ж:zh з:z и:i й:i к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch ш:sh "
    "щ:shch ъ:ie ы:y ь:' э:e ю:iu я:ia"
)
RUSSIAN: Mapping[str, str] = {letter: latin for letter, _, latin in (pair.partition(":") for pair in _RUSSIAN.split())}
"""Russian letters in Latin ones. Source: ICAO, Doc 9303, part 3, transliteration of Cyrillic characters; the soft sign,
which is left out there, is an apostrophe."""

LETTERS_KEPT = 512
"""Texts have the same letters again and again, and every receipt is looked at three times."""

_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class TextRefused(ValueError):
    """A text that cannot be printed as it is."""


def printable(text: str, encoding: str, limit: int) -> bytes:
    """`text` in the code page, 1 to `limit` bytes. Raises `TextRefused`, naming what is wrong."""
    if not text.strip():
        raise TextRefused("it is empty")
    encoded = b"".join(_letter(letter, encoding) for letter in unicodedata.normalize("NFC", text))
    if len(encoded) > limit:
        raise TextRefused(f"it has {len(encoded)} bytes in {encoding}, at most {limit} fit on a line")
    return encoded


def transcribed(text: str, encoding: str) -> str:
    """Russian letters that the code page lacks in Latin ones. For what is no receipt: there a text is printed as it is,
    or refused."""
    return "".join(_in_latin(letter, encoding) for letter in unicodedata.normalize("NFC", text))


def is_code_page(encoding: str) -> bool:
    """True when `encoding` is known and writes ASCII as single bytes of the same value."""
    ascii_text = "".join(map(chr, range(0x20, 0x7F)))
    try:
        return ascii_text.encode(encoding) == ascii_text.encode("ascii")
    except (LookupError, UnicodeError):
        return False


@lru_cache(maxsize=LETTERS_KEPT)
def _letter(letter: str, encoding: str) -> bytes:
    if unicodedata.category(letter) in _REFUSED_CATEGORIES:
        raise TextRefused(f"it holds the control character U+{ord(letter):04X}")
    for candidate in (letter, PLAIN.get(letter, ""), _without_marks(letter)):
        try:
            encoded = candidate.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoded and min(encoded) >= 0x20:
            return encoded
    raise TextRefused(f"U+{ord(letter):04X} is neither in {encoding} nor has it a plain letter")


def _in_latin(letter: str, encoding: str) -> str:
    latin = RUSSIAN.get(letter.lower(), "")
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return (latin.capitalize() if letter.isupper() else latin) or letter
    return letter


def _without_marks(letter: str) -> str:
    decomposed = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in decomposed if not unicodedata.combining(part))
