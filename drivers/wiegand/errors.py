"""The problems of the wiegand driver: closed codes, what was seen, what to do."""

from __future__ import annotations

import errno
from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Every problem that this driver can report."""

    NO_CHIP = "no_chip"
    DENIED = "denied"
    BUSY = "busy"
    BAD_LINES = "bad_lines"
    LINE_LOW = "line_low"
    UNPLUGGED = "unplugged"
    GARBLED = "garbled"
    NO_LIBRARY = "no_library"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_CHIP: (
        "there is nothing at {where}",
        "Correct `chip`: `gpiodetect` (package gpiod) lists chips and their labels; or start what feeds `edges`",
    ),
    Code.DENIED: (
        "{where} may not be opened",
        "Give the gateway's user access to it: group gpio, or the project's udev rules",
    ),
    Code.BUSY: (
        "another program is using the lines at {where}",
        "Stop it, or take other lines; `gpioinfo` names who has them. A line may also belong to a bus of the Pi",
    ),
    Code.BAD_LINES: (
        "{where} does not take these lines: {why}",
        "Correct `d0`, `d1` and `pull_up`; `gpioinfo` shows which lines there are",
    ),
    Code.LINE_LOW: (
        "{why} is low all the time",
        "Check the reader's power, its common ground with this board, and the wires: idle wires are high",
    ),
    Code.UNPLUGGED: (
        "{where} went away",
        "Plug the board in again, or start what feeds `edges`",
    ),
    Code.GARBLED: (
        "{where} brings no edges",
        "`edges` is a pipe of lines such as `0 81234567890123`: see docs/drivers/wiegand.md",
    ),
    Code.NO_LIBRARY: (
        "the Python package gpiod is missing",
        'Install the extra "wiegand": pip install "smartplace-gateway[wiegand]"',
    ),
}
"""Cause template and advice of each code."""

BY_ERRNO = {
    errno.ENOENT: Code.NO_CHIP,
    errno.ENXIO: Code.NO_CHIP,
    errno.ENODEV: Code.NO_CHIP,
    errno.EACCES: Code.DENIED,
    errno.EPERM: Code.DENIED,
    errno.EBUSY: Code.BUSY,
}
"""What the error numbers of the system mean when lines are asked for."""


def problem(code: Code, where: str = "", why: object = "") -> Problem:
    """The problem of this code, for people."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(where=where, why=why), advice)
