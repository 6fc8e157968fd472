"""What both versions of Datecs have in common at the device's end: the bytes around a frame, what kind a command is,
escaped DATA in the firmware's code page, status bits."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import LINES, Act
from drivers.simulators.fiscal_wire import Ping, Request

NAK, SYN = b"\x15", b"\x16"
Bits = frozenset[tuple[int, int]]
"""Places of status bits: byte and bit."""
HASH = (0, 5)
"""The bit of every refusal that has one."""

Read = TypeVar("Read")
"""What a command's handler is given: DATA as its version takes it apart."""


class DatecsWire(Generic[Read]):
    """One version on one device. `kinds`: of the commands that there are, which may depend on what is read.
    `encoding` is the code page of the firmware."""

    nak, syn, retry = NAK, SYN, b""
    repeats = True
    kept = "\t"
    """Control characters that mean something in DATA."""

    def __init__(self, device: Device, kinds: Mapping[int, Act | Callable[[Read], Act]], *, encoding: str) -> None:
        self.device = device
        self.encoding = encoding
        self._kinds = kinds

    @abstractmethod
    def read(self, data: bytes) -> Read:
        """DATA as a handler takes it."""

    def act(self, request: Request) -> Act:
        kind = self._kinds.get(request.command, Act.READ)
        return kind if isinstance(kind, Act) else kind(self.read(request.data))

    def lines(self, act: Act) -> int:
        return LINES.get(act, 0)

    def pong(self, ping: Ping, *, busy: bool) -> bytes:
        return b""

    def readable(self, data: bytes) -> str:
        """DATA as this device's code page shows it; what is no letter and means nothing leaves a dot on paper."""
        data = re.sub(rb"\x10([\x40-\x5f])", lambda found: bytes((found[1][0] - 0x40,)), data)
        return "".join(a if a.isprintable() or a in self.kept else "." for a in data.decode(self.encoding, "replace"))


def with_bits(standing: bytes, bits: Iterable[tuple[int, int]]) -> bytes:
    """Status bytes with these bits set as well."""
    status = bytearray(standing)
    for byte, bit in bits:
        status[byte] |= 1 << bit
    return bytes(status)
