"""Base45 (RFC 9285): bytes as text for a QR code's alphanumeric mode, which scanners that mangle bytes leave alone."""

from __future__ import annotations

from gateway.model.errors import InputRefused

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}


def encode(data: bytes) -> bytes:
    """Two bytes as three characters, a last single byte as two."""
    out = bytearray()
    for index in range(0, len(data) - 1, 2):
        value = data[index] << 8 | data[index + 1]
        out += bytes((_ALPHABET[value % 45], _ALPHABET[value // 45 % 45], _ALPHABET[value // 2025]))
    if len(data) % 2:
        out += bytes((_ALPHABET[data[-1] % 45], _ALPHABET[data[-1] // 45]))
    return bytes(out)


def decode(text: bytes) -> bytes:
    """Raises `InputRefused` for anything that no encoder makes."""
    if len(text) % 3 == 1:
        raise InputRefused("not base45: one character too many")
    out = bytearray()
    try:
        values = [_VALUE[character] for character in text]
    except KeyError as error:
        raise InputRefused("not base45: a character outside its alphabet") from error
    for index in range(0, len(values), 3):
        group = values[index : index + 3]
        value = sum(digit * 45**power for power, digit in enumerate(group))
        size = len(group) - 1
        if value >= 256**size:
            raise InputRefused("not base45: a group out of range")
        out += value.to_bytes(size, "big")
    return bytes(out)
