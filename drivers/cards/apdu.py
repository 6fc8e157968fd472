"""Commands to a card and the ends of its answers (ISO/IEC 7816-4)."""

from __future__ import annotations

from collections.abc import Callable

Transmit = Callable[[bytes], bytes]
"""Sends a command APDU, returns the response APDU with its status; raises when the card is gone."""

OK = b"\x90\x00"


def select(name: bytes) -> bytes:
    """SELECT an application by its name, the first or only occurrence, with any answer."""
    return b"\x00\xa4\x04\x00" + bytes([len(name)]) + name + b"\x00"


def data_of(response: bytes) -> bytes | None:
    """The data of an answer that ends well, None for any other."""
    return response[:-2] if response[-2:] == OK else None
