"""What frames of Datecs version 1 and 2 have in common: the checksum, the escaping, and how answers are found in a byte
stream. Pure.

Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections B to D; Datecs, Programmer's
Manual, FMP-350X to DP-05C, v2.08, "Low level protocol".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from drivers.fiscal.frames import Answer, Event, Signal

PREAMBLE, SEPARATOR, POSTAMBLE, TERMINATOR = 0x01, 0x04, 0x05, 0x03

HEAD = 5
"""Bytes of a frame in which LEN has come: 01 and, in version 2, four digits."""

_SIGNALS = {0x15: Signal.NAK, 0x16: Signal.SYN}
_BEGINNING = re.compile(rb"[\x01\x15\x16]")
_ESCAPE, _ESCAPED_BY = 0x10, 0x40
_ESCAPED = re.compile(rb"\x10([\x40-\x5f])")


class FrameError(ValueError):
    """Bytes that are no frame, or a request that no frame can carry."""


def bcc(body: bytes | bytearray) -> bytes:
    """Four digits of the sum of `body` (from LEN to 05h)."""
    total = sum(body) & 0xFFFF
    return bytes(0x30 + (total >> shift & 0xF) for shift in (12, 8, 4, 0))


def escaped(data: bytes, controls: re.Pattern[bytes]) -> bytes:
    """Each of the version's `controls` as 10h and the character plus 40h."""
    return controls.sub(lambda found: bytes((_ESCAPE, found[0][0] + _ESCAPED_BY)), data)


def unescape(data: bytes) -> bytes:
    """What `escaped` made, back. A 10h that escapes nothing stays as it is."""
    return _ESCAPED.sub(lambda found: bytes((found[1][0] - _ESCAPED_BY,)), data)


class Scanner:
    """Finds answers and signals in whatever comes, in chunks of any size; junk between them is dropped.

    `announced`: size of the frame that begins with these bytes, as far as they have come: more than there is while its
    LEN is incomplete, 1 when it is none. `decode`: the answer in exactly one frame; raises `FrameError`.

    Guarantees: raises nothing; holds less than the longest frame that `announced` tells between two calls; a frame is
    taken by its LEN, never by looking for 03h or 05h, and must have the right checksum; after a broken frame the search
    goes on behind its first byte, so that a good frame inside of it is still found. Frames that come twice are told
    twice: which of them is awaited, the link knows by SEQ and command.
    """

    def __init__(self, announced: Callable[[bytes], int], decode: Callable[[bytes], Answer]) -> None:
        self._announced = announced
        self._decode = decode
        self._held = bytearray()
        self.broken = 0
        self.junk = 0

    @property
    def held(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes."""
        self._held += data
        return self._scan(complete=False)

    def expire(self) -> list[Event]:
        """The line has been silent: what has begun will not be completed. Searches behind its beginning."""
        return self._scan(complete=True)

    def reset(self) -> None:
        """Forget what has begun."""
        self._held.clear()

    def _scan(self, *, complete: bool) -> list[Event]:
        events: list[Event] = []
        held, at = bytes(self._held), 0
        while found := _BEGINNING.search(held, at):
            self.junk += found.start() - at
            at = found.start()
            if (signal := _SIGNALS.get(held[at])) is not None:
                events.append(signal)
                at += 1
                continue
            size = self._announced(held[at : at + HEAD])
            if size > len(held) - at and not complete:
                break
            try:
                events.append(self._decode(held[at : at + size]))
                at += size
            except FrameError:
                self.broken += 1
                at += 1
        else:
            self.junk += len(held) - at
            at = len(held)
        self._held[:] = held[at:]
        return events
