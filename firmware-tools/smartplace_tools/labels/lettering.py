"""The font of a sheet, and what happens to letters that it does not have.

A PDF's built-in Helvetica has no Latvian, Lithuanian or Cyrillic letters, so a TrueType font of the machine
is embedded. Without one, letters lose their marks (ā → a) and Cyrillic is written in Latin letters: readable,
but a warning says so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from smartplace_tools.labels.errors import BadTable

BUILT_IN = "Helvetica"

# Debian and Raspberry Pi OS: fonts-dejavu-core, fonts-noto-core, fonts-liberation.
SYSTEM_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    Path("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    Path("/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf"),
)
FONT_PACKAGE = "fonts-dejavu-core"

# fmt: off
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh",
    "з": "z", "и": "i", "й": "j", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o",
    "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "c",
    "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g",
}
# fmt: on
_PUNCTUATION = {"–": "-", "—": "-", "„": '"', "“": '"', "”": '"', "’": "'", "‘": "'", "…": "...", "№": "No."}


@dataclass(frozen=True, slots=True)
class Lettering:
    """A font that is ready to draw with, and the characters it has (None: only printable ASCII)."""

    font: str
    file: Path | None
    has: frozenset[int] | None

    def writable(self, character: str) -> bool:
        return character.isascii() if self.has is None else ord(character) in self.has

    def spell(self, text: str) -> str:
        """`text` with each character that the font lacks replaced by its nearest. Raises ValueError with the
        first one that has no such letter."""
        spelt = "".join(self._spell(character) for character in text)
        if not spelt.strip():
            raise ValueError("nothing is left of the text")
        return spelt

    def _spell(self, character: str) -> str:
        if self.writable(character):
            return character
        latin = _latin(character)
        if latin is None or not all(self.writable(letter) for letter in latin):
            raise ValueError(f"no letter for {character!r} (U+{ord(character):04X})")
        return latin


def _latin(character: str) -> str | None:
    if character in _PUNCTUATION:
        return _PUNCTUATION[character]
    lower = character.lower()
    if lower in _CYRILLIC:
        latin = _CYRILLIC[lower]
        return latin if character == lower else latin.capitalize()
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return plain if plain.isascii() else None


def choose(given: Path | None, candidates: Iterable[Path] = SYSTEM_FONTS) -> Lettering:
    """The given TrueType font, else the first of the system's, else the built-in one.

    Raises BadTable when the given file is not a TrueType font.
    """
    if given is not None:
        return _load(given)
    for candidate in candidates:
        if candidate.is_file():
            return _load(candidate)
    return Lettering(BUILT_IN, None, None)


def _load(file: Path) -> Lettering:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        font = TTFont(f"label-{file.stem}", str(file))
    except (TTFError, OSError) as error:
        advice = "give a .ttf file, or leave --font away"
        raise BadTable([f"font {file}: {error}; {advice}"]) from error
    pdfmetrics.registerFont(font)
    return Lettering(font.fontName, file, frozenset(font.face.charToGlyph))
