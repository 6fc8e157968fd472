"""An NXP PN532 on a serial line (HSU), on a pty, with cards placed in its field and faults on demand.

Frames and commands: PN532 User Manual UM0701-02, sections 6.2 and 7. As on a desk: the chip is as it was
left (baud rate, registers) until it loses power, and a card that was pulled is silent in mid-sentence.
As a program: `python -m drivers.simulators.pn532 --link PATH --cards FILE.json`.
"""

from __future__ import annotations

import os
import random
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators import control, reader_desk
from drivers.simulators.card_place import CardPlace
from drivers.simulators.cards import Card
from drivers.simulators.field import in_order
from drivers.simulators.pn532_frames import ACK, ERROR, crc_a, frame, take_frame
from drivers.simulators.reader_desk import played, plugged_in
from drivers.simulators.simulated import Simulated

FIRMWARE = bytes.fromhex("32010607")
FIFO, TX_MODE, RX_MODE = bytes.fromhex("6339"), bytes.fromhex("6302"), bytes.fromhex("6303")
RATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
TIMEOUT = b"\x01"


class Pn532(CardPlace):
    """The chip on its pty. A look is an InListPassiveTarget that it has answered."""

    def __init__(self, link: Path | None = None, on_event: Callable[..., None] | None = None) -> None:
        super().__init__(on_event)
        self.baud = 115200
        self.path = ""
        self._link = link
        self._thread: threading.Thread | None = None
        self._noise = random.Random(532)

    # Power and line -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Plug in: a new pty, at `path` and behind the link, and a chip just powered up."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.baud, self._next_baud = 115200, 0
        self._registers: dict[bytes, int] = {}
        self._selected: Card | None = None
        self._wake = os.eventfd(0)
        self._thread = threading.Thread(target=self._run, name="pn532", daemon=True)
        self._thread.start()
        if self._link is not None:
            control.link(self.path, self._link)

    def stop(self) -> None:
        """Unplug: the pty is gone, and the link with it. Nothing happens when it was not plugged in."""
        if self._thread is None:
            return
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._thread = None
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        for end in (self._master, self._slave, self._wake):
            os.close(end)

    def wait_baud(self, baud: int, timeout: float = 10.0) -> None:
        """Wait until the chip is at this rate. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.baud == baud, timeout):
                raise TimeoutError(f"the chip is at {self.baud} bits per second")

    # The chip -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        line = bytearray()
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            if self._wake in ready:
                return
            line += os.read(self._master, 4096)
            rate = _host_baud(self._master)
            # The ACK was sent at the old rate, also when it is only read after the host has gone over to the new one.
            if rate != self.baud and not (rate == self._next_baud and line.startswith(ACK)):
                line.clear()
            while (data := take_frame(line)) is not None:
                if not data and self._next_baud:
                    with self._changed:
                        self.baud, self._next_baud = self._next_baud, 0
                        self._changed.notify_all()
                elif len(data) >= 2 and data[0] == 0xD4:
                    self._command(data[1], data[2:])

    def _command(self, code: int, data: bytes) -> None:
        if self.silent:
            return
        if self.garbage:
            self.instead = [self._noise.randbytes(self._noise.randrange(1, 60))]
        if self.instead:
            self._write(self.instead.pop(0))
            return
        self._write(ACK)
        with self._changed:
            answer = self._answer(code, data)
        self._write(ERROR if answer is None else frame(bytes([0xD5, code + 1]) + answer))

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return  # nobody reads and the line is full: a UART drops the bytes too

    def _answer(self, code: int, data: bytes) -> bytes | None:
        """What a command returns after its code; None for a syntax error."""
        match code:
            case 0x00:  # Diagnose, line test
                return data
            case 0x02:  # GetFirmwareVersion
                return FIRMWARE
            case 0x06:  # ReadRegister
                return bytes(self._register(data[i : i + 2]) for i in range(0, len(data), 2))
            case 0x08:  # WriteRegister
                for i in range(0, len(data) - 2, 3):
                    self._registers[data[i : i + 2]] = data[i + 2]
                return b""
            case 0x10 if data and data[0] < len(RATES):  # SetSerialBaudRate: from the host's next ACK on
                self._next_baud = RATES[data[0]]
                return b""
            case 0x12 | 0x14:  # SetParameters, SAMConfiguration
                return b""
            case 0x16 | 0x44 | 0x52:  # PowerDown, InDeselect, InRelease
                self._selected = None
                return b"\x00"
            case 0x32 if data:  # RFConfiguration
                if data[0] == 0x01 and not data[1] & 1:
                    self._selected = None
                return b""
            case 0x40 if data:  # InDataExchange
                return self._exchange(data[1:])
            case 0x42:  # InCommunicateThru
                return self._exchange(data)
            case 0x4A if len(data) >= 2:  # InListPassiveTarget
                return self._list(data[0], data[1], data[2:])
            case _:
                return None

    def _register(self, address: bytes) -> int:
        return self._registers.get(address, 0x26 if address == FIFO else 0)

    def _list(self, most: int, modulation: int, wanted: bytes) -> bytes:
        """Find `most` cards, 106 kbit/s type A only. The RF registers are set with CRC in both directions. When two are
        asked for, none answers before it is selected anew."""
        self._pause()
        self._looked()
        card = self._card
        self._selected = None
        if card is None or modulation != 0 or (wanted and _without_cascade(wanted) != card.uid):
            return b"\x00"
        found = in_order([card] if self._beside is None else [card, self._beside])[:most]
        self._registers |= {TX_MODE: 0x80, RX_MODE: 0x80}
        for one in found:
            one.activate()
        self._selected = found[0] if most == 1 else None
        return bytes([len(found)]) + b"".join(_target(number, one) for number, one in enumerate(found, 1))

    def _exchange(self, sent: bytes) -> bytes:
        self._pause()
        card = self._selected
        if card is None or card not in (self._card, self._beside):
            return TIMEOUT
        if self._pulled():
            return TIMEOUT
        answer = card.exchange(sent)
        if answer is None:
            return TIMEOUT
        checked = self._register(RX_MODE) & 0x80 or len(answer) == 1
        return b"\x00" + (answer if checked else answer + crc_a(answer))


def _host_baud(master: int) -> int:
    """The rate that the host's end of the pty is set to (Linux: a pty has one termios)."""
    speed = termios.tcgetattr(master)[5]
    return next((rate for rate in RATES if getattr(termios, f"B{rate}", None) == speed), 0)


def _target(number: int, card: Card) -> bytes:
    """A target as InListPassiveTarget tells it, without an ATS (UM0701-02, 7.3.5)."""
    return bytes([number]) + card.atqa + bytes([card.sak, len(card.uid)]) + card.uid


def _without_cascade(wanted: bytes) -> bytes:
    """The UID in InitiatorData, where cascade tags (88) precede all but the last part (UM0701-02, 7.3.5)."""
    match len(wanted):
        case 8:
            return wanted[1:]
        case 12:
            return wanted[1:4] + wanted[5:]
        case _:
            return wanted


@contextmanager
def plugged(link: Path | None = None) -> Iterator[Pn532]:
    """A chip for the length of a `with` block."""
    chip = Pn532(link)
    with plugged_in(chip):
        yield chip


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A reader, on which two cards are put down in turn."""
    with plugged(folder / "reader") as chip:
        yield played(chip, {"port": str(folder / "reader")})


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    return reader_desk.main("drivers.simulators.pn532", __doc__, "symbolic link to keep on the pty", Pn532, argv)


if __name__ == "__main__":
    sys.exit(main())
