"""The first URI of an NDEF message (NFC Forum, NDEF 1.0; URI record type 1.0). Bytes from a card: trust nothing."""

from __future__ import annotations

_PREFIXES = ("", "http://www.", "https://www.", "http://", "https://")
"""URI identifier codes 0 to 4; the others (tel:, mailto:, …) never carry a credential."""
_SHORT, _ID_LENGTH, _WELL_KNOWN = 0x10, 0x08, 0x01


def first_uri(message: bytes) -> str | None:
    """The first URI record's text, or None when there is none or the message is damaged."""
    position = 0
    while position + 3 <= len(message):
        flags, type_length = message[position], message[position + 1]
        position += 2
        length_size = 1 if flags & _SHORT else 4
        payload_length = int.from_bytes(message[position : position + length_size], "big")
        position += length_size
        id_length = 0
        if flags & _ID_LENGTH:
            if position >= len(message):
                return None
            id_length = message[position]
            position += 1
        kind = message[position : position + type_length]
        start = position + type_length + id_length
        payload = message[start : start + payload_length]
        if len(payload) != payload_length:
            return None
        if flags & 0x07 == _WELL_KNOWN and kind == b"U" and payload:
            return _uri(payload)
        position = start + payload_length
    return None


def _uri(payload: bytes) -> str | None:
    if payload[0] >= len(_PREFIXES):
        return None
    try:
        return _PREFIXES[payload[0]] + payload[1:].decode("utf-8")
    except UnicodeDecodeError:
        return None
