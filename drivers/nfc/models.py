"""The readers that this driver knows, and what is peculiar to each: a table, so that no code asks for a name."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Family(StrEnum):
    """How a reader on USB is spoken to: one module of nfcpy each."""

    PORT100 = "port100"


class Model(NamedTuple):
    """A reader on USB. `quirk`: what one has to know of it, for the page and for whoever looks for a fault."""

    name: str
    chip: Family
    quirk: str


USB = {
    (0x054C, 0x06C1): Model("RC-S380/S", Family.PORT100, "finds no second card itself: the driver calls for one"),
    (0x054C, 0x06C3): Model("RC-S380/P", Family.PORT100, "finds no second card itself: the driver calls for one"),
}
"""By the numbers of vendor and product (nfcpy, `clf/device.py`)."""

SLOW_UARTS = ("ttyS",)
"""Serial ports, by the begin of the kernel's name, that do no more than 115200: a 16550, a Pi's mini UART (nfcpy,
`pn532.init`)."""

HSU_SEARCH = ((115200, 300), (460800, 100), (921600, 100), (230400, 100), (115200, 1500))
"""Rates at which a PN532 is looked for, and how many milliseconds its first answer may take. A driver that was
killed, or another program, leaves it at its rate until it loses power. The last: a USB serial port on a
Raspberry Pi may hold back its first bytes for a second (nfcpy, `pn532.init`)."""
