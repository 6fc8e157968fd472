"""A PN532 on a serial port (HSU): found at whatever rate it is, and asked for two cards."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import Any

import serial
from nfc.clf import pn532, transport

from drivers.nfc.errors import Code, ReaderFault
from drivers.nfc.faults import GONE
from drivers.nfc.models import HSU_SEARCH, SLOW_UARTS
from drivers.nfc.several import LIST_TWO, uids_in

BAUD = 115200
"""The chip's rate after power-up."""

WAKE = bytearray(10)
"""Edges on the line that wake the chip's serial interface (UM0701-02, 7.2.11)."""


class Hsu:
    """The chip at this port. `open` and `sees_several` let nfcpy's errors through."""

    def __init__(self, port: str, baud: int) -> None:
        self._port, self._baud = port, baud
        self._serial: serial.Serial | None = None
        self.device: Any = None

    def open(self) -> dict[str, str]:
        """Open the port for this program alone and make sure of the chip: its 262-byte line test passes at its rate.

        Not by `pn532.init`, which runs `stty` through a shell and never finds a chip at another rate.
        """
        line = transport.TTY(self._port)
        self._serial = line.tty
        line.tty.exclusive = True
        chipset = _find(line)
        chipset.sam_configuration("normal")
        rate = BAUD if _slow(self._port) else self._baud
        if line.baudrate != rate:
            chipset.set_serial_baudrate(rate)
            line.baudrate = rate
        self.device = pn532.Device(chipset, chipset.log)
        return {"model": "PN532", "firmware": self.device.chipset_name.partition("v")[2]}

    def take_collision(self) -> bool:
        """Never: the chip takes one card out of several by itself."""
        return False

    def sees_several(self) -> bool:
        """Whether more than one card is in the field, as far as the chip can tell them apart. Leaves none selected."""
        self.device.mute()  # cards that were selected before answer only in a new field
        return len(set(uids_in(bytes(self.device.chipset.command(0x4A, bytearray(LIST_TWO), timeout=1.0))))) > 1

    def let_go(self) -> None:
        """Close the port, whatever state it is in."""
        if self._serial is not None:
            with suppress(*GONE):
                self._serial.close()


def _find(line: transport.TTY) -> pn532.Chipset:
    """Wake the chip and find the rate it is at."""
    chipset = pn532.Chipset(line, logging.getLogger("nfc.clf.pn532"))
    version = bytearray.fromhex("0000FF02FED4022A00")
    fault = Code.NO_ANSWER
    for rate, first_ms in HSU_SEARCH:
        line.baudrate = rate
        line.write(WAKE + version)
        try:
            acknowledged = line.read(first_ms) == chipset.ACK
            if acknowledged and line.read(100)[5:8] == b"\xd5\x03\x32":
                return chipset
            fault = Code.GARBLED
        except serial.SerialException:
            raise
        except OSError:
            continue
        except IndexError:
            fault = Code.GARBLED
    raise ReaderFault(fault)


def _slow(port: str) -> bool:
    return os.path.basename(os.path.realpath(port)).startswith(SLOW_UARTS)
