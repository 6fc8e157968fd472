"""Frames of the Port-100 (Linux, drivers/nfc/port100.c): whether one is whole. Pure; the bytes are from the line."""

from __future__ import annotations

ACK = bytes.fromhex("0000FF00FF00")
HEAD = bytes.fromhex("0000FFFFFF")
"""Before the length, the lower byte first, and its checksum."""
_OVERHEAD = 10
_LEAST = 2
"""Direction and command."""


def whole(frame: bytes) -> bool:
    """Whether this is an ACK, or an answer whose length and checksums are right."""
    if frame == ACK:
        return True
    if len(frame) < _OVERHEAD + _LEAST or frame[:5] != HEAD or sum(frame[5:8]) & 255:
        return False
    size = int.from_bytes(frame[5:7], "little")
    return len(frame) == size + _OVERHEAD and not sum(frame[8 : 9 + size]) & 255 and frame[8] == 0xD7
