"""Which cards are in the field: pure, fed with what each look has seen."""

from __future__ import annotations

RELEASE_LOOKS = 3
"""Looks without a card until it counts as taken away: a card at the field's edge comes and goes."""

_RANDOM = b"\x08"


class Presence:
    """Keeps each card that was reported until it is gone, so that it is reported once.

    Several cards lying together are a crowd: of them none is read until the field was empty, because whichever comes
    into sight alone for a moment would be taken for the one that was meant. All random UIDs (08 and three bytes,
    ISO/IEC 14443-3 section 6.5.4: a phone draws a new one each time the field comes on) count as one card.
    """

    def __init__(self) -> None:
        self._unseen: dict[bytes, int] = {}
        self._crowd_unseen: int | None = None

    def look(self, uid: bytes | None) -> bool:
        """One look has seen this card, or none. True when it has to be read: it is not known to be there."""
        if self._crowd_unseen is not None:
            self._crowd_unseen = self._crowd_unseen + 1 if uid is None else 0
            if self._crowd_unseen >= RELEASE_LOOKS:
                self._crowd_unseen = None
            return False
        seen = None if uid is None else _key(uid)
        kept = {card: 0 if card == seen else looks + 1 for card, looks in self._unseen.items()}
        self._unseen = {card: looks for card, looks in kept.items() if looks < RELEASE_LOOKS}
        return seen is not None and seen not in self._unseen

    def keep(self, uid: bytes) -> None:
        """This card has been reported."""
        self._unseen[_key(uid)] = 0

    @property
    def crowded(self) -> bool:
        """Whether several cards have been seen together, and the field was not empty since."""
        return self._crowd_unseen is not None

    def crowd(self) -> None:
        """Several cards have been seen together, and that was reported."""
        self._unseen, self._crowd_unseen = {}, 0


def same(one: bytes, other: bytes) -> bool:
    """Whether two looks may have seen the same card."""
    return _key(one) == _key(other)


def _key(uid: bytes) -> bytes:
    return _RANDOM if len(uid) == 4 and uid[:1] == _RANDOM else uid
