"""The DATA of Datecs version 1 commands: what a request says, what an answer says. Pure.

Money on the wire: two decimals with a point in requests; in answers cents without a point, and with one in some
firmware. Quantities have three decimals. Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG,
and group B, v2.04BG, the named command.
"""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from drivers.contract.printer import BasisPoints, Cents, Thousandths
from drivers.fiscal.said import Cash, DataError, Day, DeviceClock, Document, Identity, Last, Paid, Rates, Subtotal
from drivers.fiscal.shown import money, readable

_AMOUNT = re.compile(rb"([+-]?)([0-9]{1,12})(?:\.([0-9]{2}))?")
_PAID = re.compile(rb"([DRFEI])([+-]?[0-9]{1,12}(?:\.[0-9]{2})?)?(?:,.*)?", re.DOTALL)
_RATE = re.compile(rb"([0-9]{1,2})(?:\.([0-9]{1,2}))?%?")
_OPENINGS = (b"46", b"48")
_ERROR = re.compile(rb"-[0-9]{5,7}")
_SALE_NUMBER = re.compile(r"[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-[0-9]{7}")
_NUMBER_DIGITS, _MEMORY_DIGITS = 7, 8
_CLOCK = re.compile(rb"([0-9]{2})-([0-9]{2})-(?:20)?([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})")
LETTERS = "ABCDEFGH"

NOT_PAID = {b"F": "failed", b"E": "negative subtotal", b"I": "negative tax group"}
"""First letters of an answer to 53 that say that nothing was paid."""

SUBTOTAL_SILENT = b"00"
"""51: neither on paper nor on the display."""
STATUS_AT_ONCE = b"X"
"""74: without waiting for the printing to end."""
TRANSACTION_WITH_TENDER = b"T"
"""76."""
IDENTIFY = b"1"
"""90, with the checksum of the firmware computed: the form that both versions answer."""
REPORT_X, REPORT_Z = b"2", b"0"
"""69. Never empty: that is a Z report, too."""
DAY_OVER = "-150204"
"""32: more than 24 hours since the last Z report."""
ONE_COPY = b"1"
"""109."""


# Requests --------------------------------------------------------------------------------------------------


def sale(text: bytes, vat: str, unit_cents: Cents, quantity: Thousandths, adjust_cents: Cents) -> bytes:
    """49 with a discount (negative) or surcharge as an amount. The quantity is always said: a receipt in Latvia has to
    show it even when it is 1."""
    data = f"\t{vat}{money(unit_cents)}*{quantity // 1000}.{quantity % 1000:03}"
    if adjust_cents:
        data += f";{money(adjust_cents)}"
    return text + data.encode("ascii")


def adjust(cents: Cents) -> bytes:
    """51 with an amount off or on what has been sold so far."""
    return SUBTOTAL_SILENT + f";{money(cents)}".encode("ascii")


def pay(letter: str, cents: Cents) -> bytes:
    """53 with the amount said, never "the rest": an amount that differs must be noticed."""
    return f"\t{letter}{money(cents)}".encode("ascii")


def clock(device_time: str) -> bytes:
    """61. Raises `ValueError`."""
    return datetime.fromisoformat(device_time).strftime("%d-%m-%y %H:%M:%S").encode("ascii")


def sale_number(number: str) -> str:
    """46 and 48: the unique number of the sale, empty where there is none. Raises `ValueError`: a device takes another
    form for the field that comes after it."""
    if number and _SALE_NUMBER.fullmatch(number) is None:
        raise ValueError("sale_number: the device takes none but of the form XXXXXXXX-XXXX-0000000")
    return number


def reversed_receipt(number: str, fiscal_memory: str) -> tuple[str, str]:
    """46: number and fiscal memory of the receipt that is given back. Raises `ValueError`."""
    if not number.isascii() or not number.isdigit() or len(number) > _NUMBER_DIGITS:
        raise ValueError(f"reversal.number: {number!r} is not 1 to {_NUMBER_DIGITS} digits")
    if not fiscal_memory.isascii() or not fiscal_memory.isdigit() or len(fiscal_memory) > _MEMORY_DIGITS:
        raise ValueError(f"reversal.fiscal_memory: {fiscal_memory!r} is not 1 to {_MEMORY_DIGITS} digits")
    return number, fiscal_memory


def record(number: str, part: int) -> bytes:
    """119, group A: the first line of the record of a document, then the next one each time."""
    return f"W,{int(number)}".encode("ascii") if part == 0 else b"w"


def document(number: str, part: int) -> bytes:
    """125, group B: a document of whatever kind, by its number."""
    return f"0,{int(number)},0".encode("ascii")


def reversed_time(device_time: str) -> str:
    """46: when the receipt that is given back was printed. Raises `ValueError`."""
    return datetime.fromisoformat(device_time).strftime("%d%m%y%H%M%S")


# Answers ---------------------------------------------------------------------------------------------------


def read_subtotal(data: bytes) -> Subtotal:
    """51: the sum, and those of the VAT groups where all eight are told. Raises `DataError`."""
    first, *groups = data.split(b",")
    if len(groups) != len(LETTERS) or not all(map(_AMOUNT.fullmatch, groups)):
        return Subtotal(_amount(first, "51"))
    sums = {letter: _amount(cents, "51") for letter, cents in zip(LETTERS, groups, strict=True)}
    return Subtotal(_amount(first, "51"), {letter: cents for letter, cents in sums.items() if cents})


def read_paid(data: bytes) -> Paid | str:
    """53: what is still due or given back, or why nothing was paid. The letter alone decides nothing when the amount is
    0: for an exact payment the documents name neither. Raises `DataError`."""
    found = _PAID.fullmatch(data)
    if found is None:
        raise DataError("answer to 53 is not a letter and an amount")
    if why := NOT_PAID.get(found[1]):
        return f"{why} ({readable(data)})"
    cents = abs(_amount(found[2] or b"0", "53"))
    return Paid(due_cents=cents, change_cents=0) if found[1] == b"D" else Paid(due_cents=0, change_cents=cents)


def read_transaction(data: bytes) -> tuple[bool, int, Cents, Cents]:
    """76 with `T`: whether a document is open, its lines, its sum, what is paid. Raises `DataError`."""
    fields = data.split(b",")
    if len(fields) < 4 or fields[0] not in (b"0", b"1") or not fields[1].isdigit() or len(fields[1]) > 9:
        raise DataError("answer to 76 is not open, items, amount, tender")
    return fields[0] == b"1", int(fields[1]), abs(_amount(fields[2], "76")), abs(_amount(fields[3], "76"))


def read_number(data: bytes) -> Last:
    """113: as the device writes it, leading zeros kept. Raises `DataError`."""
    if not data.isdigit() or len(data) > 12:
        raise DataError("answer to 113 is not a number")
    return Last(data.decode("ascii"))


def read_closure(data: bytes, field: int) -> Day:
    """110: the last fiscal record, in the field where this group has it. Raises `DataError`."""
    fields = data.split(b",")
    if len(fields) <= field or not fields[field].isdigit() or len(fields[field]) > 9:
        raise DataError("answer to 110 holds no number of the fiscal record where it belongs")
    return Day(z_number=fields[field].decode("ascii"))


def read_sums(data: bytes) -> Cents:
    """65: the sums of all VAT groups together. Raises `DataError`."""
    return sum(_amount(field, "65") for field in data.split(b","))


def read_report(data: bytes) -> Day | None:
    """69: the number of the fiscal record, None where the firmware leaves it out."""
    number = data.split(b",")[0]
    return Day(z_number=number.decode("ascii")) if number.isdigit() and len(number) <= 9 else None


def read_cash(data: bytes) -> Cash:
    """70, without the letter in front. Raises `DataError`."""
    return Cash(_amount(data.split(b",")[0], "70"))


def read_clock(data: bytes) -> DeviceClock:
    """62. Raises `DataError`."""
    return DeviceClock(_time(data, "62"))


def read_record(data: bytes) -> Document:
    """119, group A: a line of the record of a document. `U` names its kind and its number, `D` when it was begun, which
    is the time that is printed on it, and when it was ended. `*` and `F`: there is no more. Raises `DataError`."""
    kind, *fields = data.split(b",")
    match kind:
        case b"*" | b"F":
            return Document()
        case b"U" if len(fields) == 5:
            return _receipt(fields[4], fields[3], {b"0": False, b"2": True}, "119")
        case b"D" if len(fields) == 2:
            return Document(device_time=_time(fields[0], "119"), ended=False)
        case b"U" | b"D":
            raise DataError(f"answer to 119 {kind.decode()} has {len(fields)} fields")
        case _:
            return Document(ended=False)


def read_document(data: bytes) -> Document:
    """125, group B: number, time, kind, number of the Z report. The form of the time is not in the document: a DP-150
    has answered as to 62 (edabg/fpgate, DeviceDatecsDPV1.java). Raises `DataError`."""
    fields = data.split(b",")
    if len(fields) < 3:
        raise DataError("answer to 125 is not number, time, kind")
    found = _receipt(fields[0], fields[2], {b"1": False, b"8": True}, "125")
    return msgspec.structs.replace(found, device_time=_time(fields[1], "125"), ended=True)


def _receipt(number: bytes, kind: bytes, kinds: dict[bytes, bool], command: str) -> Document:
    """Without a number where it is of none of these kinds."""
    if not number.isdigit() or len(number) > 12:
        raise DataError(f"answer to {command} holds no number of a document where one belongs")
    if (reversal := kinds.get(kind)) is None:
        return Document(ended=False)
    return Document(number.decode("ascii"), reversal=reversal, ended=False)


def read_rates(data: bytes) -> Rates:
    """97: percent, for each letter that is in use. Raises `DataError`."""
    fields = data.split(b",")
    if len(fields) != len(LETTERS):
        raise DataError(f"answer to 97 has {len(fields)} fields, not {len(LETTERS)}")
    rates: dict[str, BasisPoints] = {}
    for letter, field in zip(LETTERS, fields, strict=True):
        if found := _RATE.fullmatch(field.strip()):
            rates[letter] = int(found[1]) * 100 + int((found[2] or b"0").ljust(2, b"0"))
    return Rates(rates)


def read_identity(data: bytes) -> Identity:
    """90. Never fails on a shape: firmware of other countries answers with other fields."""
    fields = [part.strip() for part in readable(data).split(",")]
    if len(fields) < 6:
        return Identity(fields[0])
    return Identity(fields[0], fields[1], fields[-2], fields[-1])


def read_error(data: bytes) -> str:
    """32: the code of the last error, empty when that was another command's than an opening: the device keeps it until
    the next error. Raises `DataError`."""
    fields = data.split(b",")
    code = next((field for field in fields[:2] if _ERROR.fullmatch(field)), None)
    if code is None:
        raise DataError("answer to 32 holds no code of an error")
    return "" if fields[0] != code and fields[0] not in _OPENINGS else code.decode("ascii")


def _time(data: bytes, command: str) -> str:
    found = _CLOCK.fullmatch(data)
    if found is None:
        raise DataError(f"answer to {command} is no date and time")
    day, month, year, clock = found.groups()
    told = b"20%s-%s-%sT%s" % (year, month, day, clock)
    try:
        return datetime.fromisoformat(told.decode("ascii")).isoformat()
    except ValueError as error:
        raise DataError(f"answer to {command} is no date and time: {error}") from error


def _amount(field: bytes, command: str) -> Cents:
    found = _AMOUNT.fullmatch(field)
    if found is None:
        raise DataError(f"answer to {command} holds no amount where one belongs")
    cents = int(found[2]) if found[3] is None else int(found[2]) * 100 + int(found[3])
    return -cents if found[1] == b"-" else cents
