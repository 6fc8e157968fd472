"""Several cards in one field: in which order a reader finds them (ISO/IEC 14443-3, 6.5.3: anticollision)."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.simulators.cards import Card

CASCADE_TAG = 0x88


def in_order(cards: Sequence[Card]) -> list[Card]:
    """Cards as they are found one after the other: where bits collide, a reader goes on with those that sent a 1."""
    return sorted(cards, key=lambda card: _as_sent(card.uid), reverse=True)


def _as_sent(uid: bytes) -> str:
    """The bits of a UID as they go over the air: the lowest bit of each byte first, longer UIDs behind cascade tags."""
    sent = uid
    if len(uid) > 4:
        sent = bytes([CASCADE_TAG]) + uid[:3] + (uid[3:] if len(uid) == 7 else bytes([CASCADE_TAG]) + uid[3:])
    return "".join(f"{byte:08b}"[::-1] for byte in sent)
