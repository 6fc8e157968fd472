"""What readers of credentials report: cards, codes. Readers take no calls beyond the core's."""

from __future__ import annotations

import msgspec


class Card(msgspec.Struct, frozen=True, tag="card", tag_field="reading", omit_defaults=True):
    """A contactless card, reported once per presentation (it must leave the field before the next one).

    `uid` is in ISO 14443-3 order, the same from every reader. `ndef` is the card's NDEF message as read at
    this very presentation, empty when there is none: what it proves is for the gateway's identity step.
    """

    uid: bytes
    ndef: bytes = b""


class Code(msgspec.Struct, frozen=True, tag="code", tag_field="reading"):
    """An optical code, reported once while it stays in sight. `data` are its bytes, at most 2 kB."""

    symbology: str
    data: bytes


ReaderReading = Card | Code
