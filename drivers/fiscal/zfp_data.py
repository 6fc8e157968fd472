"""The DATA of Tremol ZFP commands: what a request says, what an answer says. Pure.

Fields are parted by `;`. Money has two decimals with a point, both ways; quantities three. Answers pad fields with
blanks and may end with a `;`. A field that the device's firmware leaves out at the end is not told, never guessed.
Source: Tremol, Protocol description, BG, v1910211454, the named command; the older edition (EN, "new FU") where it
says less.
"""

from __future__ import annotations

import re
from datetime import datetime

from drivers.contract.printer import BasisPoints, Cents, Thousandths
from drivers.fiscal import shown
from drivers.fiscal.said import (
    Cash,
    DataError,
    Day,
    DeviceClock,
    Document,
    Identity,
    Last,
    Rates,
    Stage,
    Subtotal,
    Transaction,
)
from drivers.fiscal.shown import readable

NAME_BYTES = 36
"""31h: the name of an article has a fixed width and is padded with blanks. 34 of them are printed."""

VAT_BYTES = {letter: bytes((0xC0 + at,)) for at, letter in enumerate("ABCDEFGH")}
"""The VAT groups are named by the first eight Cyrillic letters in cp1251."""

SUBTOTAL_SILENT = b"0;0"
"""33h: neither on paper nor on the display."""
REGISTER_CASH, REGISTER_COUNTERS = b"0", b"5"
"""6Eh: what is in the drawer; number of the last Z report."""
PAYMENTS = b"P"
"""72h: the payments of the current receipt, or of the last one."""

LAST_CODE = b"B"
"""72h: what stands in the two-dimensional code of the last receipt (since v1901101636)."""

_AMOUNT_SYMBOLS, _DISCOUNT_SYMBOLS = 10, 8
_VAT_GROUPS = 8
_MONEY = re.compile(rb"([+-]?)([0-9]{1,11})(?:\.([0-9]{1,2}))?")
_RATE = re.compile(rb"([0-9]{1,2})(?:\.([0-9]{1,2}))?%?")
_NUMBER = re.compile(rb"[0-9]{1,12}")
_MEMORY = re.compile(rb"[0-9A-Za-z]{1,32}")
_CODE_TIME = re.compile(rb"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")
_CLOCK = re.compile(rb"(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d)(?::(\d\d))?")


# What requests say -----------------------------------------------------------------------------------------


def money(cents: Cents, symbols: int = _AMOUNT_SYMBOLS) -> str:
    """`-1390` as `-13.90`. Raises `ValueError` when that is more than the field's symbols."""
    text = shown.money(cents)
    if len(text) > symbols:
        raise ValueError(f"{text} has more than the {symbols} symbols that the device takes")
    return text


def sale(text: bytes, vat: str, unit_cents: Cents, quantity: Thousandths, change_cents: Cents) -> bytes:
    """31h; `change_cents` lowers (negative) or raises the whole line by an amount. The quantity is always said: a
    receipt in Latvia has to show it even when it is 1. Raises `ValueError`."""
    if vat not in VAT_BYTES:
        raise ValueError(f"VAT letter {vat} is none of {''.join(VAT_BYTES)}")
    amount = f"{quantity // 1000}.{quantity % 1000:03}"
    if len(amount) > _AMOUNT_SYMBOLS:
        raise ValueError(f"the quantity {amount} has more than {_AMOUNT_SYMBOLS} symbols")
    data = f"{money(unit_cents)}*{amount}"
    if change_cents:
        data += f":{money(change_cents, _DISCOUNT_SYMBOLS)}"
    return name(text) + b";" + VAT_BYTES[vat] + b";" + data.encode("ascii")


def name(text: bytes) -> bytes:
    """An article's name at its fixed width. `;` would end the field and `|` begins a new line there: they become `,`
    and `/`. Raises `ValueError` when it is too long."""
    if len(text) > NAME_BYTES:
        raise ValueError(f"a text of {len(text)} bytes, at most {NAME_BYTES} fit")
    return text.replace(b";", b",").replace(b"|", b"/").ljust(NAME_BYTES)


def adjust(cents: Cents) -> bytes:
    """33h with an amount. Raises `ValueError`."""
    return SUBTOTAL_SILENT + f":{money(cents, _DISCOUNT_SYMBOLS)}".encode("ascii")


def short_time(device_time: str) -> str:
    """`2026-11-27T10:02:41` as `27-11-26 10:02:41` (30h and 48h). Raises `ValueError`."""
    return datetime.fromisoformat(device_time).strftime("%d-%m-%y %H:%M:%S")


def code(number: str) -> bytes:
    """72h: what stands in the two-dimensional code of the receipt of this number (since v1904091202)."""
    return f"b;{int(number):06}".encode("ascii")


# What answers say ------------------------------------------------------------------------------------------


def read_version(data: bytes) -> Identity:
    """21h: type, certificate, its date, model, version. Never fails on a shape."""
    fields = [readable(field.strip()) for field in _fields(data)]
    if len(fields) < 4:
        return Identity(model=fields[0] if len(fields) == 1 else "")
    return Identity(model=fields[3], firmware=fields[4] if len(fields) > 4 else "")


def read_numbers(data: bytes) -> Identity:
    """60h: numbers of the device and of its fiscal memory. Never fails on a shape."""
    fields = [readable(field.strip()) for field in _fields(data)]
    return Identity(model="", serial=fields[0], fiscal_memory=fields[1] if len(fields) > 1 else "")


def read_registration(data: bytes) -> Identity:
    """61h: the tax number comes first. Never fails on a shape."""
    return Identity(model="", tax_number=readable(_fields(data)[0].strip()))


def read_subtotal(data: bytes) -> Subtotal:
    """33h. Raises `DataError`."""
    return Subtotal(_money(_fields(data)[0], "33h"))


def read_transaction(data: bytes) -> tuple[Transaction, bool]:
    """72h: the open receipt, and whether the power was cut in it. Its amount is the sum of the eight VAT groups; the
    firmware of older devices sends nothing more when none is open. Raises `DataError`."""
    fields = _fields(data)
    if not _flag(fields, 0, "72h"):
        return Transaction(Stage.NONE), False
    amount = sum(_groups(fields))
    began, finished = _flag(fields, 8, "72h"), _flag(fields, 9, "72h")
    transaction = Transaction(
        stage=Stage.PAID if finished else Stage.PAYING if began else Stage.OPEN,
        reversal=fields[11] in (b"4", b"5", b"6", b"7"),
        items=int(_number(fields[1], "72h")),
        amount_cents=abs(amount),
    )
    return transaction, _flag(fields, 10, "72h")


def read_groups(data: bytes) -> Subtotal | None:
    """72h: what each VAT group has of the open receipt; None when none is open. Whether a reversal's sums are negative
    is not written: taken without their sign where they all have the same. Raises `DataError`."""
    fields = _fields(data)
    if not _flag(fields, 0, "72h"):
        return None
    amounts = _groups(fields)
    same = min(amounts) >= 0 or max(amounts) <= 0
    sums = {letter: abs(cents) for letter, cents in zip(VAT_BYTES, amounts, strict=True) if cents}
    return Subtotal(abs(sum(amounts)), sums if same else {})


def _groups(fields: list[bytes]) -> list[Cents]:
    """Of an answer to 72h for an open receipt. Three stand apart from the other five."""
    groups = [*fields[2:5], *fields[14:19]]
    if len(groups) != _VAT_GROUPS:
        raise DataError(f"answer to 72h has {len(fields)} fields, not 19 or more")
    return [_money(group, "72h") for group in groups]


def read_payments(data: bytes) -> Transaction:
    """72h with `P`: what was received by all means of payment, for the current receipt or the last one. It cannot
    tell `PAYING` from `PAID`. Raises `DataError`."""
    fields = _fields(data)
    if fields[0] != PAYMENTS or len(fields) < 3:
        raise DataError("answer to 72h P is not P, open, payments")
    paid = abs(sum(_money(field, "72h P") for field in fields[2:]))
    stage = Stage.NONE if not _flag(fields, 1, "72h P") else Stage.PAYING if paid else Stage.OPEN
    return Transaction(stage, paid_cents=paid)


def read_last(data: bytes) -> Last:
    """71h: as the device writes it, leading zeros kept. Raises `DataError`."""
    return Last(_number(_fields(data)[0], "71h"))


def read_code(data: bytes) -> Document:
    """72h with `b` or `B`: `memory*number*date*time*amount`, such as `50163145*000002*2020-01-28*15:29:00*30.00` (the
    example is that of erpnet/ErpNet.FP, BgZfpFiscalPrinter.cs; the document does not give the forms). It does not say
    whether something was sold or given back. Raises `DataError`."""
    fields = [field.strip() for field in data.strip(b"; ").split(b"*")]
    if len(fields) != 5 or _MEMORY.fullmatch(fields[0]) is None:
        raise DataError("answer to 72h is not memory, number, date, time, amount")
    found = _CODE_TIME.fullmatch(fields[2] + b" " + fields[3])
    if found is None:
        raise DataError("answer to 72h holds no date and time where they belong")
    try:
        when = datetime.fromisoformat(f"{found[1].decode()}T{found[2].decode()}")
    except ValueError as error:
        raise DataError(f"answer to 72h: {error}") from error
    amount = abs(_money(fields[4], "72h"))
    number, memory = _number(fields[1], "72h"), fields[0].decode("ascii")
    return Document(number, when.isoformat(), amount_cents=amount, fiscal_memory=memory)


def read_counters(data: bytes) -> Day:
    """6Eh with `5`. Raises `DataError`."""
    return Day(z_number=_number(_register(data, REGISTER_COUNTERS)[0], "6Eh 5"))


def read_sums(data: bytes) -> Day:
    """6Dh: eight VAT groups and their sum of what was sold since the last Z report; then the same of what was given
    back, which older firmware does not tell. Raises `DataError`."""
    fields = _fields(data)
    groups = _VAT_GROUPS + 1
    if len(fields) not in (groups, 2 * groups):
        raise DataError(f"answer to 6Dh has {len(fields)} fields, not {groups} or {2 * groups}")
    amounts = [_money(field, "6Dh") for field in fields]
    return Day(sold_cents=amounts[groups - 1], returned_cents=abs(amounts[-1]) if len(amounts) > groups else None)


def read_cash(data: bytes) -> Cash:
    """6Eh with `0`: payment 0 is cash. Raises `DataError`."""
    return Cash(_money(_register(data, REGISTER_CASH)[0], "6Eh 0"))


def read_clock(data: bytes) -> DeviceClock:
    """68h, which has no seconds. Raises `DataError`."""
    found = _CLOCK.fullmatch(data.strip(b"; "))
    if found is None:
        raise DataError("answer to 68h is not DD-MM-YYYY HH:MM")
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return DeviceClock(datetime(year, month, day, hour, minute, second).isoformat())  # noqa: DTZ001  local time
    except ValueError as error:
        raise DataError(f"answer to 68h: {error}") from error


def read_rates(data: bytes) -> Rates:
    """62h: one rate for each letter. A field that is none belongs to a letter that is not in use. Raises `DataError`
    when there is no rate at all."""
    fields = _fields(data)[:_VAT_GROUPS]
    rates = {
        letter: rate for letter, field in zip(VAT_BYTES, fields, strict=False) if (rate := _rate(field)) is not None
    }
    if not rates:
        raise DataError("answer to 62h holds no VAT rate")
    return Rates(rates)


def _fields(data: bytes) -> list[bytes]:
    """At least one, without blanks around them; an empty last one is only the closing `;`."""
    fields = [field.strip(b" ") for field in data.split(b";")]
    return fields[:-1] if len(fields) > 1 and not fields[-1] else fields


def _register(data: bytes, which: bytes) -> list[bytes]:
    fields = _fields(data)
    if fields[0] != which or len(fields) < 2:
        raise DataError(f"answer to 6Eh {which.decode()} is of another register")
    return fields[1:]


def _money(field: bytes, command: str) -> Cents:
    """Without a point it is cents: so do some devices answer 6Eh (erpnet/ErpNet.FP, BgZfpFiscalPrinter.cs)."""
    found = _MONEY.fullmatch(field)
    if found is None:
        raise DataError(f"answer to {command} holds no amount where one belongs")
    sign, whole, decimals = found.groups()
    cents = int(whole) if decimals is None else int(whole) * 100 + int(decimals.ljust(2, b"0"))
    return -cents if sign == b"-" else cents


def _rate(field: bytes) -> BasisPoints | None:
    found = _RATE.fullmatch(field)
    return None if found is None else int(found[1]) * 100 + int((found[2] or b"").ljust(2, b"0"))


def _number(field: bytes, command: str) -> str:
    if _NUMBER.fullmatch(field) is None:
        raise DataError(f"answer to {command} holds no number where one belongs")
    return field.decode("ascii")


def _flag(fields: list[bytes], at: int, command: str) -> bool:
    if at >= len(fields) or fields[at] not in (b"0", b"1"):
        raise DataError(f"field {at + 1} of the answer to {command} is neither 0 nor 1")
    return fields[at] == b"1"
