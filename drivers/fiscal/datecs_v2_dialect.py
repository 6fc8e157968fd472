"""How Datecs version 2 devices are spoken to: each operation as a command, each answer as a `Said`. Pure.

Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, the commands that `Command` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

from drivers.contract.printer import Cents, Payment, ReversalReason
from drivers.fiscal import datecs_v2_answers as answers
from drivers.fiscal import datecs_v2_data as wire
from drivers.fiscal import datecs_v2_errors as errors
from drivers.fiscal import operations as ask
from drivers.fiscal.datecs_v2 import STATUS_BYTES, FramingV2
from drivers.fiscal.datecs_v2_family import Shape, family_of, shape_of
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Family
from drivers.fiscal.frames import Answer, Framing
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import DataError, Identity, Said
from drivers.fiscal.shown import money


class Command(IntEnum):
    """The commands that are sent. Not 83, which programs the VAT rates that 50 reads. Not 123: its number of the last
    receipt begins anew with each Z report, while a reversal has to name the one that 56 and 76 tell."""

    OPEN_SLIP = 38
    CLOSE_SLIP = 39
    SLIP_LINE = 42
    OPEN_REVERSAL = 43
    OPEN = 48
    SALE = 49
    READ_RATES = 50
    SUBTOTAL = 51
    PAY = 53
    TEXT = 54
    CLOSE = 56
    CANCEL = 60
    WRITE_CLOCK = 61
    READ_CLOCK = 62
    LAST_Z = 64
    DAY = 65
    REPORT = 69
    CASH = 70
    STATUS = 74
    TRANSACTION = 76
    IDENTIFY = 90
    COPY = 109
    DOCUMENT = 125


_REASONS: Mapping[ReversalReason, str] = {
    ReversalReason.ERROR: "0",
    ReversalReason.REFUND: "1",
    ReversalReason.TAX_BASE: "2",
}
_DAY_PARTS: tuple[tuple[Command, bytes], ...] = (
    (Command.LAST_Z, wire.fields("0")),
    (Command.DAY, wire.fields("0")),
    (Command.DAY, wire.fields("2")),
)
"""Number of the last Z report; turnover of sales since; turnover of reversals since."""

_IDENTIFY = b"1"
"""Without a TAB: the form that version 1 devices answer too. An answer with TABs is understood as well."""
_SILENT = wire.fields("0", "0", "0", "")
"""51: neither on paper nor on the display, and nothing adjusted."""
_PAID_WITH_MONEY = "1"
_NO_DISCOUNT, _SURCHARGE_SUM, _DISCOUNT_SUM = "0", "3", "4"
_NO_DEPARTMENT = "0"
_ANY_KIND = "0"
"""125: the number is that which all documents share."""
_NO_INVOICE = ("", "", "")

_DOCUMENT = re.compile(r"0{0,25}(?!0)[0-9]{1,7}")
_MEMORY = re.compile(r"[0-9]{1,8}")
_SALE_NUMBER = re.compile(r"[A-Z]{2}[0-9]{6}-[0-9A-Za-z]{4}-[0-9]{7}")
_COMMA_FORM = re.compile(rb"[^\t-][^\t]*")


class DatecsV2:
    """`dialect.Dialect` of version 2, for one till. A clerk without a password has the factory's, which depends on the
    model."""

    framing: Framing = FramingV2()
    tells_paid = True
    reads_day = len(_DAY_PARTS)

    def __init__(self, family: Family, clerk: Clerk, shape: Shape | None = None) -> None:
        self._clerk = clerk
        self._shape = shape or Shape()
        self.family = family_of(family, self._shape)

    def known(self, device: Identity) -> DatecsV2:
        """The dialect for this very device: what its model and firmware take."""
        return DatecsV2(self.family, self._clerk, shape_of(device.model, device.firmware))

    def request(self, operation: Operation) -> tuple[int, bytes]:
        """Raises `ValueError`, beginning with the field that is wrong."""
        match operation:
            case ask.Identify():
                return Command.IDENTIFY, _IDENTIFY
            case ask.ReadStatus():
                return Command.STATUS, b""
            case ask.ReadTransaction() | ask.ReadLast():
                return Command.TRANSACTION, b""
            case ask.ReadDay(part=part):
                return _day_part(part)
            case ask.ReadCash():
                return Command.CASH, wire.fields("0", money(0))
            case ask.ReadClock():
                return Command.READ_CLOCK, b""
            case ask.ReadRates():
                return Command.READ_RATES, b""
            case ask.ReadDocument(number=number):
                return Command.DOCUMENT, wire.fields("0", str(int(number)), _ANY_KIND)
            case ask.Open():
                return Command.OPEN, self._open(operation)
            case ask.OpenReversal():
                return Command.OPEN_REVERSAL, self._open_reversal(operation)
            case ask.Text(text=text):
                return Command.TEXT, wire.fields(text)
            case ask.Sale():
                return Command.SALE, self._sale(operation)
            case ask.AdjustSubtotal(cents=cents):
                return Command.SUBTOTAL, wire.fields("1", "0", *_adjusted(-min(cents, 0), max(cents, 0), "cents"))
            case ask.ReadSubtotal():
                return Command.SUBTOTAL, _SILENT
            case ask.Pay(means=means, cents=cents):
                return Command.PAY, wire.fields(self._letter(means), money(cents), _PAID_WITH_MONEY)
            case ask.Close():
                return Command.CLOSE, b""
            case ask.Cancel():
                return Command.CANCEL, b""
            case ask.PrintDay(z=z):
                return Command.REPORT, wire.fields("Z" if z else "X")
            case ask.MoveCash(cents=cents):
                return Command.CASH, _move_cash(cents)
            case ask.WriteClock():
                summer = operation.summer and self._shape.summer_time
                return Command.WRITE_CLOCK, wire.fields(_written("device_time", operation.device_time, summer=summer))
            case ask.OpenSlip():
                return Command.OPEN_SLIP, b""
            case ask.SlipLine(text=text):
                return Command.SLIP_LINE, wire.fields(text)
            case ask.CloseSlip():
                return Command.CLOSE_SLIP, b""
            case ask.CopyLast():
                return Command.COPY, b""
            case ask.ReadError():
                raise ValueError("the error of a command stands in its own answer")

    def said(self, operation: Operation, answer: Answer) -> Said:
        """Raises `DataError`; never for an answer that refuses, by its code or by its bits."""
        if len(answer.status) != STATUS_BYTES:
            raise DataError(f"the answer has {len(answer.status)} status bytes, not {STATUS_BYTES}")
        signs = self.family.signs(answer.status)
        by_bits = ", ".join(self.family.refusals(signs))
        data, first_of_day = answer.data, operation == ask.ReadDay()
        if not by_bits and isinstance(operation, ask.Identify) and _COMMA_FORM.fullmatch(data):
            return Said(signs, value=answers.comma_identity(data))
        if not by_bits and first_of_day and not data:
            return Said(signs, value=answers.NO_Z_YET)
        try:
            told = wire.reply(data)
        except DataError:
            if by_bits:
                return Said(signs, by_bits)
            raise
        if first_of_day and told.code in errors.NO_RECORDS:
            return Said(signs, value=answers.NO_Z_YET)
        if told.code:
            more = {errors.SIGNS[told.code]} if told.code in errors.SIGNS else set()
            return Said(signs | more, errors.told(told.code), str(told.code))
        if by_bits:
            return Said(signs, by_bits)
        reader = answers.READERS.get(type(operation))
        return Said(signs, value=reader(operation, told) if reader else None)

    def _open(self, operation: ask.Open) -> bytes:
        number = self._sale_number(operation.sale_number)
        return wire.fields(*self._who(), *([number] if number else []), self._clerk.till, "")

    def _open_reversal(self, operation: ask.OpenReversal) -> bytes:
        given = operation.reversal
        if _DOCUMENT.fullmatch(given.number) is None:
            raise ValueError("reversal.number: the device counts from 1 to 9999999")
        if not given.device_time:
            raise ValueError("reversal.device_time: the device asks for the time of the receipt that is given back")
        if _MEMORY.fullmatch(given.fiscal_memory) is None:
            raise ValueError("reversal.fiscal_memory: the device asks for the fiscal memory that the receipt is in")
        number = self._sale_number(operation.sale_number)
        written = _written("reversal.device_time", given.device_time)
        original = (_REASONS[given.reason], str(int(given.number)), written, given.fiscal_memory)
        sale = (number,) if self._shape.sale_number else ()
        return wire.fields(*self._who(), self._clerk.till, *original, *_NO_INVOICE, *sale)

    def _sale_number(self, number: str) -> str:
        if number and not self._shape.sale_number:
            raise ValueError("sale_number: the device's firmware has no field for it")
        if number and _SALE_NUMBER.fullmatch(number) is None:
            raise ValueError("sale_number: the device takes none but of the form LLDDDDDD-CCCC-DDDDDDD")
        return number

    def _sale(self, operation: ask.Sale) -> bytes:
        if not operation.text:
            raise ValueError("text: a line needs one")
        if len(operation.vat) != 1 or operation.vat not in wire.VAT_LETTERS:
            raise ValueError(f"vat: {operation.vat!r} is none of {wire.VAT_LETTERS}")
        if operation.discount_cents and operation.surcharge_cents:
            raise ValueError("surcharge_cents: a line takes a discount or a surcharge, not both")
        adjusted = (_NO_DISCOUNT, "")
        if operation.discount_cents or operation.surcharge_cents:
            adjusted = _adjusted(operation.discount_cents, operation.surcharge_cents, "discount_cents")
        return wire.fields(
            operation.text,
            str(wire.VAT_LETTERS.index(operation.vat) + 1),
            money(operation.unit_cents),
            wire.quantity(operation.quantity),
            *adjusted,
            _NO_DEPARTMENT,
            *([self._shape.unit] if self._shape.unit else []),
        )

    def _letter(self, means: Payment) -> str:
        letter = self.family.payments.get(means)
        if letter is None:
            raise ValueError(f"means: the device takes no payment by {means}")
        return letter

    def _who(self) -> tuple[str, str]:
        return self._clerk.operator, self._clerk.password or self._shape.password or self._clerk.operator


def _day_part(part: int) -> tuple[Command, bytes]:
    if not 0 <= part < len(_DAY_PARTS):
        raise ValueError(f"part: {part} of {len(_DAY_PARTS)}")
    return _DAY_PARTS[part]


def _written(where: str, device_time: str, *, summer: bool = False) -> str:
    try:
        return wire.written_time(device_time, summer=summer)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _adjusted(discount_cents: Cents, surcharge_cents: Cents, where: str) -> tuple[str, str]:
    """Type and value. Amounts only: a receipt in Latvia shows a discount in money."""
    if discount_cents > 0:
        return _DISCOUNT_SUM, money(discount_cents)
    if surcharge_cents > 0:
        return _SURCHARGE_SUM, money(surcharge_cents)
    raise ValueError(f"{where}: an adjustment is not 0")


def _move_cash(cents: Cents) -> bytes:
    if not cents:
        raise ValueError("cents: moving nothing only reads")
    return wire.fields("0" if cents > 0 else "1", money(abs(cents)))
