"""Keyboards of the layout US as Linux sees them: key codes, and the records of input events. Shared by the scanner's
driver, which reads what is typed, and the wedge's, which types.

Sources: Linux `include/uapi/linux/input.h` (`struct input_event`) and `input-event-codes.h` (key codes).
"""

from __future__ import annotations

import struct

RECORD = struct.Struct("llHHi")
"""Seconds, microseconds, type, code, value; the first two as wide as the system's `long`: 24 bytes, or 16."""

EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
UP, DOWN = 0, 1
ENTER, KEYPAD_ENTER, TAB = 28, 96, 15
LEFT_SHIFT, RIGHT_SHIFT = 42, 54
SHIFTS = frozenset((LEFT_SHIFT, RIGHT_SHIFT))

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
PLAIN = {first + at: key for first, keys, _ in _ROWS for at, key in enumerate(keys)}
"""Key code → character, for the keys that print one."""
SHIFTED = {first + at: key for first, _, keys in _ROWS for at, key in enumerate(keys)}
KEYS = {key: (code, True) for code, key in SHIFTED.items()} | {key: (code, False) for code, key in PLAIN.items()}
"""Character → key code, and whether Shift is held: every printable character of ASCII."""
