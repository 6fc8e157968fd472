"""A Sony RC-S380 (chip NFC Port-100) as a USB device on a unix socket, with cards in its field and faults on demand.

Sony publishes nothing. The frames are those of the kernel's driver (Linux, drivers/nfc/port100.c), the commands
those of it and of nfcpy's documentation of the chip; the code is apart from both. The air is in `air.py`.
The chip only sends and receives: activation and anticollision are the host's (ISO/IEC 14443-3).
As a program: `python -m drivers.simulators.port100 --link SOCKET --cards FILE.json`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from drivers.simulators import reader_desk
from drivers.simulators.air import REQA, Air, Heard
from drivers.simulators.card_place import CardPlace
from drivers.simulators.pn532_frames import crc_a
from drivers.simulators.reader_desk import played, plugged_in
from drivers.simulators.simulated import Simulated
from drivers.simulators.usb import Identity, UsbSocket

ACK = bytes.fromhex("0000FF00FF00")
BAD_FRAME = bytes.fromhex("0000FFFFFF")
HOST, CHIP = 0xD6, 0xD7
FIRMWARE = bytes.fromhex("1101")
"""1.11, the lower part first."""
DONE, WRONG = b"\x00", b"\x01"
ADD_CRC, CHECK_CRC, LAST_BITS = 0x01, 0x02, 0x07
"""Numbers of protocol settings; there are 20, each a byte."""
SETTINGS = 20
TYPE_A = (0x02, 0x03, 0x0F, 0x03)
"""InSetRF: 106 kbit/s type A in both directions."""

CRC_ERROR, COLLISION, TIMEOUT = 0x04, 0x08, 0x80


def frame(data: bytes) -> bytes:
    """`data` as a frame; the length goes with its lower byte first."""
    length = len(data).to_bytes(2, "little")
    head = b"\x00\x00\xff\xff\xff" + length + bytes([-sum(length) & 255])
    return head + data + bytes([-sum(data) & 255, 0])


def unframe(transfer: bytes) -> bytes | None:
    """The data of a frame; None when it is none."""
    if len(transfer) < 10 or transfer[:5] != b"\x00\x00\xff\xff\xff" or sum(transfer[5:8]) & 255:
        return None
    size = int.from_bytes(transfer[5:7], "little")
    data = transfer[8 : 8 + size]
    whole = len(transfer) == size + 10 and not sum(transfer[8 : 9 + size]) & 255
    return data if whole else None


class Port100(CardPlace):
    """The reader. A look is the first REQA after the field came on."""

    def __init__(self, path: Path, on_event: Callable[..., None] | None = None) -> None:
        super().__init__(on_event)
        self.identity = Identity(0x054C, 0x06C3, "SONY", "RC-S380/P", "0381520")
        self.path = f"usb:{path}"
        self._usb = UsbSocket(path, self.identity, self._transfer)
        self._noise = random.Random(380)
        self._air = Air()

    def drown(self, on: bool) -> None:
        """Whether the card beside is drowned by the first one when both answer."""
        with self._changed:
            self._air.drowned = on

    def start(self) -> None:
        """Plug in: a chip just powered up, at `path`."""
        self._rf, self._fresh = b"", True
        self._settings = bytearray(SETTINGS)
        self._air.off()
        self._usb.plug()

    def stop(self) -> None:
        """Unplug."""
        self._usb.unplug()

    def _transfer(self, transfer: bytes) -> list[bytes]:
        if transfer == ACK or self.silent:
            return []  # an ACK cancels the last command, and this chip is never still at work on one
        if self.garbage:
            return [self._noise.randbytes(self._noise.randrange(1, 60))]
        data = unframe(transfer)
        if data is None or len(data) < 2 or data[0] != HOST:
            return [BAD_FRAME]
        with self._changed:
            answer = self._answer(data[1], data[2:])
        if self.instead:  # it is done, and what is told of it is damaged
            return [self.instead.pop(0)]
        return [ACK] if answer is None else [ACK, frame(bytes([CHIP, data[1] + 1]) + answer)]

    def _answer(self, code: int, data: bytes) -> bytes | None:
        match code:
            case 0x00 if len(data) == 4:  # InSetRF
                self._rf = data
                return DONE
            case 0x02:  # InSetProtocol: pairs of number and value
                pairs = list(zip(data[::2], data[1::2], strict=False))
                if len(data) % 2 or any(number >= SETTINGS for number, _ in pairs):
                    return WRONG
                for number, value in pairs:
                    self._settings[number] = value
                return DONE
            case 0x04 if len(data) >= 2:  # InCommRF: time-out in tenths of a millisecond, then the frame
                return self._comm_rf(data[2:])
            case 0x06 if len(data) == 1:  # SwitchRF
                self._fresh = True
                self._air.off()
                return DONE
            case 0x20:  # GetFirmwareVersion
                return FIRMWARE
            case 0x22:  # GetPDDataVersion
                return b"\x00\x01"
            case 0x28:  # GetCommandType: types 0 and 1
                return (3).to_bytes(8, "big")
            case 0x2A if len(data) == 1:  # SetCommandType
                return DONE if data[0] in (0, 1) else WRONG
            case _:
                return None

    def _comm_rf(self, sent: bytes) -> bytes:
        """Send a frame and say what is heard: status (four bytes, the lowest first), bits of the last byte, data."""
        self._pause()
        self._air.power([card for card in (self._card, self._beside) if card is not None])
        bits = self._settings[LAST_BITS]
        if bits == 7 and sent == REQA and self._fresh:
            self._looked()
            self._fresh = False
        if self._air.active() and self._pulled():
            self._air.off()
        if tuple(self._rf) != TYPE_A:
            return _status(TIMEOUT)
        heard = self._air.send(sent + crc_a(sent) if self._settings[ADD_CRC] else sent, bits or 8)
        return self._told(heard)

    def _told(self, heard: Heard | None) -> bytes:
        if heard is None:
            return _status(TIMEOUT)
        if heard.collided:
            return _status(COLLISION)
        data = heard.data
        if self._settings[CHECK_CRC]:
            if not heard.checked or crc_a(data[:-2]) != data[-2:]:
                return _status(CRC_ERROR)
            data = data[:-2]
        return _status(0) + b"\x08" + data


def _status(bits: int) -> bytes:
    return bits.to_bytes(4, "little")


@contextmanager
def plugged(path: Path) -> Iterator[Port100]:
    """A reader for the length of a `with` block. `path`: its socket (107 bytes at most)."""
    chip = Port100(path)
    with plugged_in(chip):
        yield chip


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A reader, on which two cards are put down in turn."""
    with plugged(folder / "usb") as chip:
        yield played(chip, {"port": chip.path})


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    return reader_desk.main("drivers.simulators.port100", __doc__, "unix socket to be plugged in at", Port100, argv)


if __name__ == "__main__":
    sys.exit(main())
