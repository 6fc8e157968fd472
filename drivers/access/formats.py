"""Bits of a card, as a Wiegand or OSDP reader hands them on → the number that all readers of it agree on. Pure.

Parity (E even, O odd, over the bits marked with X, themselves included):

26 bits  E XXXXXXXXXXXX ............ .   24 bits: facility (8), number (16). Open format of the Wiegand reader interface
         . ............ XXXXXXXXXXXX O   (SIA AC-01-1996.10, "26-bit Wiegand"; HID calls it H10301)
34 bits  the same with 16 and 16: 32 bits, mostly four bytes of a UID in an order of the reader's own
37 bits  E and the 18 bits after it, O and the 18 bits before it (they share one): HID H10304, facility (16) and
         number (19); H10302 has the same parity and one number of 35 bits (HID, "Understanding Card Data Formats")

What the number is: with 26 and 34 bits what stands between the parity bits, because readers also send these 24 and 32
bits alone. Every other length as it came: its layout is not known, or (37) there is no other form of it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

FEWEST_BITS, MOST_BITS = 24, 128
"""Fewer are a key of a keypad or noise; more no card number has: 16 bytes are the longest identity in use."""

_BETWEEN_PARITY = frozenset({26, 34})
_SPANS = {26: 13, 34: 17, 37: 19}
"""Length → how many bits each parity covers, its own included."""


class Wrong(StrEnum):
    """Why bits are no card."""

    PARITY = "their parity is wrong"
    LENGTH = "their number is not one of a card"
    BLANK = "they are all alike"
    """Two wires swapped, one broken, or a reader without power: never anybody's card."""


class Number(msgspec.Struct, frozen=True):
    """The card's number: `bits` bits in the fewest bytes. `repr` hides it."""

    bits: int
    data: bytes

    def __repr__(self) -> str:
        return f"Number({self.bits} bits)"


def number_of(bits: int, value: int, *, unchecked: frozenset[int] = frozenset()) -> Number | Wrong:
    """The number in `bits` bits with this value (first bit the most significant), or what is wrong with them.

    `unchecked`: lengths that are handed on as they come, for cards whose parity has another layout.
    """
    if not FEWEST_BITS <= bits <= MOST_BITS or value < 0 or value >> bits:
        return Wrong.LENGTH
    if value in (0, (1 << bits) - 1):
        return Wrong.BLANK
    if bits in unchecked or (span := _SPANS.get(bits)) is None:
        return _packed(bits, value)
    first, last = value >> (bits - span), value & ((1 << span) - 1)
    if first.bit_count() % 2 != 0 or last.bit_count() % 2 != 1:
        return Wrong.PARITY
    if bits in _BETWEEN_PARITY:
        return _packed(bits - 2, (value >> 1) & ((1 << (bits - 2)) - 1))
    return _packed(bits, value)


def uid_of(number: Number, *, backwards: bool) -> bytes | None:
    """The UID (ISO/IEC 14443-3, 6.5.4: 4, 7 or 10 bytes) that a reader hands on as a number, or None when it is none.
    `backwards`: the reader sends its last byte first."""
    if number.bits not in (32, 56, 80):
        return None
    return number.data[::-1] if backwards else number.data


def _packed(bits: int, value: int) -> Number:
    return Number(bits, value.to_bytes(-(-bits // 8), "big"))
