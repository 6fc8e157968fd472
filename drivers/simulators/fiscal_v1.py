"""The device's end of Datecs version 1: frames, and groups A and B as tables. Written apart from the driver's codec on
purpose: two readings of the same documents, so that a mistake in one of them shows.

Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, sections B to D, "Status bytes", command 32
and the error codes; group B, v2.04BG, the same sections (in Bulgarian).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.simulators.fiscal_datecs import HASH, Bits, DatecsWire, with_bits
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import Act, Refused, Why
from drivers.simulators.fiscal_paper import Kind
from drivers.simulators.fiscal_wire import Broken, Heard, Held, Request

_DIGITS = str.maketrans("abcdef", ":;<=>?")


def checksum(part: bytes) -> bytes:
    """Sum of the bytes behind 01h up to 05h as four characters from `0` to `?`."""
    return f"{sum(part) % 65536:04x}".translate(_DIGITS).encode("ascii")


def answer(request: Request, data: bytes, status: bytes) -> bytes:
    """The answer frame to `request`."""
    inner = bytes([request.seq, request.command]) + data + b"\x04" + status + b"\x05"
    part = bytes([0x20 + 1 + len(inner)]) + inner
    return b"\x01" + part + checksum(part) + b"\x03"


class RequestReader(Held):
    """Finds requests in what comes in. LEN, SEQ and CMD are one byte each."""

    def feed(self, data: bytes) -> list[Heard]:
        found: list[Heard] = []
        held = self._held + data
        while (start := held.find(b"\x01")) >= 0:
            held = held[start:]
            if len(held) < 2:
                break
            size = held[1] - 0x20 + 6  # 01h in front, four digits and 03h behind
            if held[1] < 0x24:
                found.append(Broken())
                held = held[1:]
                continue
            if len(held) < size:
                break
            part, digits, end = held[1 : size - 5], held[size - 5 : size - 1], held[size - 1]
            if end == 0x03 and part[-1] == 0x05 and digits == checksum(part):
                found.append(Request(part[1], part[2], part[3:-1]))
                held = held[size:]
            else:
                found.append(Broken())
                held = held[1:]
        else:
            held = b""
        self._held = held
        return found


class Group(msgspec.Struct, frozen=True):
    """What one group of version 1 says differently."""

    letters: Mapping[str, str]
    """Letter of a payment to its name."""
    refusals: Mapping[Why, Bits]
    """Bits of a refusal; those that are not named: 1.1."""
    open_bits: Mapping[Kind, Bits]
    paper_bits: Bits
    cover_bits: Bits
    line_bytes: int
    note_bytes: int
    units: bool = False
    """A sale may name a unit of measurement."""
    styles: bool = False
    """A text may begin with its font."""
    keeps: bool = False
    """A Z report may be asked to keep the operators' sums."""
    errors: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    """What a command that is refused says in DATA, besides the bits."""


_OPEN = (2, 3)

GROUP_A = Group(
    letters={
        "P": "cash", "N": "credit", "C": "cheque", "D": "card",
        "I": "reserved1", "J": "reserved2", "K": "reserved3", "L": "reserved4",
        "i": "reserved1", "j": "reserved2", "k": "reserved3", "l": "reserved4",
        "m": "coupon", "n": "external_coupon", "o": "packaging", "p": "internal", "q": "damage", "r": "bank",
        "s": "cheque",
    },
    refusals={
        Why.SYNTAX: frozenset({(0, 0), HASH}),
        Why.UNKNOWN: frozenset({(0, 1), HASH}),
        Why.NO_PAPER: frozenset({(2, 0), HASH}),
        Why.OVERFLOW: frozenset({(1, 0), (1, 1), HASH}),
    },
    open_bits={
        Kind.SALE: frozenset({_OPEN}), Kind.REVERSAL: frozenset({_OPEN, (1, 4)}), Kind.SLIP: frozenset({(2, 5)}),
    },
    paper_bits=frozenset({(2, 0), HASH}), cover_bits=frozenset({(0, 6)}), line_bytes=42, note_bytes=42,
    units=True, styles=True, keeps=True,
)  # fmt: skip
GROUP_B = Group(
    letters={"P": "cash", "N": "credit", "C": "card", "D": "health_fund", "I": "voucher", "J": "coupon"},
    refusals=GROUP_A.refusals,
    open_bits={**GROUP_A.open_bits, Kind.REVERSAL: frozenset({_OPEN})},
    paper_bits=GROUP_A.paper_bits, cover_bits=frozenset(), line_bytes=22, note_bytes=36,
    errors={46: b"F", 48: b"F"},
)  # fmt: skip
"""Bits 0.6 (cover) and 1.4 (storno) are reserved in group B."""

ERROR_CODES: Mapping[Why, int] = {
    Why.SYNTAX: -150001, Why.UNKNOWN: -150002, Why.NOT_NOW: -150003, Why.NO_PAPER: -150101, Why.OVERFLOW: -150103,
    Why.PASSWORD: -150104, Why.LOCKED: -150010, Why.RECEIPT_OPEN: -150200, Why.SLIP_OPEN: -150200,
    Why.NO_RECEIPT: -150201, Why.Z_OVERDUE: -150204, Why.CLOCK_BACK: -150205, Why.BAD_VAT: -150403,
    Why.TOO_MANY: -150404, Why.PAYMENT_STARTED: -150409, Why.NEGATIVE: -150406, Why.DISCOUNT: -150407,
    Why.ALREADY_PAID: -150411, Why.NOT_PAID: -150412, Why.NO_CASH: -150413, Why.NO_CHANGE: -150415,
    Why.NO_COPY: -150421, Why.NO_DOCUMENT: -150217, Why.ZERO_PRICE: -150431, Why.PAYMENT_FAILED: -150434,
}  # fmt: skip
"""Of command 32 in group A; what is missing here is "not permitted"."""


class V1(DatecsWire[str]):
    """Version 1 on one device. `handlers` are a group's commands: what kind each is and what it does, from DATA (as
    text) to DATA."""

    quiet = False
    kept = "\t\n"

    def __init__(self, device: Device, group: Group, handlers: Mapping[int, Handler], *, encoding: str = "cp1257"):
        super().__init__(device, {command: handler.act for command, handler in handlers.items()}, encoding=encoding)
        self.group = group
        self.last_error = ""
        self.journal: list[str] = []
        """What is left of the record that is being read."""
        self._handlers = handlers

    def reader(self) -> RequestReader:
        return RequestReader()

    def read(self, data: bytes) -> str:
        return self.readable(data)

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        data, bits = b"", Bits()
        try:
            if deny is not None:
                raise Refused(deny)
            handler = self._handlers.get(request.command)
            if handler is None:
                raise Refused(Why.UNKNOWN)
            data = handler.do(self, self.readable(request.data))
        except Refused as refused:
            code = ERROR_CODES.get(refused.why, ERROR_CODES[Why.NOT_NOW])
            when = self.device.now.strftime("%d-%m-%y %H:%M:%S")
            self.last_error = f"{request.command},{code},{when},{refused.why}"
            letter = LETTERS.get((request.command, refused.why))
            if letter is not None:
                data = f"{letter}{self._sum(request.command)}".encode("ascii")
            else:
                bits = self.group.refusals.get(refused.why, frozenset({(1, 1), HASH}))
                data = self.group.errors.get(request.command, b"")
        return answer(request, data, self.status(bits))

    def status(self, bits: Bits = frozenset()) -> bytes:
        """Six status bytes: the standing ones of a fiscalised device, and `bits`."""
        device = self.device
        if (receipt := device.memory.receipt) is not None:
            bits |= self.group.open_bits[receipt.kind]
        if not device.has_paper:
            bits |= self.group.paper_bits
        if device.cover_open:
            bits |= self.group.cover_bits
        if not device.memory.clock_set:
            bits |= {(0, 2)}
        return with_bits(bytes((0x80, 0x80, 0x80, 0x80, 0x86, 0x9A)), bits)

    def _sum(self, command: int) -> str:
        """What a letter that refuses is followed by: the subtotal, or what is in the drawer."""
        memory = self.device.memory
        if command == 70:
            return f",{memory.cash:09},{memory.day.cash_in:09},{memory.day.cash_out:09}"
        return f"{memory.receipt.total if memory.receipt is not None else 0:09}"


LETTERS: Mapping[tuple[int, Why], str] = {
    (53, Why.PAYMENT_FAILED): "F", (53, Why.NO_CHANGE): "F", (53, Why.ZERO_PAYMENT): "F", (53, Why.ZERO_TOTAL): "F",
    (53, Why.NEGATIVE): "E", (70, Why.NO_CASH): "F", (70, Why.RECEIPT_OPEN): "F", (70, Why.SLIP_OPEN): "F",
    (70, Why.PAYMENT_STARTED): "F",
}  # fmt: skip
"""Refusals that are told by a letter in DATA, with clean status bytes."""


class Handler(msgspec.Struct, frozen=True):
    """A command: its kind, which may depend on its DATA, and what it does."""

    act: Act | Callable[[str], Act]
    do: Callable[[V1, str], bytes]
