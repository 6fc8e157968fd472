"""An NXP PN532 on a serial line (HSU), on a pty, with cards placed in its field and faults on demand.

Frames and commands: PN532 User Manual UM0701-02, sections 6.2 and 7. As on a desk: the chip is as it was
left (baud rate, registers) until it loses power, and a card that was pulled is silent in mid-sentence.
As a program: `python -m drivers.simulators.pn532 --link PATH --cards FILE.json`.
"""

from __future__ import annotations

import argparse
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
from typing import Any

from drivers.simulators import control
from drivers.simulators.card_box import CardBox
from drivers.simulators.cards import Card, Ntag424, Type2Tag, uri_message
from drivers.simulators.field import in_order
from drivers.simulators.pn532_frames import ACK, ERROR, crc_a, frame, take_frame
from drivers.simulators.simulated import Act, Simulated

FIRMWARE = bytes.fromhex("32010607")
FIFO, TX_MODE, RX_MODE = bytes.fromhex("6339"), bytes.fromhex("6302"), bytes.fromhex("6303")
RATES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
TIMEOUT = b"\x01"
SETTLED = 4
"""Empty looks of a reader after which a card counts as taken away, for `present`."""


class Pn532:
    """The chip on its pty. All methods are safe from any thread.

    Fault knobs, to be set at any time: `silent` (no answers), `garbage` (noise instead of answers),
    `instead` (bytes to send instead of the next answers), `pull_after` (the card leaves after so many
    exchanges with it), `rf_delay` (seconds for every command that uses the field).
    `on_event` gets "placed", "read" (the reader has read the card's whole content) and "removed".
    """

    def __init__(self, link: Path | None = None, on_event: Callable[..., None] | None = None) -> None:
        self.silent = False
        self.garbage = False
        self.instead: list[bytes] = []
        self.pull_after: int | None = None
        self.rf_delay = 0.0
        self.baud = 115200
        self.looks = 0
        """InListPassiveTarget commands answered: how often a reader looked."""
        self.path = ""
        self._link = link
        self._on_event = on_event or (lambda *_args, **_fields: None)
        self._changed = threading.Condition(threading.RLock())
        self._card: Card | None = None
        self._beside: Card | None = None
        self._name = ""
        self._reads = 0
        self._empty_looks = SETTLED
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

    # Cards ----------------------------------------------------------------------------------------------

    def place(self, card: Card, name: str = "card", beside: Card | None = None) -> None:
        """Put a card into the field, or two at once; what was there is taken away first."""
        with self._changed:
            self.remove()
            card.on_read = self._read
            self._card, self._beside, self._name, self._reads = card, beside, name, 0
            self._on_event("placed", card=name)

    def beside(self, card: Card) -> None:
        """Put a second card into the field, beside the one that is there. What takes away the first takes both."""
        with self._changed:
            self._beside = card

    def remove(self) -> None:
        """Take the card away, if there is one."""
        with self._changed:
            if self._card is None:
                return
            self._card, self._beside, self._empty_looks = None, None, 0
            self._on_event("removed", card=self._name)
            self._changed.notify_all()

    def present(self, card: Card, seconds: float, name: str = "card") -> int:
        """What a person does: hold the card there until it was read, `seconds` at most, and take it away.
        Returns how often it was read. Waits first until the reader has seen that the last card is gone."""
        with self._changed:
            self.settle()
            self.place(card, name)
            self._changed.wait_for(lambda: self._reads > 0 or self._card is not card, timeout=seconds)
            self.remove()
            return self._reads

    def settle(self, timeout: float = 3.0) -> bool:
        """Wait until the reader has seen that the field is empty. Whether it has, in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._empty_looks >= SETTLED, timeout)

    def wait_looks(self, count: int, timeout: float = 10.0) -> None:
        """Wait until the reader has looked `count` times more. Raises `TimeoutError`."""
        with self._changed:
            goal = self.looks + count
            if not self._changed.wait_for(lambda: self.looks >= goal, timeout):
                raise TimeoutError(f"the reader looked {self.looks - goal + count} of {count} times")

    def wait_baud(self, baud: int, timeout: float = 10.0) -> None:
        """Wait until the chip is at this rate. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.baud == baud, timeout):
                raise TimeoutError(f"the chip is at {self.baud} bits per second")

    def wait_read(self, timeout: float = 10.0) -> None:
        """Wait until the card in the field has been read. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._reads > 0, timeout):
                raise TimeoutError("nobody read the card")

    def wait_gone(self, timeout: float = 10.0) -> None:
        """Wait until no card is in the field. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._card is None, timeout):
                raise TimeoutError("the card is still there")

    def _read(self) -> None:
        self._reads += 1
        fields = {"counter": self._card.counter} if isinstance(self._card, Ntag424) else {}
        self._on_event("read", card=self._name, **fields)
        self._changed.notify_all()

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
        self.looks += 1
        card = self._card
        if card is None:
            self._empty_looks += 1
        self._changed.notify_all()
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
        if self.pull_after is not None:
            self.pull_after -= 1
            if self.pull_after < 0:
                self.pull_after = None
                self.remove()
                return TIMEOUT
        answer = card.exchange(sent)
        if answer is None:
            return TIMEOUT
        checked = self._register(RX_MODE) & 0x80 or len(answer) == 1
        return b"\x00" + (answer if checked else answer + crc_a(answer))

    def _pause(self) -> None:
        if self.rf_delay:
            self._changed.wait(self.rf_delay)


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
    chip.start()
    try:
        yield chip
    finally:
        chip.stop()


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A reader, on which two cards are put down in turn."""
    blank, labelled = Type2Tag(b"\x04SIMUL1"), Type2Tag(b"\x04SIMUL2", uri_message("example.org/card"))
    with plugged(folder / "reader") as chip:
        acts = (
            Act("a card is put down", lambda: chip.place(blank), reads=True),
            Act("it is taken away", chip.remove),
            Act("another card is put down", lambda: chip.place(labelled), reads=True),
            Act("it is taken away", chip.remove),
        )
        yield Simulated({"port": str(folder / "reader")}, acts, chip.stop, chip.start, settle_s=0.7)


# Program --------------------------------------------------------------------------------------------------


class Desk:
    """The program's commands: a chip, and a box of cards by name."""

    def __init__(self, chip: Pn532, box: CardBox) -> None:
        self._chip = chip
        self._box = box

    def commands(self) -> dict[str, control.Command]:
        return {
            "place": self.place,
            "beside": self.beside,
            "remove": self._chip.remove,
            "settle": self._chip.settle,
            "present": self.present,
            "fault": self.fault,
            "list": self._box.names,
        }

    def place(self, card: str, beside: str = "") -> None:
        """A card, or two at once."""
        self._chip.place(self._box.card(card), card, self._box.card(beside) if beside else None)

    def beside(self, card: str) -> None:
        self._chip.beside(self._box.card(card))

    def present(self, card: str, ms: int = 3000) -> dict[str, int]:
        return {"reads": self._chip.present(self._box.card(card), ms / 1000, card)}

    def fault(self, kind: str, on: bool = True, after: int = 0, ms: int = 0) -> None:
        """silent {on}, garbage {on}, pull {after: exchanges}, rf_delay {ms}, unplug, replug, none."""
        match kind:
            case "silent":
                self._chip.silent = on
            case "garbage":
                self._chip.garbage = on
            case "pull":
                self._chip.pull_after = after
            case "rf_delay":
                self._chip.rf_delay = ms / 1000
            case "unplug":
                self._chip.stop()
            case "replug":
                self._chip.stop()
                self._chip.start()
            case "none":
                self._chip.silent = self._chip.garbage = False
                self._chip.pull_after, self._chip.rf_delay = None, 0.0
            case _:
                raise ValueError("kinds: silent, garbage, pull, rf_delay, unplug, replug, none")


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends. Exit code 2 when the file of cards is not one."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.pn532", description=__doc__)
    parser.add_argument("--link", type=Path, required=True, help="symbolic link to keep on the pty")
    parser.add_argument("--cards", type=Path, required=True, help="JSON file of cards by name")
    parser.add_argument("--counters", type=Path, help="file that keeps the SUN counters over restarts")
    given = parser.parse_args(argv)
    try:
        box = CardBox(given.cards, given.counters)
    except (OSError, ValueError) as error:
        print(f"{given.cards}: {error}", file=sys.stderr)
        return 2

    def tell(event: str, **fields: Any) -> None:
        box.keep_counters()
        control.emit(event, **fields)

    chip = Pn532(given.link, tell)
    chip.start()
    try:
        control.serve({"path": str(given.link)}, Desk(chip, box).commands())
    finally:
        chip.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
