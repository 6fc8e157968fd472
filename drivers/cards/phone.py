"""A phone that hands over a pass: its application answers to our own name, and gives the text that it else shows as a
QR code. The text proves itself (it is signed); what a phone says of itself proves nothing and is not asked.

The conversation, two kinds of commands of ISO/IEC 7816-4:

    SELECT by name, `AID`      → two bytes, the length of the text; 9000
    READ BINARY, offset, Le    → so many bytes of it, at least one; 9000

`AID`: the first half byte F marks a name that nobody registers (ISO/IEC 7816-5); then "SMPLACE" and a version.
"""

from __future__ import annotations

from drivers.cards.apdu import Transmit, data_of, select

AID = b"\xf0SMPLACE\x01"
MOST = 1024
"""Bytes of a pass at most, as in a QR code."""
PART = 240
"""Bytes of one answer at most: short ones only, and every phone can give so many."""


def pass_of(transmit: Transmit) -> bytes:
    """The text that a phone's application hands over, empty when there is no such application or it has none. Raises
    what `transmit` raises; sends at most 1 + `MOST` commands."""
    head = data_of(transmit(select(AID)))
    if head is None or len(head) != 2:
        return b""
    size = int.from_bytes(head, "big")
    if size > MOST:
        return b""
    text = b""
    while len(text) < size:
        want = min(PART, size - len(text))
        part = data_of(transmit(b"\x00\xb0" + len(text).to_bytes(2, "big") + bytes([want])))
        if not part or len(part) > want:
            return b""
        text += part
    return text
