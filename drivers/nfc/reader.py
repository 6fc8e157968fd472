"""Our small face of nfcpy: open a PN532, look into the field, read a card's NDEF. All of nfcpy is here.

nfcpy 1.0.4 (frozen since 2022) is used unmodified, its Type 2 and Type 4 code included. What it lets
through is known and named here: `OSError`, `termios.error` (no subclass of it), its own exceptions, and
the errors of parsing without checks.
"""

from __future__ import annotations

import logging
import os
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import nfc
import nfc.clf
import nfc.tag
import nfc.tag.tt4
import serial
from nfc.clf import pn532, transport

from drivers.cards.asking import ask
from drivers.contract.reader import Code as CodeReading
from drivers.contract.reader import Recognised
from drivers.desfire.outcome import Ask, Outcome
from drivers.nfc.errors import BY_ERRNO, Code, ReaderFault
from drivers.nfc.several import LIST_TWO, uids_in

BAUD = 115200
"""The chip's rate after power-up."""

SEARCH = ((BAUD, 300), (460800, 100), (921600, 100), (230400, 100), (BAUD, 1500))
"""Rates at which the chip is looked for, and how many milliseconds its first answer may take. A driver that
was killed, or another program, leaves it at its rate until it loses power. The last: a USB serial port on a
Raspberry Pi may hold back its first bytes for a second (nfcpy, `pn532.init`)."""

READ_BUDGET_S = 1.5
"""For reading one card. A hostile one can answer for ever: nfcpy's loops end only when an exchange fails."""

MAX_NDEF = 2048
"""Bytes; a pass has about 75. A longer message is not handed on, the card counts as one without."""

WAKE = bytearray(10)
"""Edges on the line that wake the chip's serial interface (UM0701-02, 7.2.11)."""

_UNCHECKED = (IndexError, KeyError, ValueError, TypeError, AttributeError, AssertionError, struct.error)
"""What nfcpy's parsers raise on bytes that they do not expect."""

_UIDS = (4, 7, 10)

TAKES_COMMANDS = 0x20
"""Bit of the SAK: a card of ISO/IEC 14443-4 (ISO/IEC 14443-3, 6.5.3.4)."""


class Seen:
    """A card in the field, selected. Good until the next look."""

    def __init__(self, target: nfc.clf.RemoteTarget) -> None:
        self.target = target
        self.uid = bytes(target.sdd_res)
        self.sak = target.sel_res[0]


class Read(NamedTuple):
    """A card that was read whole."""

    shown: bytes | CodeReading | Recognised
    proof: Outcome = None


class _Frontend(nfc.ContactlessFrontend):  # type: ignore[misc]  # nfcpy has no types
    """nfcpy's frontend that remembers whether an exchange with a card failed, and ends a reading that takes
    too long. nfcpy itself hides the difference between "no NDEF" and "pulled while reading"."""

    failed = False
    until = 0.0

    def exchange(self, send_data: bytes, timeout: float) -> bytearray:
        if time.monotonic() > self.until:
            self.failed = True
            raise nfc.clf.TimeoutError("the card takes too long")
        try:
            received: bytearray = super().exchange(send_data, timeout)
        except nfc.clf.CommunicationError:
            self.failed = True
            raise
        except _UNCHECKED as error:
            raise ReaderFault(Code.GARBLED) from error
        return received

    def sense(self, *targets: nfc.clf.RemoteTarget, **options: object) -> nfc.clf.RemoteTarget | None:
        try:
            return super().sense(*targets, **options)
        except _UNCHECKED as error:
            raise ReaderFault(Code.GARBLED) from error


class Reader:
    """One PN532 on a serial port. Every method but `close` raises `ReaderFault` and nothing else."""

    def __init__(self) -> None:
        self._serial: serial.Serial | None = None
        self._frontend: _Frontend | None = None

    def open(self, port: str, baud: int = BAUD) -> dict[str, str]:
        """Open the port for this program alone and make sure of the chip: its 262-byte line test passes at
        `baud`. Returns what it says of itself.

        Not by `pn532.init`, which runs `stty` through a shell and never finds a chip at another rate.
        """
        logging.getLogger("nfc").setLevel(logging.CRITICAL + 1)  # its lines hold card ids
        with _faults():
            line = transport.TTY(port)
            self._serial = line.tty
            line.tty.exclusive = True
            chipset = _find(line)
            chipset.sam_configuration("normal")
            rate = BAUD if _plain_uart(port) else baud
            if line.baudrate != rate:
                chipset.set_serial_baudrate(rate)
                line.baudrate = rate
            device = pn532.Device(chipset, chipset.log)
            frontend = _Frontend()
            frontend.device = device
            self._frontend = frontend
            return {"model": "PN532", "firmware": device.chipset_name.partition("v")[2]}

    def look(self) -> Seen | None:
        """The card in the field (one of them), or None. The chip has answered when this returns. 106 kbit/s
        type A only; Type 1 tags (Topaz) have no UID of ISO/IEC 14443-3 and are passed over."""
        with _faults():
            target = self._opened().sense(nfc.clf.RemoteTarget("106A"))
            if target is None or target.sdd_res is None or len(target.sdd_res) not in _UIDS:
                return None
            return Seen(target)

    def sees_several(self) -> bool:
        """Whether more than one card is in the field, as far as the chip can tell them apart. Leaves none selected."""
        with _faults():
            device = self._opened().device
            device.mute()  # cards that were selected before answer only in a new field
            return len(set(uids_in(bytes(device.chipset.command(0x4A, bytearray(LIST_TWO), timeout=1.0))))) > 1

    def read(self, seen: Seen, prove: Ask | None = None) -> Read | None:
        """What the card shows: its NDEF message (b"" when it has none), the pass that a phone hands over, what kind of
        foreign card it is; None when it went away before that was certain. A card that takes commands is asked for its
        proof first, when there is one to ask for: who has given one, or failed to, is asked for nothing else."""
        if not seen.sak & TAKES_COMMANDS and seen.sak & 0x58:
            return Read(b"")  # MIFARE Classic and peer-to-peer devices: nothing that nfcpy could read
        frontend = self._opened()
        frontend.until = time.monotonic() + READ_BUDGET_S
        with _faults():
            try:
                return _read(frontend, seen, prove)
            except (nfc.clf.CommunicationError, nfc.tag.TagCommandError, _Torn):
                return None
            except _UNCHECKED:
                return None if frontend.failed else Read(b"")  # the card says what no such card says

    def close(self) -> None:
        """Let go of chip and port, whatever state they are in."""
        gone = (OSError, termios.error, pn532.Chipset.Error, *_UNCHECKED)
        if self._frontend is not None:
            with suppress(*gone):
                self._frontend.close()
        if self._serial is not None:
            with suppress(*gone):
                self._serial.close()
        self._frontend = self._serial = None

    def _opened(self) -> _Frontend:
        if self._frontend is None:
            raise ReaderFault(Code.UNPLUGGED)
        return self._frontend


class _Torn(Exception):
    """The card went away before it was certain what it has."""


def _read(frontend: _Frontend, seen: Seen, prove: Ask | None) -> Read:
    tag = nfc.tag.activate(frontend, seen.target)
    if tag is None:
        raise _Torn
    if prove is not None and isinstance(tag, nfc.tag.tt4.Type4Tag):
        try:
            proof = prove(lambda command: bytes(tag.transceive(bytearray(command))), seen.uid)
        except _UNCHECKED as error:
            raise _Torn from error  # no block of ISO-DEP: nothing can be told of a card that speaks so
        if proof is not None:
            return Read(b"", proof)
    frontend.failed = False  # an NTAG refuses what nfcpy asks to find out its type: that is no torn read
    if not seen.sak & TAKES_COMMANDS:
        return Read(_ndef(frontend, tag))
    return Read(ask(seen.uid, lambda command: bytes(tag.transceive(bytearray(command))), lambda: _ndef(frontend, tag)))


def _ndef(frontend: _Frontend, tag: nfc.tag.Tag) -> bytes:
    ndef = tag.ndef
    if ndef is None:
        if frontend.failed:
            raise _Torn
        return b""
    message = bytes(ndef.octets)
    return message if len(message) <= MAX_NDEF else b""


def _find(line: transport.TTY) -> pn532.Chipset:
    """Wake the chip and find the rate it is at. Raises `OSError` when nothing there is a PN532."""
    chipset = pn532.Chipset(line, logging.getLogger("nfc.clf.pn532"))
    version = bytearray.fromhex("0000FF02FED4022A00")
    fault = Code.NO_ANSWER
    for rate, first_ms in SEARCH:
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


def _plain_uart(port: str) -> bool:
    """A 16550 or a Pi's mini UART (/dev/ttyS*) does no more than 115200 (nfcpy, `pn532.init`)."""
    return os.path.basename(os.path.realpath(port)).startswith("ttyS")


@contextmanager
def _faults() -> Iterator[None]:
    """Names what nfcpy lets through about the reader."""
    try:
        yield
    except serial.SerialException as error:
        raise ReaderFault(BY_ERRNO.get(error.errno or 0, Code.UNPLUGGED)) from error
    except termios.error as error:
        raise ReaderFault(Code.UNPLUGGED) from error
    except OSError as error:
        raise ReaderFault(BY_ERRNO.get(error.errno or 0, Code.NO_ANSWER)) from error
    except (pn532.Chipset.Error, nfc.clf.Error, *_UNCHECKED) as error:
        raise ReaderFault(Code.GARBLED) from error
