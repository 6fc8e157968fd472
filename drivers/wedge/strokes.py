"""A text as strokes of keys, layout US. Pure.

A stroke is the records of one press or one release with the report that ends it (`SYN_REPORT`), as the kernel's input
system wants them: between two strokes there is a pause, within one there is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from drivers.us_keys import DOWN, ENTER, EV_KEY, EV_SYN, KEYS, LEFT_SHIFT, RECORD, TAB, UP

ENDS = {"enter": ENTER, "tab": TAB, "none": None}
"""Name of an option → the key that ends a code."""
CODES = frozenset({code for code, _ in KEYS.values()} | {LEFT_SHIFT, ENTER, TAB})
"""Every key that is ever pressed here."""


def stroke(code: int, value: int) -> bytes:
    """One key up or down. Time stamps are the kernel's business: it puts its own."""
    return RECORD.pack(0, 0, EV_KEY, code, value) + RECORD.pack(0, 0, EV_SYN, 0, 0)


def strokes(text: str, end: str) -> list[bytes]:
    """All strokes of a text and its end, Shift released after each character that needs it. Raises `ValueError` for a
    character that no key of the layout has."""
    return list(_strokes(text, ENDS[end]))


def _strokes(text: str, end: int | None) -> Iterator[bytes]:
    for character in text:
        if character not in KEYS:
            raise ValueError("a character that no key has")
        code, shift = KEYS[character]
        if shift:
            yield stroke(LEFT_SHIFT, DOWN)
        yield stroke(code, DOWN)
        yield stroke(code, UP)
        if shift:
            yield stroke(LEFT_SHIFT, UP)
    if end is not None:
        yield stroke(end, DOWN)
        yield stroke(end, UP)
