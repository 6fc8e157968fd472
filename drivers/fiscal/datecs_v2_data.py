"""The DATA of Datecs version 2: fields that each end with a TAB, the first of an answer being an error code. Pure.

A command was carried out when its code is 0, and was not when it is negative, whatever the status bits say: a device
has answered a payment with -111016 (receipt closed) under entirely clean bits (ErpNet.FP, issue 135).
Money has two decimals with a point, quantities three. A device that is set to whole units ("decimal point" 0) writes
sums without the point: those are refused, not guessed.
Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, "Message composition" and the named command.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from drivers.contract.printer import BasisPoints, Cents, Thousandths
from drivers.fiscal.said import DataError

TAB = b"\t"
VAT_LETTERS = "ABCDEFGH"

_CODE = re.compile(rb"0|-[1-9][0-9]{0,8}")
_MONEY = re.compile(rb"([+-]?)([0-9]{1,10})\.([0-9]{2})")
_ZERO = re.compile(rb"[+-]?0")
_NUMBER = re.compile(rb"[0-9]{1,10}")
_RATE = re.compile(rb"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_TIME = re.compile(rb"([0-9]{2})-([0-9]{2})-(?:20)?([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})(?: DST)?")
_ISO_TIME = re.compile(r"20([0-9]{2})-([0-9]{2})-([0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})")
_DISABLED = 10_000
"""Basis points: 100.00 is how a VAT letter that is not in use is written."""


class Reply(msgspec.Struct, frozen=True):
    """An answer's DATA: its error code and the fields behind it."""

    code: int
    fields: tuple[bytes, ...]


def fields(*values: bytes | str) -> bytes:
    """DATA of a request. Raises `ValueError` when a value holds a control character: a TAB would end the field."""
    encoded = [value.encode("ascii") if isinstance(value, str) else value for value in values]
    if any(byte < 0x20 for value in encoded for byte in value):
        raise ValueError("a field holds a control character")
    return b"".join(value + TAB for value in encoded)


def quantity(thousandths: Thousandths) -> str:
    """`2000` as `2.000`."""
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def written_time(device_time: str, *, summer: bool = False) -> str:
    """`2026-11-27T10:02:41` as `27-11-26 10:02:41`, with ` DST` when `summer`. Raises `ValueError`."""
    found = _ISO_TIME.fullmatch(device_time)
    if found is None:
        raise ValueError("not of the form 20YY-MM-DDThh:mm:ss")
    datetime.fromisoformat(device_time)
    year, month, day, time = found.groups()
    return f"{day}-{month}-{year} {time}" + (" DST" if summer else "")


def reply(data: bytes) -> Reply:
    """Raises `DataError` when there is no error code, as where a command is not known and only the bits say so."""
    parts = data.split(TAB)
    if parts[-1] == b"":
        parts.pop()
    if not parts or _CODE.fullmatch(parts[0]) is None:
        raise DataError("the answer does not begin with an error code")
    return Reply(int(parts[0]), tuple(parts[1:]))


def field(told: Reply, at: int, what: str) -> bytes:
    """The field behind the code, counted from 1 as the documents do. Raises `DataError`."""
    if len(told.fields) < at:
        raise DataError(f"the answer has no field {at} ({what})")
    return told.fields[at - 1]


def cents(told: Reply, at: int, what: str) -> Cents:
    """A sum of money. Raises `DataError`."""
    text = field(told, at, what)
    if _ZERO.fullmatch(text):
        return 0
    found = _MONEY.fullmatch(text)
    if found is None:
        raise DataError(f"field {at} ({what}) is no sum with two decimals")
    value = int(found[2]) * 100 + int(found[3])
    return -value if found[1] == b"-" else value


def numeral(told: Reply, at: int, what: str) -> str:
    """A number as the device writes it. Raises `DataError`."""
    text = field(told, at, what)
    if _NUMBER.fullmatch(text) is None:
        raise DataError(f"field {at} ({what}) is no number")
    return text.decode("ascii")


def read_time(told: Reply, at: int, what: str) -> str:
    """Date and time with a year of two or four digits, as `2026-11-27T10:02:41`. Raises `DataError`."""
    found = _TIME.fullmatch(field(told, at, what))
    if found is None:
        raise DataError(f"field {at} ({what}) is no date and time")
    day, month, year, time = (part.decode("ascii") for part in found.groups())
    device_time = f"20{year}-{month}-{day}T{time}"
    try:
        datetime.fromisoformat(device_time)
    except ValueError as error:
        raise DataError(f"field {at} ({what}) is no date and time: {error}") from error
    return device_time


def read_rates(told: Reply) -> dict[str, BasisPoints]:
    """50: the rates of the letters that are in use. Raises `DataError`."""
    rates = {}
    for at, letter in enumerate(VAT_LETTERS, 2):
        found = _RATE.fullmatch(field(told, at, f"rate {letter}"))
        if found is None:
            raise DataError(f"field {at} (rate {letter}) is no rate")
        rate = int(found[1]) * 100 + int((found[2] or b"").ljust(2, b"0"))
        if rate < _DISABLED:
            rates[letter] = rate
    return rates
