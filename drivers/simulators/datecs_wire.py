"""The device's end of Datecs version 1 frames. Written apart from the driver's codec on purpose: two
readings of one document, so that a mistake in one of them shows.

Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections B to D.
"""

from __future__ import annotations

import msgspec

NAK, SYN = b"\x15", b"\x16"


class Request(msgspec.Struct, frozen=True):
    """A request whose checksum is right, its DATA as received."""

    seq: int
    command: int
    data: bytes


class Broken(msgspec.Struct, frozen=True):
    """Something that begins like a request and is none: the device answers NAK."""


def checksum(part: bytes) -> bytes:
    """Sum of the bytes behind 01h up to 05h as four characters from `0` to `?`."""
    return f"{sum(part) % 65536:04x}".translate({ord("a") + n: ord(":") + n for n in range(6)}).encode("ascii")


def answer(request: Request, data: bytes, status: bytes) -> bytes:
    """The answer frame to `request`."""
    inner = bytes([request.seq, request.command]) + data + b"\x04" + status + b"\x05"
    part = bytes([0x20 + 1 + len(inner)]) + inner
    return b"\x01" + part + checksum(part) + b"\x03"


class RequestReader:
    """Finds requests in what comes in."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def waiting(self) -> bool:
        """True while a request has begun and is not complete."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Request | Broken]:
        found: list[Request | Broken] = []
        held = self._held + data
        while (start := held.find(b"\x01")) >= 0:
            held = held[start:]
            if len(held) < 2:
                break
            size = held[1] - 0x20 + 6  # 01h in front, four digits and 03h behind
            if held[1] < 0x24:
                found.append(Broken())
                held = held[1:]
                continue
            if len(held) < size:
                break
            part, digits, end = held[1 : size - 5], held[size - 5 : size - 1], held[size - 1]
            if end == 0x03 and part[-1] == 0x05 and digits == checksum(part):
                found.append(Request(part[1], part[2], part[3:-1]))
                held = held[size:]
            else:
                found.append(Broken())
                held = held[1:]
        else:
            held = b""
        self._held = held
        return found

    def give_up(self) -> list[Request | Broken]:
        """The rest did not come in time."""
        self._held = b""
        return [Broken()]
