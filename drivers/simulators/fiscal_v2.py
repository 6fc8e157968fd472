"""The device's end of Datecs version 2, the "X" devices: frames, status bits, error codes. Written apart from the
driver's codec on purpose: two readings of the same document, so that a mistake in one of them shows.

A refusal is a code in DATA. The status bytes show it too where the document gives it a bit; a receipt that is closed or
open, a payment, a sum is told in DATA alone, as a real DP-25X does (ErpNet.FP issue 135).
Source: Datecs, Programmer's Manual FMP-350X, FMP-55X, FP-700X ..., v2.08, "Low level protocol", "Status bits", "Error
codes".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.simulators.fiscal_datecs import HASH, Bits, DatecsWire, with_bits
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_model import Act, Refused, Why
from drivers.simulators.fiscal_paper import Kind
from drivers.simulators.fiscal_wire import Broken, Heard, Held, Request

MAX_FRAME = 700
"""No longer frame is waited for: more than the longest DATA of any version of the protocol."""

BITS: Mapping[Why, Bits] = {
    Why.SYNTAX: frozenset({(0, 0), HASH}),
    Why.UNKNOWN: frozenset({(0, 1), HASH}),
    Why.NOT_NOW: frozenset({(1, 1), HASH}),
    Why.OVERFLOW: frozenset({(1, 0), HASH}),
}
CODES: Mapping[Why, int] = {
    Why.SYNTAX: -112001, Why.UNKNOWN: -112000, Why.NOT_NOW: -112002, Why.NO_PAPER: -112006, Why.COVER: -112007,
    Why.OVERFLOW: -112003, Why.PASSWORD: -102002, Why.CLOCK_BACK: -112004, Why.RECEIPT_OPEN: -111015,
    Why.NO_RECEIPT: -111016, Why.NO_CASH: -111017, Why.PAYMENT_STARTED: -111018, Why.TOO_MANY: -111019,
    Why.NEGATIVE: -111021, Why.Z_OVERDUE: -111024, Why.SLIP_OPEN: -111046, Why.NOT_PAID: -111050,
    Why.ALREADY_PAID: -111018, Why.BAD_VAT: -111005, Why.ZERO_PRICE: -111007, Why.DISCOUNT: -111021,
    Why.NO_CHANGE: -111054, Why.ZERO_PAYMENT: -111068, Why.ZERO_TOTAL: -111065, Why.NO_PAYMENT_TYPE: -111061,
    Why.PAYMENT_FAILED: -111073, Why.NO_DOCUMENT: -100005, Why.NO_COPY: -100009, Why.LOCKED: -112002,
}  # fmt: skip
"""What is missing here is "cannot do operation"."""
CANNOT = -111003
NAMES: Mapping[int, str] = {code: why for why, code in CODES.items()}


def nibbles(value: int) -> bytes:
    """Sixteen bits as four characters from `0` to `?`."""
    return bytes(0x30 + (value >> shift & 0xF) for shift in (12, 8, 4, 0))


def value_of(digits: bytes) -> int:
    """What four such characters stand for; -1 when they are none."""
    if len(digits) != 4 or any(digit >> 4 != 3 for digit in digits):
        return -1
    return sum((digit & 0xF) << shift for digit, shift in zip(digits, (12, 8, 4, 0), strict=True))


def answer(request: Request, data: bytes, status: bytes) -> bytes:
    """The answer frame to `request`."""
    inner = bytes((request.seq,)) + nibbles(request.command) + data + b"\x04" + status + b"\x05"
    part = nibbles(0x20 + 4 + len(inner)) + inner
    return b"\x01" + part + nibbles(sum(part) & 0xFFFF) + b"\x03"


class RequestReader(Held):
    """Finds requests in what comes in. LEN and CMD are four digits, SEQ is one byte."""

    def feed(self, data: bytes) -> list[Heard]:
        found: list[Heard] = []
        self._held += data
        while (start := self._held.find(b"\x01")) >= 0:
            self._held = self._held[start:]
            if len(self._held) < 5:
                return found
            size = value_of(self._held[1:5]) - 0x20 + 6  # 01h in front, four digits and 03h behind
            if not 16 <= size <= MAX_FRAME:
                found.append(Broken())
                self._held = self._held[1:]
                continue
            if len(self._held) < size:
                return found
            one = _request(self._held[:size])
            found.append(one)
            self._held = self._held[size if isinstance(one, Request) else 1 :]
        self._held = b""
        return found


def _request(frame: bytes) -> Request | Broken:
    part, digits, end = frame[1:-5], frame[-5:-1], frame[-1]
    command = value_of(part[5:9])
    if end != 0x03 or part[-1] != 0x05 or command < 0 or part[4] < 0x20 or value_of(digits) != sum(part) & 0xFFFF:
        return Broken()
    return Request(part[4], command, part[9:-1])


class V2(DatecsWire[list[str]]):
    """Version 2 on one device. `handlers` are its commands."""

    quiet = True

    def __init__(self, device: Device, handlers: Mapping[int, Handler], *, encoding: str = "cp1257") -> None:
        super().__init__(device, {command: handler.act for command, handler in handlers.items()}, encoding=encoding)
        self.summer = False
        """Times of the journal are told as those of summer."""
        self._handlers = handlers

    def reader(self) -> RequestReader:
        return RequestReader()

    def read(self, data: bytes) -> list[str]:
        return self.readable(data).split("\t")

    def answer(self, request: Request, deny: Why | None, *, quiet: bool) -> bytes:
        data, bits = b"", Bits()
        try:
            if deny is not None:
                raise Refused(deny)
            handler = self._handlers.get(request.command)
            if handler is None:
                raise Refused(Why.UNKNOWN)
            data = self._carry_out(handler, self.readable(request.data))
        except Refused as refused:
            data = b"" if refused.why is Why.UNKNOWN else f"{CODES.get(refused.why, CANNOT)}\t".encode("ascii")
            bits = Bits() if quiet else BITS.get(refused.why, Bits())
        return answer(request, data, self.status(bits))

    def _carry_out(self, handler: Handler, text: str) -> bytes:
        """Each field is followed by TAB, the last one too."""
        *fields, rest = text.split("\t")
        if rest and handler.bare is not None:
            return handler.bare(self, rest).encode(self.encoding, "replace")
        if rest:
            raise Refused(Why.SYNTAX)
        told = "".join(f"{field}\t" for field in ("0", *handler.do(self, fields)))
        return told.encode("latin-1" if handler.raw else self.encoding, "replace")

    def status(self, bits: Bits = frozenset()) -> bytes:
        """Eight status bytes: the standing ones of a fiscalised device, and `bits`."""
        device = self.device
        if (receipt := device.memory.receipt) is not None:
            bits |= {(2, 5) if receipt.kind is Kind.SLIP else (2, 3)}
        if not device.has_paper:
            bits |= {(2, 0), HASH}
        if device.cover_open:
            bits |= {(0, 6)}
        if not device.memory.clock_set:
            bits |= {(0, 2)}
        return with_bits(bytes((0x80, 0x80, 0x80, 0x80, 0x86, 0x9A, 0x80, 0x80)), bits)


class Handler(msgspec.Struct, frozen=True):
    """A command: its kind, which may depend on its fields, and what it does, from fields to fields behind the error
    code. `bare`: it is allowed without TAB too. `raw`: its answer holds bytes, one character each."""

    act: Act | Callable[[list[str]], Act]
    do: Callable[[V2, list[str]], tuple[str, ...]]
    bare: Callable[[V2, str], str] | None = None
    raw: bool = False
