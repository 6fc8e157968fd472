"""The air above a reader that does anticollision itself: cards of ISO/IEC 14443-3 type A and what is heard of them.

Frames as they go over the air, CRC included. Cards that answer different things at once collide.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from drivers.simulators.cards import Card
from drivers.simulators.field import CASCADE_TAG
from drivers.simulators.pn532_frames import crc_a

REQA, WUPA, HLTA = b"\x26", b"\x52", b"\x50\x00"
SELECT = b"\x93\x95\x97"
"""SEL of each cascade level (6.5.3.1)."""
ALL, NONE = 0x70, 0x20
"""NVB: with all 40 bits, a SELECT; with none, the begin of an anticollision."""
MORE = 0x04
"""Bit of the SAK: the UID goes on at the next level (6.5.3.4)."""


class Heard(NamedTuple):
    """What comes back: its bytes, whether cards said different things, whether it has a CRC (4-bit ones have none)."""

    data: bytes
    collided: bool = False
    checked: bool = True


class _Is(Enum):
    IDLE = 0
    READY = 1
    ACTIVE = 2
    HALT = 3


class _Card:
    """A card's states (6.3)."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.state, self._rest, self._level = _Is.IDLE, _Is.IDLE, 0
        parts, uid = [], card.uid
        while len(uid) > 4:
            parts.append(bytes([CASCADE_TAG]) + uid[:3])
            uid = uid[3:]
        self._parts = [*parts, uid]

    def hears(self, frame: bytes, bits: int) -> Heard | None:
        if bits == 7:
            return self._called(frame)
        if self.state is _Is.READY:
            answer = self._anticollision(frame)
            if answer is None:
                self.state = self._rest
            return answer
        if self.state is not _Is.ACTIVE:
            return None
        if len(frame) < 3 or crc_a(frame[:-2]) != frame[-2:]:
            return None
        if frame[:-2] == HLTA:
            self.state = self._rest = _Is.HALT
            return None
        said = self.card.exchange(frame[:-2])
        if said is None:
            return None
        if len(said) == 1 and not self.card.sak & 0x20:
            return Heard(said, checked=False)  # ACK or NAK of a Type 2 tag: four bits
        return Heard(said + crc_a(said))

    def _called(self, frame: bytes) -> Heard | None:
        wakes = (_Is.IDLE, _Is.HALT) if frame == WUPA else (_Is.IDLE,)
        if frame not in (REQA, WUPA) or self.state not in wakes:
            self.state = self._rest
            return None
        self.state, self._level = _Is.READY, 0
        return Heard(self.card.atqa[::-1], checked=False)

    def _anticollision(self, frame: bytes) -> Heard | None:
        if len(frame) < 2 or frame[0] != SELECT[self._level]:
            return None
        part = self._parts[self._level]
        part += bytes([part[0] ^ part[1] ^ part[2] ^ part[3]])
        if frame[1] == NONE and len(frame) == 2:
            return Heard(part, checked=False)
        if frame[1] != ALL or frame[2:7] != part or crc_a(frame[:7]) != frame[7:]:
            return None
        self._level += 1
        if self._level < len(self._parts):
            sak = bytes([MORE])
        else:
            sak = bytes([self.card.sak])
            self.state = _Is.ACTIVE
            self.card.activate()
        return Heard(sak + crc_a(sak))


class Air:
    """What is above the coil. Switching the field off makes every card forget all."""

    def __init__(self) -> None:
        self._cards: list[_Card] = []
        self.drowned = False
        """The first card is so much nearer that of two answers only its is heard, and they never collide."""

    def power(self, cards: Sequence[Card]) -> None:
        """These are in the field now; who was there before keeps its state."""
        known = {id(one.card): one for one in self._cards}
        self._cards = [known.get(id(card)) or _Card(card) for card in cards]

    def off(self) -> None:
        self._cards = []

    def active(self) -> bool:
        """Whether a card is selected."""
        return any(one.state is _Is.ACTIVE for one in self._cards)

    def send(self, frame: bytes, bits: int = 8) -> Heard | None:
        """What is heard after a frame, of whose last byte so many bits are sent; None for silence."""
        heard = [one for card in self._cards if (one := card.hears(frame, bits)) is not None]
        if not heard:
            return None
        first = heard[0]
        if self.drowned or all(one.data == first.data for one in heard):
            return first
        return Heard(first.data, collided=True, checked=False)
