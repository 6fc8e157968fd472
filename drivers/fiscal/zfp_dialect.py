"""How Tremol ZFP devices are spoken to: operations to commands, answers to what they say. Pure tables, no flow.

Source: Tremol, Protocol description, BG, v1910211454, the named commands.
"""

from __future__ import annotations

import re
from enum import IntEnum

from drivers.contract.printer import Reversal, ReversalReason
from drivers.fiscal import zfp_data as wire
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Family, Sign
from drivers.fiscal.frames import Answer, Framing
from drivers.fiscal.operations import (
    AdjustSubtotal,
    Cancel,
    Close,
    CloseSlip,
    CopyLast,
    Identify,
    MoveCash,
    Open,
    OpenReversal,
    OpenSlip,
    Operation,
    Pay,
    PrintDay,
    ReadCash,
    ReadClock,
    ReadDay,
    ReadDocument,
    ReadError,
    ReadLast,
    ReadRates,
    ReadStatus,
    ReadSubtotal,
    ReadTransaction,
    Sale,
    SlipLine,
    Text,
    WriteClock,
)
from drivers.fiscal.said import DataError, Paid, Said, Stage, Value
from drivers.fiscal.zfp import ZfpFraming
from drivers.fiscal.zfp_family import COMMAND_FAULTS, DEVICE_FAULTS, POWER_CUT, STATUS_BYTES, Fault


class Command(IntEnum):
    """The commands that this dialect sends. Never 36h, which pays and closes in one; never 41h to 46h, which programme
    the device."""

    STATUS = 0x20
    VERSION = 0x21
    OPEN_SLIP = 0x2E
    CLOSE_SLIP = 0x2F
    OPEN = 0x30
    SALE = 0x31
    SUBTOTAL = 0x33
    PAY = 0x35
    TEXT = 0x37
    CLOSE = 0x38
    CANCEL = 0x39
    COPY = 0x3A
    CASH = 0x3B
    SET_CLOCK = 0x48
    NUMBERS = 0x60
    REGISTRATION = 0x61
    RATES = 0x62
    CLOCK = 0x68
    SUMS = 0x6D
    REGISTERS = 0x6E
    LAST = 0x71
    RECEIPT = 0x72
    DAY_REPORT = 0x7C


POSTPONED, REVERSAL = "2", "D"
"""PrintType of 30h: what is sold is printed when the receipt is closed. Buffered printing ("4") makes a device silent
for long (erpnet/ErpNet.FP, BgZfpFiscalPrinter.Commands.cs, which sends D for reversals)."""

_DIGITS = 2
_SYMBOLS = re.compile(r"[0-9A-Za-z-]+")
_REASONS = {ReversalReason.ERROR: "0", ReversalReason.REFUND: "1", ReversalReason.TAX_BASE: "2"}
_IDENTIFY = (Command.VERSION, Command.NUMBERS, Command.REGISTRATION)
_DAY = ((Command.REGISTERS, wire.REGISTER_COUNTERS), (Command.SUMS, b""))
_TRANSACTION = (b"", wire.PAYMENTS)
_SUBTOTAL = ((Command.SUBTOTAL, wire.SUBTOTAL_SILENT), (Command.RECEIPT, b""))
_READS = (
    Identify | ReadStatus | ReadTransaction | ReadLast | ReadDay | ReadCash | ReadClock | ReadRates | ReadSubtotal
    | ReadDocument
)  # fmt: skip
_WITHIN = Open | OpenReversal | Text | Sale | AdjustSubtotal | ReadSubtotal | Pay
"""What a device carries out only when a receipt is open after it. Its acknowledgement has no bit that says so."""


class Tremol:
    """`drivers.fiscal.dialect.Dialect`. The clerk goes with every document that is opened."""

    framing: Framing = ZfpFraming()
    reads_day = len(_DAY)
    tells_paid = True

    def __init__(self, family: Family, clerk: Clerk) -> None:
        self.family = family
        self._who = f"{clerk.operator};{clerk.password}"

    def __repr__(self) -> str:
        return f"Tremol({self.family.name!r})"

    def request(self, operation: Operation) -> tuple[int, bytes]:
        """Command and DATA. Raises `ValueError` for what the family cannot do or no field can hold."""
        match operation:
            case Identify(part=part):
                return _IDENTIFY[part], b""
            case ReadTransaction(part=part):
                return Command.RECEIPT, _TRANSACTION[part]
            case ReadDay(part=part):
                return _DAY[part]
            case ReadCash():
                return Command.REGISTERS, wire.REGISTER_CASH
            case ReadDocument(number=number, way=way):
                return Command.RECEIPT, wire.LAST_CODE if way else wire.code(number)
            case Open(sale_number=number):
                return Command.OPEN, self._opening(POSTPONED + _numbered("$", number))
            case OpenReversal(reversal=reversal, sale_number=number):
                return Command.OPEN, self._opening(_reversed(reversal) + _numbered(";", number))
            case Text(text=text):
                return Command.TEXT, text
            case SlipLine(text=text):
                return Command.TEXT, text
            case Sale(text=text, vat=vat, unit_cents=unit, quantity=quantity):
                change = operation.surcharge_cents - operation.discount_cents
                return Command.SALE, wire.sale(text, vat, unit, quantity, change)
            case AdjustSubtotal(cents=cents):
                return Command.SUBTOTAL, wire.adjust(cents)
            case ReadSubtotal(part=part):
                return _SUBTOTAL[part]
            case Pay(means=means, cents=cents):
                if means not in self.family.payments:
                    raise ValueError(f"the device takes no payment by {means}")
                return Command.PAY, f"{self.family.payments[means]};0;{wire.money(cents)}".encode("ascii")
            case PrintDay(z=z):
                return Command.DAY_REPORT, b"Z" if z else b"X"
            case MoveCash(cents=cents):
                return Command.CASH, f"{self._who};0;{wire.money(cents)}".encode("ascii")
            case WriteClock(device_time=device_time):
                return Command.SET_CLOCK, wire.short_time(device_time).encode("ascii")
            case OpenSlip():
                return Command.OPEN_SLIP, self._who.encode("ascii")
            case ReadError():
                raise ValueError("the error of a command stands in its own answer")
            case _:
                return _PLAIN[type(operation)], b""

    def said(self, operation: Operation, answer: Answer) -> Said:
        """Raises `DataError`: the answer is not this command's, or does not say whether it was carried out."""
        if answer.command is None:
            return self._acknowledged(operation, answer.status)
        if answer.command != self.request(operation)[0]:
            raise DataError(f"the answer is one to {answer.command:02X}h")
        return self._told(operation, answer.data)

    def _acknowledged(self, operation: Operation, digits: bytes) -> Said:
        if len(digits) != _DIGITS:
            raise DataError(f"an acknowledgement of {len(digits)} digits, not {_DIGITS}")
        device, command = (_digit(byte) for byte in digits)
        if device == POWER_CUT and not command and not isinstance(operation, _READS):
            raise DataError("the power was cut inside a receipt: read back whether this command was carried out")
        faults = [DEVICE_FAULTS[device]] if device else []
        if command:
            faults.append(COMMAND_FAULTS.get(command, Fault(f"command error {command}")))
        if faults:
            signs = frozenset(fault.sign for fault in faults if fault.sign is not None)
            return Said(signs, refused=", ".join(fault.words for fault in faults), code=digits.decode("ascii"))
        if isinstance(operation, _READS):
            raise DataError("the device says that it is done, and nothing of what was asked")
        return Said(_inside(operation), value=Paid() if isinstance(operation, Pay) else None)

    def _told(self, operation: Operation, data: bytes) -> Said:
        value: Value | None = None
        signs = _inside(operation)
        match operation:
            case ReadStatus():
                signs = self.family.signs(_status(data))
            case Identify(part=part):
                value = (wire.read_version, wire.read_numbers, wire.read_registration)[part](data)
            case ReadTransaction(part=0):
                value, cut = wire.read_transaction(data)
                signs = _of(value.stage is not Stage.NONE, Sign.RECEIPT_OPEN) | _of(cut, Sign.POWER_CUT)
            case ReadTransaction():
                value = wire.read_payments(data)
            case ReadLast():
                value = wire.read_last(data)
            case ReadDocument():
                value = wire.read_code(data)
            case ReadDay(part=part):
                value = (wire.read_counters, wire.read_sums)[part](data)
            case ReadCash():
                value = wire.read_cash(data)
            case ReadClock():
                value = wire.read_clock(data)
            case ReadRates():
                value = wire.read_rates(data)
            case ReadSubtotal(part=0):
                value = wire.read_subtotal(data)
            case ReadSubtotal():
                value = wire.read_groups(data)
                signs = _of(value is not None, Sign.RECEIPT_OPEN)
            case AdjustSubtotal():
                value = None  # whether the sum is that before or after the adjustment is not written
            case _:
                raise DataError("data where an acknowledgement belongs")
        return Said(signs, value=value)

    def _opening(self, what: str) -> bytes:
        """30h: detailed, with VAT."""
        return f"{self._who};1;1;{what}".encode("ascii")


_PLAIN: dict[type[Operation], Command] = {
    ReadStatus: Command.STATUS,
    ReadLast: Command.LAST,
    ReadClock: Command.CLOCK,
    ReadRates: Command.RATES,
    Close: Command.CLOSE,
    Cancel: Command.CANCEL,
    CloseSlip: Command.CLOSE_SLIP,
    CopyLast: Command.COPY,
}


def _numbered(sign: str, sale_number: str) -> str:
    return sign + _field(sale_number, 24, "sale_number") if sale_number else ""


def _reversed(reversal: Reversal) -> str:
    if not reversal.device_time or not reversal.fiscal_memory:
        raise ValueError("a reversal needs the time and the fiscal memory of the receipt that is given back")
    when = wire.short_time(reversal.device_time)
    number = _field(reversal.number, 6, "reversal.number")
    memory = _field(reversal.fiscal_memory, 8, "reversal.fiscal_memory")
    return f"{REVERSAL};{_REASONS[reversal.reason]};{number};{when};{memory}"


def _field(text: str, symbols: int, where: str) -> str:
    """What the caller says, where it can end no field."""
    if not _SYMBOLS.fullmatch(text) or len(text) > symbols:
        raise ValueError(f"{where}: {text!r} is not 1 to {symbols} letters, digits and hyphens")
    return text


def _inside(operation: Operation) -> frozenset[Sign]:
    return _of(isinstance(operation, _WITHIN), Sign.RECEIPT_OPEN)


def _of(true: bool, sign: Sign) -> frozenset[Sign]:
    return frozenset({sign}) if true else frozenset()


def _digit(byte: int) -> int:
    """30h to 3Fh; the older edition also gives A to F as letters."""
    if 0x30 <= byte <= 0x3F:
        return byte - 0x30
    if 0x41 <= byte <= 0x46:
        return byte - 0x41 + 10
    raise DataError(f"a digit of the acknowledgement is {byte:02X}h")


def _status(data: bytes) -> bytes:
    """Older devices tell five bytes: what they leave out is not set."""
    if not 5 <= len(data) <= STATUS_BYTES:
        raise DataError(f"answer to 20h has {len(data)} bytes, not 5 to {STATUS_BYTES}")
    return data.ljust(STATUS_BYTES, b"\x80")
