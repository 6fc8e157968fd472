"""The device's end of Tremol's ZFP: frames, acknowledgements, pings, error digits. Written apart from the driver's
codec on purpose: two readings of the same document, so that a mistake in one of them shows.

What the document leaves open is a knob of `Zfp`: whether a message with the number of the one before is executed again,
and whether a command is carried out whose acknowledgement tells of a power cut.
Source: Tremol, Communication Protocol, BG, v1910211454, 1.1 to 1.3 and 2.2.1; 05h: the older edition (EN, "new FU").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import LINES, Act, Refused, Stage, Why
from drivers.simulators.fiscal_paper import Kind
from drivers.simulators.fiscal_wire import Broken, Heard, Held, Ping, Request

NACK, RETRY = b"\x15", b"\x0e"
_ALIVE, _READY, _STATE = 0x04, 0x05, 0x09
_GROUPS = b"\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7"
"""The first eight Cyrillic letters in cp1251 stand for the VAT groups A to H."""
_LETTERS = "ABCDEFGH"

DIGITS: Mapping[Why, tuple[int, int]] = {
    Why.SYNTAX: (0, 4), Why.UNKNOWN: (0, 1), Why.NOT_NOW: (0, 2), Why.NO_RECEIPT: (0, 2), Why.RECEIPT_OPEN: (4, 2),
    Why.SLIP_OPEN: (6, 2), Why.PAYMENT_STARTED: (5, 2), Why.NOT_PAID: (5, 2), Why.ALREADY_PAID: (7, 2),
    Why.NO_PAPER: (1, 0), Why.COVER: (1, 0), Why.PASSWORD: (9, 0), Why.Z_OVERDUE: (11, 0), Why.CLOCK_BACK: (3, 2),
    Why.OVERFLOW: (0, 5), Why.TOO_MANY: (2, 0), Why.ZERO_PRICE: (0, 6), Why.ZERO_PAYMENT: (0, 6), Why.BAD_VAT: (0, 4),
    Why.NEGATIVE: (0, 7), Why.DISCOUNT: (0, 7), Why.NO_CASH: (0, 8), Why.ONE_GROUP: (15, 2), Why.NO_COPY: (15, 2),
}  # fmt: skip
"""What the two digits of an acknowledgement say: of the device, of the command. What is missing here is "insufficient
conditions"."""
CONDITIONS = (15, 0)
POWER_CUT = 13


def checksum(part: bytes) -> bytes:
    """The bytes from LEN on, each XORed to the others, as two characters from `0` to `?`."""
    value = 0
    for byte in part:
        value ^= byte
    return bytes((0x30 + (value >> 4), 0x30 + (value & 0xF)))


def acknowledgement(request: Request, digits: tuple[int, int]) -> bytes:
    part = bytes((request.seq, 0x30 + digits[0], 0x30 + digits[1]))
    return b"\x06" + part + checksum(part) + b"\x0a"


def message(request: Request, data: bytes) -> bytes:
    """The answer that tells something."""
    part = bytes((0x20 + 3 + len(data), request.seq, request.command)) + data
    return b"\x02" + part + checksum(part) + b"\x0a"


class RequestReader(Held):
    """Finds messages and pings in what comes in."""

    def feed(self, data: bytes) -> list[Heard]:
        found: list[Heard] = []
        held = self._held + data
        while held:
            if held[0] in (_ALIVE, _READY, _STATE):
                found.append(Ping(held[0]))
                held = held[1:]
                continue
            if held[0] != 0x02:
                held = held[1:]
                continue
            size = held[1] - 0x20 + 4 if len(held) > 1 else 0  # 02h in front, two digits and 0Ah behind
            if len(held) < 2 or (size >= 7 and len(held) < size):
                break
            if size < 7 or held[1] > 0x9F:
                found.append(Broken())
                held = held[1:]
                continue
            part, digits, end = held[1 : size - 3], held[size - 3 : size - 1], held[size - 1]
            good = end == 0x0A and digits == checksum(part) and 0x20 <= part[1] <= 0x9F
            found.append(Request(part[1], part[2], part[3:]) if good else Broken())
            held = held[size if good else 1 :]
        self._held = held
        return found


class Zfp:
    """ZFP on one device. `encoding` is the code page of texts. `repeats`: a message that comes again is answered again
    and not executed. `executes_after_cut`: a command is carried out although its acknowledgement tells of a power cut
    in the open receipt; it tells so until the status is read."""

    nak, syn, retry = NACK, b"", RETRY
    quiet = False

    def __init__(
        self, device: Device, handlers: Mapping[int, Handler], *,
        encoding: str = "cp1251", repeats: bool = False, executes_after_cut: bool = True,
    ) -> None:  # fmt: skip
        self.device = device
        self.encoding = encoding
        self.repeats = repeats
        self.executes_after_cut = executes_after_cut
        self.old = False
        """Firmware before v1904091202: no receipt but the last one is told by its number."""
        self.postponed = False
        """The open receipt is printed when it is closed."""
        self._handlers = handlers

    def reader(self) -> RequestReader:
        return RequestReader()

    def act(self, request: Request) -> Act:
        handler = self._handlers.get(request.command)
        if handler is None:
            return Act.READ
        return handler.act if isinstance(handler.act, Act) else handler.act(self, request.data)

    def lines(self, act: Act) -> int:
        if not self.postponed or act not in (Act.SELL, Act.TEXT, Act.PAY, Act.CLOSE):
            return LINES.get(act, 0)
        return len(self.device.documents[-1].lines) + LINES[act] if act is Act.CLOSE and self.device.documents else 0

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        cut = self._cut_in_receipt()
        try:
            if deny is not None:
                raise Refused(deny)
            handler = self._handlers.get(request.command)
            if handler is None:
                raise Refused(Why.UNKNOWN)
            if cut and handler.acknowledged and not self.executes_after_cut:
                return acknowledgement(request, (POWER_CUT, DIGITS[Why.NOT_NOW][1]))
            told = handler.do(self, request.data)
        except Refused as refused:
            device, command = DIGITS.get(refused.why, CONDITIONS)
            return acknowledgement(request, (POWER_CUT if cut and not device else device, command))
        if handler.acknowledged:
            return acknowledgement(request, (POWER_CUT if cut else 0, 0))
        return message(request, told)

    def pong(self, ping: Ping, *, busy: bool) -> bytes:
        paper = self.device.has_paper and not self.device.cover_open
        match ping.byte:
            case 0x04:
                return b"\x04"
            case 0x05:
                return b"\x05" if paper else b"\x07"
            case _:
                return bytes((0x40 | busy | (not paper) << 1,))

    def _cut_in_receipt(self) -> bool:
        receipt = self.device.memory.receipt
        return receipt is not None and receipt.power_cut and not receipt.power_cut_told

    def status(self) -> bytes:
        """Seven status bytes. Reading them takes the news of a power cut away."""
        device, memory = self.device, self.device.memory
        receipt = memory.receipt
        fiscal = receipt is not None and receipt.kind is not Kind.SLIP
        bits = {
            (0, 1): self._cut_in_receipt(),
            (0, 3): not memory.clock_set,
            (1, 0): not device.has_paper or device.cover_open,
            (1, 3): bool(memory.day.sales or memory.day.reversals),
            (1, 6): memory.copied,
            (2, 0): device.stage is Stage.SLIP,
            (2, 1): fiscal,
            (2, 2): fiscal,
            (2, 3): fiscal,
            (3, 4): True,
            (3, 5): True,
            (3, 6): True,
        }
        if receipt is not None:
            receipt.power_cut_told = True
        told = bytearray(b"\x80" * 7)
        for (byte, bit), is_set in bits.items():
            told[byte] |= is_set << bit
        return bytes(told)

    def text(self, data: bytes) -> str:
        """A text as this device's code page shows it; what is no letter leaves a dot on paper."""
        return "".join(a if a.isprintable() else "." for a in data.decode(self.encoding, "replace"))


def group_of(data: bytes) -> str:
    """VAT letter of a field; `?`, which no device has, when it is none."""
    return _LETTERS[_GROUPS.index(data)] if len(data) == 1 and data in _GROUPS else "?"


class Handler(msgspec.Struct, frozen=True):
    """A command: its kind, and what it does, from DATA to DATA; `acknowledged` ones tell nothing but their digits."""

    act: Act | Callable[[Zfp, bytes], Act]
    do: Callable[[Zfp, bytes], bytes]
    acknowledged: bool = True
