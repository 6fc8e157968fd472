"""Keys of a scanner that types (layout US) → the bytes that it has read. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from drivers import us_keys
from drivers.us_keys import DOWN, ENTER, EV_KEY, EV_SYN, KEYPAD_ENTER, RECORD, SHIFTS, SYN_DROPPED, TAB, UP

LOST = b"\0"
"""Stands for events that the kernel has dropped: no scanner types it."""

PLAIN = us_keys.PLAIN | {TAB: "\t"}
SHIFTED = us_keys.SHIFTED | {TAB: "\t"}
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
