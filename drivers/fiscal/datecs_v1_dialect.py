"""Datecs version 1, groups A and B, as a dialect: operations to commands, answers to what they say. Pure.

What differs between the groups stands in `_Group`. Source: Datecs, Communication Protocol for Fiscal Devices, group A,
v1.00BG, and group B, v2.04BG; for reversals also Datecs, Storno Parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from drivers.contract.printer import Reversal, ReversalReason
from drivers.fiscal import datecs_v1_data as wire
from drivers.fiscal import operations as op
from drivers.fiscal.datecs_v1 import Command, FramingV1
from drivers.fiscal.datecs_v1_family import DATECS_V1_A, DATECS_V1_B
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import OPEN_SIGNS, Family, Sign
from drivers.fiscal.frames import Answer, Framing
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import DataError, Day, Document, Said, Stage, Transaction, Value
from drivers.fiscal.shown import money, readable


class _Group(msgspec.Struct, frozen=True):
    """Where the two groups write the same thing differently."""

    family: Family
    day_field: int
    """Of the answer to 110: the number of the last fiscal record."""
    letter_before: frozenset[Command]
    """Commands whose answer begins with `P` and a comma, or is `F`."""
    day_sums: tuple[bytes, ...]
    """65: what was sold, and where the group tells it, what was given back."""
    document: tuple[Command, Callable[[str, int], bytes], Callable[[bytes], Document]]
    """How a document of the journal is asked for, by number and part, and what is answered."""
    reasons: Mapping[ReversalReason, str]
    opening: Callable[[Clerk, str], str]
    reversing: Callable[[Clerk, Reversal, str, str], str]
    """Clerk, what is given back, its reason's letter, number of the sale."""


def _reversing_a(clerk: Clerk, reversal: Reversal, reason: str, sale_number: str) -> str:
    when = wire.reversed_time(reversal.device_time)
    number, memory = wire.reversed_receipt(reversal.number, reversal.fiscal_memory)
    return f"{_clerk(clerk)},{reason}{number},{sale_number},{when},{memory}"


def _reversing_b(clerk: Clerk, reversal: Reversal, reason: str, sale_number: str) -> str:
    when = wire.reversed_time(reversal.device_time)
    number, memory = wire.reversed_receipt(reversal.number, reversal.fiscal_memory)
    who = f"{clerk.operator},{clerk.password},{sale_number},{clerk.till}"
    return f"{who},{reason},{number},{when},{memory}"


def _opening_a(clerk: Clerk, sale_number: str) -> str:
    return _clerk(clerk) + (f",{sale_number}" if sale_number else "")


def _opening_b(clerk: Clerk, sale_number: str) -> str:
    if not sale_number:
        return _clerk(clerk)
    return f"{clerk.operator},{clerk.password},{sale_number},{clerk.till}"


def _clerk(clerk: Clerk) -> str:
    return f"{clerk.operator},{clerk.password},{clerk.till}"


_GROUP_A = _Group(
    family=DATECS_V1_A,
    day_field=8,
    letter_before=frozenset({Command.CASH}),
    day_sums=(b"0",),
    document=(Command.JOURNAL, wire.record, wire.read_record),
    reasons={ReversalReason.ERROR: "E", ReversalReason.REFUND: "R", ReversalReason.TAX_BASE: "T"},
    opening=_opening_a,
    reversing=_reversing_a,
)
_GROUP_B = _Group(
    family=DATECS_V1_B,
    day_field=8,
    letter_before=frozenset({Command.CASH, Command.DAY, Command.OPEN, Command.OPEN_REVERSAL, Command.DOCUMENT}),
    day_sums=(b"0", b"5"),
    document=(Command.DOCUMENT, wire.document, wire.read_document),
    reasons={ReversalReason.ERROR: "0", ReversalReason.REFUND: "1", ReversalReason.TAX_BASE: "2"},
    opening=_opening_b,
    reversing=_reversing_b,
)

_PLAIN: Mapping[type[Operation], tuple[Command, bytes]] = {
    op.Identify: (Command.IDENTIFY, wire.IDENTIFY),
    op.ReadStatus: (Command.STATUS, wire.STATUS_AT_ONCE),
    op.ReadTransaction: (Command.TRANSACTION, wire.TRANSACTION_WITH_TENDER),
    op.ReadLast: (Command.LAST_NUMBER, b""),
    op.ReadCash: (Command.CASH, b""),
    op.ReadClock: (Command.READ_CLOCK, b""),
    op.ReadRates: (Command.RATES, b""),
    op.ReadError: (Command.LAST_ERROR, b""),
    op.ReadSubtotal: (Command.SUBTOTAL, wire.SUBTOTAL_SILENT),
    op.Close: (Command.CLOSE, b""),
    op.Cancel: (Command.CANCEL, b""),
    op.OpenSlip: (Command.OPEN_SLIP, b""),
    op.CloseSlip: (Command.CLOSE_SLIP, b""),
    op.CopyLast: (Command.COPY, wire.ONE_COPY),
}
"""Operations that say nothing more than themselves."""

_READING = (
    op.Identify, op.ReadStatus, op.ReadTransaction, op.ReadLast, op.ReadDay, op.ReadCash, op.ReadClock, op.ReadRates,
    op.ReadSubtotal, op.ReadError, op.ReadDocument,
)  # fmt: skip
_REFUSES_A_READING = frozenset({Sign.SYNTAX, Sign.UNKNOWN_COMMAND, Sign.NOT_ALLOWED, Sign.OVERFLOW})
"""The others stand for a while, and what only reads is answered all the same."""


class DatecsV1:
    """Both groups. The family is that of the group."""

    framing: Framing = FramingV1()
    tells_paid = True

    def __init__(self, family: Family, clerk: Clerk) -> None:
        self._group = {group.family.name: group for group in (_GROUP_A, _GROUP_B)}[family.name]
        self.family = family
        self.reads_day = 1 + len(self._group.day_sums)
        self._clerk = clerk

    def request(self, operation: Operation) -> tuple[int, bytes]:
        group = self._group
        if (plain := _PLAIN.get(type(operation))) is not None:
            return plain
        match operation:
            case op.Open(sale_number=number):
                return Command.OPEN, group.opening(self._clerk, wire.sale_number(number)).encode("ascii")
            case op.OpenReversal(reversal=reversal, sale_number=number):
                reason = group.reasons[reversal.reason]
                data = group.reversing(self._clerk, reversal, reason, wire.sale_number(number))
                return Command.OPEN_REVERSAL, data.encode("ascii")
            case op.Text(text=text):
                return Command.TEXT, text
            case op.Sale(text, vat, unit_cents, quantity, discount, surcharge):
                return Command.SALE, wire.sale(text, vat, unit_cents, quantity, surcharge - discount)
            case op.AdjustSubtotal(cents=cents):
                return Command.SUBTOTAL, wire.adjust(cents)
            case op.Pay(means=means, cents=cents):
                return Command.PAY, wire.pay(self._letter(means), cents)
            case op.ReadDay(part=part):
                return (Command.DAY, b"") if part == 0 else (Command.SUMS, group.day_sums[part - 1])
            case op.ReadDocument(number=number, part=part):
                command, asking, _ = group.document
                return command, asking(number, part)
            case op.PrintDay(z=z):
                return Command.REPORT, wire.REPORT_Z if z else wire.REPORT_X
            case op.MoveCash(cents=cents):
                return Command.CASH, money(cents).encode("ascii")
            case op.WriteClock(device_time=when):
                return Command.WRITE_CLOCK, wire.clock(when)
            case op.SlipLine(text=text):
                return Command.SLIP_TEXT, text
            case _:
                raise ValueError(f"{self.family.name} has no {type(operation).__name__}")

    def said(self, operation: Operation, answer: Answer) -> Said:
        signs = self.family.signs(answer.status)
        command, _ = self.request(operation)
        if refused := self._refused(operation, signs):
            return Said(signs, refused)
        data = answer.data
        if command in self._group.letter_before:
            if data[:1] == b"F":
                return Said(signs, f"answered {readable(data)}")
            data = data.removeprefix(b"P").removeprefix(b",")
        if isinstance(operation, op.ReadError):
            code = wire.read_error(data)
            return Said(signs | {Sign.DAY_OVER} if code == wire.DAY_OVER else signs, code=code)
        value = self._value(operation, data, signs)
        return Said(signs, value) if isinstance(value, str) else Said(signs, value=value)

    def _letter(self, means: object) -> str:
        for known, letter in self.family.payments.items():
            if known == means:
                return letter
        raise ValueError(f"{self.family.name} takes no payment by {means}")

    def _refused(self, operation: Operation, signs: frozenset[Sign]) -> str:
        refusals = self.family.refusals(signs)
        if isinstance(operation, _READING):
            refusals = tuple(sign for sign in refusals if sign in _REFUSES_A_READING)
        return ", ".join(refusals)

    def _value(self, operation: Operation, data: bytes, signs: frozenset[Sign]) -> Value | str | None:
        """What DATA says; a text when it says why not. Raises `DataError`."""
        match operation:
            case op.Identify():
                return wire.read_identity(data)
            case op.ReadTransaction():
                return self._transaction(data, signs)
            case op.ReadLast():
                return wire.read_number(data)
            case op.ReadDay(part=0):
                return wire.read_closure(data, self._group.day_field)
            case op.ReadDay(part=1):
                return Day(sold_cents=wire.read_sums(data))
            case op.ReadDay():
                return Day(returned_cents=wire.read_sums(data))
            case op.ReadDocument():
                return self._group.document[2](data)
            case op.ReadCash() | op.MoveCash():
                return wire.read_cash(data)
            case op.ReadClock():
                return wire.read_clock(data)
            case op.ReadRates():
                return wire.read_rates(data)
            case op.ReadSubtotal():
                return wire.read_subtotal(data)
            case op.Pay():
                return wire.read_paid(data)
            case op.PrintDay():
                return wire.read_report(data)
            case _:
                return None

    @staticmethod
    def _transaction(data: bytes, signs: frozenset[Sign]) -> Transaction:
        """A service document is open, too, for 76: the status bits tell which it is."""
        opened, items, amount, paid = wire.read_transaction(data)
        fiscal = bool(OPEN_SIGNS & signs)
        if fiscal and not opened:
            raise DataError("the status says that a receipt is open, the answer to 76 that none is")
        if not fiscal:
            stage = Stage.NONE
        elif paid == 0:
            stage = Stage.OPEN
        else:
            stage = Stage.PAYING if paid < amount else Stage.PAID
        return Transaction(stage, Sign.STORNO_OPEN in signs, items, amount, paid)
