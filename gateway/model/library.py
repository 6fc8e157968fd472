"""What a library's own system says of a library card."""

from __future__ import annotations

from enum import StrEnum


class LibraryWord(StrEnum):
    """How the card stands there, or that nobody could be asked. Closed: docs/stations.md has each."""

    VALID = "valid"
    BARRED = "barred"
    """Valid, and its holder may not borrow now; why is not told."""
    LOST = "lost"
    """Reported lost there."""
    UNKNOWN = "unknown"
    """None of the library's."""
    NO_ANSWER = "no_answer"
    """It is away, or took too long: the registry alone has decided."""
