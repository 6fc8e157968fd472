"""The form of what nearly every rule names (`OftenCode`, `OftenPhrase`): each distinct text is looked at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.rules.check_tables import Fault
from gateway.rules.parts import CODE, PHRASE

SHOWN = 64
"""Characters of a text that is wrong."""

_code = re.compile(CODE)
_phrase = re.compile(PHRASE)


class Forms:
    """What of one document has been found right so far: what is in `codes` and `phrases` need not be asked again."""

    __slots__ = ("codes", "phrases")

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self.phrases: set[str] = set()

    def of_codes(self, codes: Iterable[str], path: str) -> Iterator[Fault]:
        """What is wrong with the codes at this path."""
        for index, code in enumerate(codes):
            yield from self.of_code(code, f"{path}[{index}]")

    def of_code(self, code: str, path: str) -> Iterator[Fault]:
        """What is wrong with this one."""
        if _code.search(code) is None:
            yield path, f"{code[:SHOWN]!r} is no code: 1 to 32 of a-z, 0-9, `_`, `.` and `-`, a letter or digit first"
        else:
            self.codes.add(code)

    def of_phrase(self, text: str, path: str) -> Iterator[Fault]:
        """What is wrong with a text for people."""
        if _phrase.search(text) is None:
            yield path, "not one line of text: it has a control character"
        else:
            self.phrases.add(text)
