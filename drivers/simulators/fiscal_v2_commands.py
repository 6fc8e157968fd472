"""The commands of Datecs version 2 that do something: what their fields say and what is answered. The clock, the rates,
sums and all else that is only read: `fiscal_v2_reads`.

Not there: departments, programmed articles, invoices, pinpad, barcodes, what the journal tells beside when a document
was printed, and what sets a device up. They answer as unknown commands do.
Source: Datecs, Programmer's Manual FMP-350X, FMP-55X, FP-700X ..., v2.08, the command named by its number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from drivers.simulators import fiscal_v2_reads as reads
from drivers.simulators.fiscal_clock import iso, read
from drivers.simulators.fiscal_device import LETTERS
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import Act, Refused, Why
from drivers.simulators.fiscal_paper import money
from drivers.simulators.fiscal_v2 import V2, Handler
from drivers.simulators.fiscal_v2_reads import Fields, Told, bad, no_fields

_MONEY = re.compile(r"\d{1,9}(?:\.\d{1,2})?")
_PRICE = re.compile(r"(?P<void>-?)(?P<amount>\d{1,7}(?:\.\d{1,2})?)")
_QUANTITY = re.compile(r"\d{1,6}(?:\.\d{1,3})?")
_UNP = re.compile(r"[A-Z]{2}\d{6}-[0-9A-Za-z]{4}-\d{7}")
_STYLE = re.compile(r"[0-2]?")
_REASONS = {"0": "error", "1": "refund", "2": "tax_base"}
PAYMENTS = {"0": "cash", "1": "credit", "2": "card", "3": "other3", "4": "other4", "5": "other5"}


def _scaled(text: str, places: int) -> int:
    whole, _, fraction = text.partition(".")
    value: int = int(whole) * 10**places + int(fraction.ljust(places, "0") or 0)
    return value


def _cents(text: str) -> int:
    if not _MONEY.fullmatch(text):
        raise bad()
    return _scaled(text, 2)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not least <= int(text) <= most:
        raise bad()
    return int(text)


def _who(fields: Fields) -> tuple[int, str]:
    operator, password = fields
    if not password.isascii() or not password.isdigit() or len(password) > 8:
        raise bad()
    return _number(operator, 1, 30), password


def _change(kind: str, value: str) -> tuple[int, int]:
    """DiscountType and DiscountValue: hundredths of a percent and cents, one of them 0; a discount is negative."""
    if kind in ("", "0"):
        if value:
            raise bad()
        return 0, 0
    if kind not in ("1", "2", "3", "4") or not (amount := _cents(value)):
        raise bad()
    signed = amount if kind in ("1", "3") else -amount
    if kind in ("3", "4"):
        return 0, signed
    if amount > 9999:
        raise bad()
    return signed, 0


def _slip(wire: V2) -> Told:
    """Number of the receipt that is open, or of the last one."""
    receipt = wire.device.memory.receipt
    return (str(int(receipt.number if receipt is not None else wire.device.memory.number)),)


# Receipt -----------------------------------------------------------------------------------------------------


def _open(wire: V2, fields: Fields) -> Told:
    if len(fields) == 4:
        fields = [*fields[:2], "", *fields[2:]]
    elif len(fields) != 5 or not _UNP.fullmatch(fields[2]):
        raise bad()
    _number(fields[3], 1, 99_999)
    if fields[4] not in ("", "I"):
        raise bad()
    wire.device.open(*_who(fields[:2]), fields[3], sale_number=fields[2])
    return _slip(wire)


def _storno(wire: V2, fields: Fields) -> Told:
    fields = [*fields, ""] if len(fields) == 10 else fields  # older firmware knows no sale number
    if len(fields) != 11 or fields[3] not in _REASONS or fields[7] not in ("", "I"):
        raise bad()
    if not fields[7] and (fields[8] or fields[9]):
        raise bad()
    if fields[10] and not _UNP.fullmatch(fields[10]):
        raise bad()
    _number(fields[2], 1, 99_999)
    _number(fields[6], 0, 99_999_999)
    number = str(_number(fields[4], 1, 9_999_999))
    reversed_ = Reversed(number.zfill(7), _REASONS[fields[3]], _time(fields[5]), fields[6])
    wire.device.reverse(*_who(fields[:2]), fields[2], reversed_, sale_number=fields[10])
    return _slip(wire)


def _time(text: str) -> str:
    try:
        return iso(read(text.removesuffix(" DST")))
    except ValueError:
        raise bad() from None


def _sale(wire: V2, fields: Fields) -> Told:
    if len(fields) not in (7, 8) or not 1 <= len(fields[0]) <= 72:
        raise bad()
    name, group, price, quantity, kind, value, department, *unit = fields
    found = _PRICE.fullmatch(price)
    if found is None or not _QUANTITY.fullmatch(quantity or "1.000") or (unit and not 1 <= len(unit[0]) <= 6):
        raise bad()
    _number(department or "0", 0, 99)
    percent, amount = _change(kind, value)
    wire.device.sell(
        name, LETTERS[_number(group, 1, 8) - 1], _scaled(found["amount"], 2), _scaled(quantity or "1.000", 3),
        percent=percent, amount=amount, void=bool(found["void"]),
    )  # fmt: skip
    return _slip(wire)


def _subtotal(wire: V2, fields: Fields) -> Told:
    if len(fields) != 4 or any(flag not in ("", "0", "1") for flag in fields[:2]):
        raise bad()
    percent, amount = _change(fields[2], fields[3])
    told = wire.device.subtotal(percent=percent, amount=amount, printed=fields[0] == "1")
    return (*_slip(wire), money(told.cents), *reads.groups(told.groups))


def _pay(wire: V2, fields: Fields) -> Told:
    if len(fields) not in (2, 3) or fields[0] not in {*PAYMENTS, "6"}:
        raise bad()
    cents = _cents(fields[1])
    if fields[0] == "6":
        raise Refused(Why.NO_PAYMENT_TYPE)
    due = wire.device.pay(PAYMENTS[fields[0]], cents)
    return "D" if due > 0 else "R", money(abs(due))


def _styled(fields: Fields) -> str:
    if not 1 <= len(fields) <= 6 or not all(_STYLE.fullmatch(style) for style in fields[1:]):
        raise bad()
    return fields[0]


def _text(wire: V2, fields: Fields) -> Told:
    wire.device.text(_styled(fields))
    return ()


def _close(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    wire.device.close()
    return (str(int(wire.device.memory.last_receipt.number)),) if wire.device.memory.last_receipt is not None else ()


def _cancel(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    wire.device.cancel()
    return ()


# Slips, reports, cash, clock ---------------------------------------------------------------------------------


def _open_slip(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    wire.device.open_slip()
    return _slip(wire)


def _slip_text(wire: V2, fields: Fields) -> Told:
    wire.device.slip_text(_styled(fields))
    return ()


def _close_slip(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    return (str(int(wire.device.close_slip().number)),)


def _report_act(fields: Fields) -> Act:
    return Act.Z if fields[:1] == ["Z"] else Act.X


def _report(wire: V2, fields: Fields) -> Told:
    if fields not in (["X"], ["Z"]):
        raise bad()
    day = wire.device.memory.day
    document = wire.device.report(z=fields == ["Z"])
    return (str(document.z_number), *reads.groups(day.sold), *reads.groups(day.returned))


def _cash_act(fields: Fields) -> Act:
    return Act.READ if len(fields) > 1 and not fields[1].strip("0.") else Act.CASH


def _cash(wire: V2, fields: Fields) -> Told:
    if len(fields) != 2 or fields[0] not in ("0", "1"):
        raise bad()
    if cents := _cents(fields[1] or "0"):
        wire.device.move_cash(cents if fields[0] == "0" else -cents)
    memory = wire.device.memory
    return money(memory.cash), money(memory.day.cash_in), money(memory.day.cash_out)


def _set_clock(wire: V2, fields: Fields) -> Told:
    if len(fields) != 1:
        raise bad()
    try:
        when = read(fields[0].removesuffix(" DST"))
    except ValueError:
        raise bad() from None
    wire.device.set_clock(when)
    return ()


def _copy(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    wire.device.copy()
    return ()


def _feed(wire: V2, fields: Fields) -> Told:
    if len(fields) > 1:
        raise bad()
    _number((fields or ["1"])[0] or "1", 1, 99)
    wire.device.feed()
    return ()


def _nothing(wire: V2, fields: Fields) -> Told:
    return ()


COMMANDS: Mapping[int, Handler] = {
    38: Handler(Act.OPEN_SLIP, _open_slip), 39: Handler(Act.CLOSE_SLIP, _close_slip),
    42: Handler(Act.SLIP_TEXT, _slip_text), 43: Handler(Act.REVERSE, _storno), 44: Handler(Act.FEED, _feed),
    45: Handler(Act.READ, _nothing), 46: Handler(Act.DRAWER, _nothing), 48: Handler(Act.OPEN, _open),
    49: Handler(Act.SELL, _sale), 51: Handler(Act.SUBTOTAL, _subtotal), 53: Handler(Act.PAY, _pay),
    54: Handler(Act.TEXT, _text), 56: Handler(Act.CLOSE, _close), 60: Handler(Act.CANCEL, _cancel),
    61: Handler(Act.SET_CLOCK, _set_clock), 69: Handler(_report_act, _report), 70: Handler(_cash_act, _cash),
    106: Handler(Act.DRAWER, _nothing), 109: Handler(Act.COPY, _copy),
    **{number: Handler(Act.READ, do) for number, do in reads.COMMANDS.items()},
    74: Handler(Act.READ, reads.status, raw=True), 90: Handler(Act.READ, reads.identify, bare=reads.identify_bare),
    123: Handler(Act.READ, reads.info, bare=reads.info_bare),
}  # fmt: skip
