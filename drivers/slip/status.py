"""What an ESC/POS printer says of itself. Pure.

Every answer is one byte without a name: what it answers is known by what was asked last, what sort of answer it is by
its fixed bits. Sources: Epson, TM-U295 Specification, DLE EOT; Epson, TM-T85 Specification, GS r; Ithaca, PcOS Series
80PLUS Programmer's Guide, Rev B, page 93.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag

import msgspec

from drivers.slip.errors import Code

DLE_EOT = b"\x10\x04"
ASKED = (1, 2, 3, 4)
"""DLE EOT n: the printer, why it is off line, errors, the roll's sensors."""
WORKED_THROUGH = b"\x1dr1"
"""GS r 1: answered when all that was sent before has been worked through. With `1` as a digit (49): a printer that does
not know the command prints it, and no control code."""

_STATUS_FIXED, _STATUS = 0x93, 0x12
"""Bits 0 and 7 off, 1 and 4 on: an answer to DLE EOT, which is never XON or XOFF either."""
_UNASKED = 0x10
"""Bits 0, 1 and 7 off, 4 on: the first of the four bytes of an automatic status (GS a)."""
_UNASKED_BYTES = 4


class Offline(IntFlag):
    """DLE EOT 2: why it is off line."""

    COVER = 0x04
    PAPER_END = 0x20
    ERROR = 0x40


class Trouble(IntFlag):
    """DLE EOT 3: errors."""

    CUTTER = 0x08
    NOT_RECOVERABLE = 0x20
    RECOVERS = 0x40
    """By itself: the head is too hot."""


class Roll(IntFlag):
    """DLE EOT 4: the roll's sensors; each says it in two bits, of which one is enough."""

    NEAR_END = 0x0C
    END = 0x60


class Status(msgspec.Struct, frozen=True):
    """What was answered: the byte to each of `ASKED`, where there was one."""

    answers: Mapping[int, int]

    def hindrance(self) -> tuple[Code, str] | None:
        """Why nothing can be printed now; of several, what a person has to see to first. That it is off line is no
        reason by itself: some say so for ever and print (docs/drivers/slip.md, Models)."""
        offline, trouble = Offline(self.answers.get(2, 0) & 0x64), Trouble(self.answers.get(3, 0) & 0x68)
        if Offline.COVER in offline:
            return Code.COVER_OPEN, ""
        if Offline.PAPER_END in offline or self.answers.get(4, 0) & Roll.END:
            return Code.NO_PAPER, ""
        if Trouble.CUTTER in trouble:
            return Code.PRINTER_ERROR, "the cutter is blocked"
        if Trouble.NOT_RECOVERABLE in trouble:
            return Code.PRINTER_ERROR, "one that does not go away by itself"
        if Trouble.RECOVERS in trouble:
            return Code.PRINTER_ERROR, "its head is too hot, which goes away by itself"
        if Offline.ERROR in offline:
            return Code.PRINTER_ERROR, "it does not say which"
        return None

    @property
    def little_paper(self) -> bool:
        return bool(self.answers.get(4, 0) & Roll.NEAR_END)


class Heard(msgspec.Struct, frozen=True):
    """Answers found in what came: to DLE EOT, and whether one to GS r was among them."""

    statuses: tuple[int, ...] = ()
    worked_through: bool = False


class Answers:
    """Sorts what comes from the printer. What is neither answer is dropped: texts that some printers send unasked, flow
    control, noise."""

    def __init__(self) -> None:
        self._skip = 0

    def feed(self, data: bytes) -> Heard:
        """Any bytes at all."""
        statuses: list[int] = []
        through = False
        for byte in data:
            if self._skip:
                self._skip -= 1
            elif byte & _STATUS_FIXED == _STATUS:
                statuses.append(byte)
            elif byte & _STATUS_FIXED == _UNASKED:
                self._skip = _UNASKED_BYTES - 1
            # Bits 5 and 6 are undefined for GS r and off in practice: letters that come unasked have one of them on.
            elif byte & 0xF0 == 0:
                through = True
        return Heard(tuple(statuses), through)

    def forget(self) -> None:
        """What comes next begins anew: the line was quiet, or was opened."""
        self._skip = 0
