"""What a link to a library's system is asked: whether a library card counts there. No name, no address, no fines: one
word comes back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Barcode = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]{1,128}$(?!\n)")]
Pin = Annotated[str, msgspec.Meta(pattern=r"^[\x20-\x7e]{1,64}$(?!\n)")]


class PatronStanding(StrEnum):
    """How a library card stands in the library's own system."""

    VALID = "valid"
    BARRED = "barred"
    """It is valid, and its holder may not borrow now. Why is the library's business and not told."""
    LOST = "lost"
    """It was reported lost there."""
    UNKNOWN = "unknown"
    """It is none of the library's, or not any more."""


class PinWord(StrEnum):
    """What became of the PIN that was given."""

    NOT_ASKED = "not_asked"
    RIGHT = "right"
    WRONG = "wrong"


class PatronStatus(msgspec.Struct, frozen=True, tag="patron_status", tag_field="call", omit_defaults=True):
    """Ask how this card stands. `pin` only when the person has typed one: never empty, because systems call an empty
    one right. Answered by `Patron`. `repr` hides both."""

    barcode: Barcode
    pin: Pin | None = None

    def __repr__(self) -> str:
        return f"PatronStatus({len(self.barcode)} characters)"


class Patron(msgspec.Struct, frozen=True, tag="patron", tag_field="result", omit_defaults=True):
    """How it stands, as the library's system has said just now."""

    standing: PatronStanding
    pin: PinWord = PinWord.NOT_ASKED


LibraryCall = PatronStatus
LibraryResult = Patron
