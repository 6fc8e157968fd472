"""What the answers of Datecs version 2 devices say, once their error code is 0. Pure.

Every reader raises `DataError` for fields that are not what the command answers with. No sum in these answers may be
negative: the documents give them from 0.00 up.
Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, the commands named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.contract.printer import Cents
from drivers.fiscal import datecs_v2_data as wire
from drivers.fiscal import operations as ask
from drivers.fiscal.operations import Operation
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Document,
    Identity,
    Last,
    Paid,
    Rates,
    Stage,
    Subtotal,
    Transaction,
    Value,
)
from drivers.fiscal.shown import readable

NO_Z_YET = Day(z_number="0")
"""What a device says, in whatever words, that has made no Z report."""

_CLOSED, _SALE_OPEN, _SERVICE_OPEN = "0", "1", "5"
_REVERSALS_OPEN = ("2", "3", "4")


def comma_identity(data: bytes) -> Identity:
    """`Name,Firmware Date Time,Checksum,Switches,Serial,Memory`. Other countries leave fields out."""
    parts = [part.strip() for part in readable(data).split(",")]
    if len(parts) < 6:
        return Identity(*parts[:2])
    return Identity(parts[0], parts[1], parts[4], parts[5])


def _identity(_: Operation, told: wire.Reply) -> Value:
    """The same in fields, firmware, date and time being three of them."""
    parts = [readable(part).strip() for part in told.fields]
    if len(parts) < 8:
        return Identity(*parts[:2]) if parts else Identity("")
    return Identity(parts[0], " ".join(parts[1:4]), parts[6], parts[7])


def _transaction(_: Operation, told: wire.Reply) -> Value:
    state = wire.numeral(told, 1, "state")
    if state == _SERVICE_OPEN:
        return Transaction(Stage.NONE)
    items = int(wire.numeral(told, 3, "items"))
    amount, paid = _sum(told, 4, "amount"), _sum(told, 5, "paid")
    if state == _CLOSED:
        return Transaction(Stage.NONE, False, items, amount, paid)
    if state != _SALE_OPEN and state not in _REVERSALS_OPEN:
        raise DataError(f"field 1 (state) is {state}, which no document names")
    stage = Stage.OPEN if not paid else Stage.PAYING if paid < amount else Stage.PAID
    return Transaction(stage, state in _REVERSALS_OPEN, items, amount, paid)


def _last(operation: Operation, told: wire.Reply) -> Value:
    """While a receipt is open, 76 tells its number and not the last one's."""
    if wire.numeral(told, 1, "state") != _CLOSED:
        return Last("")
    return Last(_plain(told, 2, "number"))


_KINDS = {"1": False, "6": True}
"""125: a sale that counts, a reversal that counts. Any other kind of document is none that can be reversed here."""


def _document(_: Operation, told: wire.Reply) -> Value:
    number, when, kind = _plain(told, 1, "number"), wire.read_time(told, 3, "time"), wire.numeral(told, 4, "kind")
    reversal = _KINDS.get(kind)
    return Document() if reversal is None else Document(number, when, reversal)


def _closed(_: Operation, told: wire.Reply) -> Value:
    return Last(_plain(told, 1, "slip number"))


def _day(operation: Operation, told: wire.Reply) -> Value:
    match operation:
        case ask.ReadDay(part=0):
            return Day(z_number=_plain(told, 1, "report"))
        case ask.ReadDay(part=1):
            return Day(sold_cents=_total(told, 2, "turnover"))
        case _:
            return Day(returned_cents=_total(told, 2, "turnover"))


def _report(operation: Operation, told: wire.Reply) -> Value:
    """An X report's number is not said to be one of a Z report."""
    number = _plain(told, 1, "report") if operation == ask.PrintDay(z=True) else ""
    return Day(number, _total(told, 2, "total"), _total(told, 10, "reversals"))


def _cash(_: Operation, told: wire.Reply) -> Value:
    return Cash(_sum(told, 1, "cash"))


def _device_clock(_: Operation, told: wire.Reply) -> Value:
    return DeviceClock(wire.read_time(told, 1, "time"))


def _rates(_: Operation, told: wire.Reply) -> Value:
    return Rates(wire.read_rates(told))


def _subtotal(_: Operation, told: wire.Reply) -> Value:
    """Sums of the VAT groups where all eight are told."""
    total = _sum(told, 2, "subtotal")
    try:
        groups = {letter: _sum(told, at, "VAT group") for at, letter in enumerate(wire.VAT_LETTERS, 3)}
    except DataError:
        return Subtotal(total)
    return Subtotal(total, {letter: cents for letter, cents in groups.items() if cents})


def _paid(_: Operation, told: wire.Reply) -> Value:
    """D and a sum is still due, R and it is change; for an exact payment the sum is 0 whatever the letter."""
    letter, amount = wire.field(told, 1, "status"), _sum(told, 2, "amount")
    if letter not in (b"D", b"R"):
        raise DataError("the answer to a payment is not D or R and a sum")
    return Paid(amount, 0) if letter == b"D" else Paid(0, amount)


def _sum(told: wire.Reply, at: int, what: str) -> Cents:
    cents = wire.cents(told, at, what)
    if cents < 0:
        raise DataError(f"field {at} ({what}) is negative")
    return cents


def _total(told: wire.Reply, first: int, what: str) -> Cents:
    """The sum of eight fields, one a VAT letter."""
    return sum(_sum(told, first + place, f"{what} {letter}") for place, letter in enumerate(wire.VAT_LETTERS))


def _plain(told: wire.Reply, at: int, what: str) -> str:
    """A number without leading zeros: not every command writes them."""
    return str(int(wire.numeral(told, at, what)))


READERS: Mapping[type[Operation], Callable[[Operation, wire.Reply], Value]] = {
    ask.Identify: _identity,
    ask.ReadTransaction: _transaction,
    ask.ReadLast: _last,
    ask.ReadDocument: _document,
    ask.ReadDay: _day,
    ask.ReadCash: _cash,
    ask.ReadClock: _device_clock,
    ask.ReadRates: _rates,
    ask.ReadSubtotal: _subtotal,
    ask.Pay: _paid,
    ask.Close: _closed,
    ask.PrintDay: _report,
    ask.MoveCash: _cash,
}
"""Not 51 with an adjustment: no document says whether its sum is before or after it. Not 48: nothing is asked of it."""
