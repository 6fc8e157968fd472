"""Keys of a scanner that types (layout US) → the bytes that it has read. Pure.

Sources: Linux `include/uapi/linux/input.h` (`struct input_event`) and `input-event-codes.h` (key codes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

RECORD = struct.Struct("llHHi")
"""Seconds, microseconds, type, code, value; the first two as wide as the system's `long`."""

EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
UP, DOWN = 0, 1
ENTER, KEYPAD_ENTER, TAB = 28, 96, 15
SHIFTS = frozenset((42, 54))
LOST = b"\0"
"""Stands for events that the kernel has dropped: no scanner types it."""

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
PLAIN = {first + at: key for first, keys, _ in _ROWS for at, key in enumerate(keys)} | {TAB: "\t"}
SHIFTED = {first + at: key for first, _, keys in _ROWS for at, key in enumerate(keys)} | {TAB: "\t"}
_KEYPAD = {71: "7", 72: "8", 73: "9", 74: "-", 75: "4", 76: "5", 77: "6", 78: "+", 79: "1", 80: "2", 81: "3", 82: "0"}
PLAIN |= _KEYPAD | {83: ".", 55: "*", 98: "/", ENTER: "\r", KEYPAD_ENTER: "\r"}
SHIFTED |= {ENTER: "\r", KEYPAD_ENTER: "\r"}


class Keyboard:
    """Reads records as they come, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._shift: set[int] = set()

    def feed(self, data: bytes) -> bytes:
        """What was typed with these; `LOST` where events are missing. Keys that are no characters count as nothing."""
        self._rest += data
        whole = len(self._rest) - len(self._rest) % RECORD.size
        records, self._rest = self._rest[:whole], self._rest[whole:]
        return b"".join(self._typed(records))

    def _typed(self, records: bytes) -> Iterator[bytes]:
        for _, _, kind, code, value in RECORD.iter_unpack(records):
            if kind == EV_SYN and code == SYN_DROPPED:
                self._shift.clear()
                yield LOST
            elif kind != EV_KEY:
                continue
            elif code in SHIFTS:
                (self._shift.add if value != UP else self._shift.discard)(code)
            elif value == DOWN and (key := (SHIFTED if self._shift else PLAIN).get(code)) is not None:
                yield key.encode()
