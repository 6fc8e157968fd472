"""Which of the readers on USB is meant: pure. `port` names it by what stays: the bus gives a new address each time."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from drivers.nfc.errors import Code, ReaderFault
from drivers.nfc.models import USB, Model

PREFIX = "usb:"


class Attached(NamedTuple):
    """A device on USB: `socket` as the kernel writes it ("1-1.2": bus and ports), empty where there is none."""

    vendor: int
    product: int
    maker: str = ""
    name: str = ""
    serial: str = ""
    socket: str = ""

    @property
    def model(self) -> Model | None:
        return USB.get((self.vendor, self.product))


def meant(port: str, attached: Sequence[Attached]) -> int:
    """Index of the device that `port` means: `usb:054c:06c3`, that with `:SERIAL`, or the socket `usb:1-1.2`. Raises
    `ReaderFault` when there is none, none that this driver knows, or more than one."""
    found = [index for index, one in enumerate(attached) if one.model is not None and _fits(port, one)]
    if len(found) != 1:
        raise ReaderFault(Code.SEVERAL if found else Code.NO_PORT)
    return found[0]


def _fits(port: str, one: Attached) -> bool:
    wanted = port.removeprefix(PREFIX)
    numbers = f"{one.vendor:04x}:{one.product:04x}"
    return (
        wanted.lower() == numbers
        or (bool(one.serial) and (wanted[:9].lower(), wanted[9:]) == (numbers, f":{one.serial}"))
        or (bool(one.socket) and wanted == one.socket)
    )


def told(descriptors: bytes) -> Attached:
    """What a device descriptor and the strings behind it say (USB 2.0 specification, 9.6.1 and 9.6.7). Raises
    `ReaderFault` on anything else."""
    if len(descriptors) < 18 or descriptors[:2] != b"\x12\x01":
        raise ReaderFault(Code.GARBLED)
    vendor, product, _release, *numbers = struct.unpack_from("<HHHBBB", descriptors, 8)
    rest, strings = descriptors[18:], ["", "", ""]
    for index, number in enumerate(numbers):
        if number and len(rest) >= 2 and 2 <= rest[0] <= len(rest) and rest[1] == 3:
            strings[index] = rest[2 : rest[0]].decode("utf-16-le", errors="replace")
            rest = rest[rest[0] :]
    return Attached(vendor, product, *strings)
