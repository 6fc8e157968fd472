"""The commands of Tremol's ZFP: what their DATA says and what is answered.

Not there: articles and departments of the device's own, invoices, electronic receipts, the journal, customer data and
what sets a device up. They answer as unknown commands do.
Source: Tremol, Communication Protocol, BG, v1910211454, the command named by its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from drivers.simulators.fiscal_clock import iso, read
from drivers.simulators.fiscal_device import LETTERS
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import Act, Refused, Stage, Why
from drivers.simulators.fiscal_paper import Kind, money
from drivers.simulators.fiscal_zfp import Handler, Zfp, group_of

PAYMENTS = (
    "cash", "cheque", "coupon", "external_coupon", "packaging", "internal", "damage", "card", "bank",
    "reserved1", "reserved2", "currency",
)  # fmt: skip
"""Payments 0 to 11. Their names are programmed in the device: these are those that ErpNet.FP goes by."""

_SALE = re.compile(
    rb"(?P<price>-?[0-9.]{1,10})(?:\*(?P<quantity>[0-9.]{1,10}))?"
    rb"(?:,(?P<percent>-?[0-9.]{1,6})%?)?(?::(?P<sum>-?[0-9.]{1,8}))?"
)
_SUBTOTAL = re.compile(rb"(?P<print>[01]);[01](?::(?P<sum>-?[0-9.]{1,8}))?(?:,(?P<percent>-?[0-9.]{1,6})%?)?")
_NUMBER = re.compile(rb"(?P<sign>[+-]?)(?P<whole>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,3}))?")
_URN = re.compile(rb"[0-9A-Za-z-]{1,24}")
_REASONS = {b"0": "error", b"1": "refund", b"2": "tax_base"}
_NEVER = "01-01-2000 00:00"


def _bad() -> Refused:
    return Refused(Why.SYNTAX)


def _scaled(field: bytes | None, places: int) -> int:
    """A number with at most so many decimals, as a whole number of the smallest part."""
    if field is None:
        return 0
    found = _NUMBER.fullmatch(field)
    if found is None or len(found["fraction"] or b"") > places:
        raise _bad()
    value: int = int(found["whole"]) * 10**places + int((found["fraction"] or b"0").ljust(places, b"0"))
    return -value if found["sign"] == b"-" else value


def _who(fields: list[bytes]) -> tuple[int, str]:
    if len(fields) < 2 or not fields[0].isdigit() or not 1 <= len(fields[0]) <= 2 or not 1 <= len(fields[1]) <= 6:
        raise _bad()
    return int(fields[0]), fields[1].decode("ascii", "replace")


# Receipt -----------------------------------------------------------------------------------------------------


def _open_act(wire: Zfp, data: bytes) -> Act:
    return Act.REVERSE if data.split(b";")[4:5] in ([b"@"], [b"B"], [b"D"]) else Act.OPEN


def _open(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    operator, password = _who(fields)
    if len(fields) < 5 or fields[2] not in (b"0", b"1") or fields[3] not in (b"0", b"1"):
        raise _bad()
    if _open_act(wire, data) is Act.REVERSE:
        wire.device.reverse(operator, password, "1", _reversed(fields[5:]))
        wire.postponed = fields[4] != b"@"
        return b""
    kind, dollar, number = fields[4].partition(b"$")
    if len(fields) != 5 or kind not in (b"0", b"2", b"4") or (dollar and not _URN.fullmatch(number)):
        raise _bad()
    wire.device.open(operator, password, "1", sale_number=number.decode("ascii"))
    wire.postponed = kind != b"0"
    return b""


def _reversed(fields: list[bytes]) -> Reversed:
    if len(fields) not in (4, 5) or fields[0] not in _REASONS or not re.fullmatch(rb"[0-9]{1,6}", fields[1]):
        raise _bad()
    if not re.fullmatch(rb"[0-9A-Za-z]{8}", fields[3]) or (len(fields) == 5 and not _URN.fullmatch(fields[4])):
        raise _bad()
    try:
        when = iso(read(fields[2].decode("ascii", "replace")))
    except ValueError:
        raise _bad() from None
    return Reversed(fields[1].decode().zfill(7), _REASONS[fields[0]], when, fields[3].decode())


def _sale(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    if len(fields) != 3 or len(fields[0]) != 36:
        raise _bad()
    found = _SALE.fullmatch(fields[2])
    if found is None or (found["percent"] and found["sum"]):
        raise _bad()
    price = _scaled(found["price"], 2)
    wire.device.sell(
        wire.text(fields[0]).rstrip().replace("|", " "), group_of(fields[1]), abs(price),
        _scaled(found["quantity"] or b"1", 3), percent=_scaled(found["percent"], 2), amount=_scaled(found["sum"], 2),
        void=price < 0,
    )  # fmt: skip
    return b""


def _subtotal(wire: Zfp, data: bytes) -> bytes:
    found = _SUBTOTAL.fullmatch(data)
    if found is None or (found["percent"] and found["sum"]):
        raise _bad()
    told = wire.device.subtotal(
        percent=_scaled(found["percent"], 2), amount=_scaled(found["sum"], 2), printed=found["print"] == b"1"
    )
    return money(told.cents).encode("ascii")


def _pay(wire: Zfp, data: bytes) -> bytes:
    """Without change: what is more than due is not taken."""
    fields = data.split(b";")
    if len(fields) not in (3, 4) or not fields[0].isdigit() or int(fields[0]) >= len(PAYMENTS):
        raise _bad()
    if fields[1] not in (b"0", b"1") or fields[3:4] not in ([], [b"0"], [b"1"], [b"2"]):
        raise _bad()
    cents = None if fields[2] == b'"' else _scaled(fields[2], 2)
    if cents is not None and cents < 0:
        raise _bad()
    receipt = wire.device.memory.receipt
    if fields[1] == b"1" and cents is not None and receipt is not None:
        cents = min(cents, receipt.due)
    wire.device.pay(PAYMENTS[int(fields[0])], cents)
    return b""


def _pay_and_close(wire: Zfp, data: bytes) -> bytes:
    if wire.device.stage is not Stage.PAID:
        wire.device.pay("cash")
    wire.device.close()
    return b""


def _text_act(wire: Zfp, data: bytes) -> Act:
    return Act.SLIP_TEXT if wire.device.stage is Stage.SLIP else Act.TEXT


def _text(wire: Zfp, data: bytes) -> bytes:
    text = wire.text(data[:46])
    if wire.device.stage is Stage.SLIP:
        wire.device.slip_text(text)
    else:
        wire.device.text(text)
    return b""


def _close_act(wire: Zfp, data: bytes) -> Act:
    return Act.CLOSE_SLIP if wire.device.stage is Stage.SLIP else Act.CLOSE


def _close(wire: Zfp, data: bytes) -> bytes:
    """38h closes what is open, a slip too."""
    if wire.device.stage is Stage.SLIP:
        wire.device.close_slip()
    else:
        wire.device.close()
    return b""


def _cancel(wire: Zfp, data: bytes) -> bytes:
    wire.device.cancel()
    return b""


# Slips, reports, cash, clock ---------------------------------------------------------------------------------


def _open_slip(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    who = _who(fields)
    if fields[2:] not in ([], [b"0", b"0"], [b"0", b"1"]):
        raise _bad()
    wire.device.open_slip(who)
    wire.postponed = False
    return b""


def _close_slip(wire: Zfp, data: bytes) -> bytes:
    wire.device.close_slip()
    return b""


def _report_act(wire: Zfp, data: bytes) -> Act:
    return Act.Z if data == b"Z" else Act.X


def _report(wire: Zfp, data: bytes) -> bytes:
    if data not in (b"X", b"Z"):
        raise _bad()
    wire.device.report(z=data == b"Z")
    return b""


def _cash(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    who = _who(fields)
    if len(fields) not in (4, 5) or fields[2] != b"0":
        raise _bad()
    cents = _scaled(fields[3].partition(b"$")[0], 2)
    if not cents:
        raise Refused(Why.ZERO_PAYMENT)
    wire.device.move_cash(cents, who)
    return b""


def _set_clock(wire: Zfp, data: bytes) -> bytes:
    try:
        when = read(data.decode("ascii", "replace"))
    except ValueError:
        raise _bad() from None
    wire.device.set_clock(when)
    return b""


def _copy(wire: Zfp, data: bytes) -> bytes:
    wire.device.copy()
    return b""


def _feed(wire: Zfp, data: bytes) -> bytes:
    wire.device.feed()
    return b""


def _nothing(wire: Zfp, data: bytes) -> bytes:
    return b""


# Reads -------------------------------------------------------------------------------------------------------


def _status(wire: Zfp, data: bytes) -> bytes:
    return wire.status()


def _version(wire: Zfp, data: bytes) -> bytes:
    model = wire.device.model
    return f"2;123456;27-11-2018 10:00;{model.name};{model.firmware}".encode("ascii")


def _numbers(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.model.serial};{wire.device.model.fiscal_memory}".encode("ascii")


def _registration(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.model.tax_number:13};0;000123;01-01-2026 10:00".encode("ascii")


def _rates(wire: Zfp, data: bytes) -> bytes:
    rates = (wire.device.rates.get(letter) for letter in LETTERS)
    told = (f"{rate // 100:2}.{rate % 100:02}%" if rate is not None else "*" for rate in rates)
    return ";".join(f"{rate:>7}" for rate in told).encode("ascii")


def _clock(wire: Zfp, data: bytes) -> bytes:
    return wire.device.now.strftime("%d-%m-%Y %H:%M").encode("ascii")


def _sums(wire: Zfp, data: bytes) -> bytes:
    told = []
    for sums in (wire.device.memory.day.sold, wire.device.memory.day.returned):
        told += [*(money(sums.get(letter, 0)) for letter in LETTERS), money(sum(sums.values()))]
    return ";".join(told).encode("ascii")


def _registers(wire: Zfp, data: bytes) -> bytes:
    memory, day = wire.device.memory, wire.device.memory.day
    match data:
        case b"0":
            on_hand = [memory.cash, *(day.paid.get(name, 0) - day.paid_back.get(name, 0) for name in PAYMENTS[1:])]
            told = [money(cents) for cents in on_hand]
        case b"2" | b"3":
            moved = day.cash_in if data == b"2" else day.cash_out
            told = [money(moved), *["0.00"] * (len(PAYMENTS) - 1), "1" if moved else "0"]
        case b"4":
            told = [money(day.paid.get(name, 0)) for name in PAYMENTS]
        case b"5":
            told = [str(memory.z_number), str(memory.z_number), "1", _minute(memory.z_time)]
        case _:
            raise _bad()
    return ";".join([data.decode("ascii"), *told]).encode("ascii")


def _minute(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%d-%m-%Y %H:%M") if text else _NEVER


def _number(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.memory.number:06}".encode("ascii")


def _receipt(wire: Zfp, data: bytes) -> bytes:
    memory = wire.device.memory
    if data == b"P":
        return _payments(wire)
    if data:
        raise _bad()
    receipt = memory.receipt if memory.receipt is not None and memory.receipt.kind is not Kind.SLIP else None
    if receipt is None:
        zeros = ";".join(["0.00"] * 5)
        return f"0;000;0.00;0.00;0.00;0;0;0;0;0;0;0;0.00;0;{zeros};{memory.number:06}".encode("ascii")
    groups = [money(receipt.groups.get(letter, 0)) for letter in LETTERS]
    kind = 2 * wire.postponed + 4 * (receipt.kind is Kind.REVERSAL)
    began, finished = int(bool(receipt.payments)), int(receipt.stage is Stage.PAID)
    told = [
        "1", f"{receipt.items:03}", *groups[:3], "0", "1", "1", str(began), str(finished), str(int(receipt.power_cut)),
        str(kind), money(max(0, -receipt.due)), "0", *groups[3:], receipt.number[-6:],
    ]  # fmt: skip
    return ";".join(told).encode("ascii")


def _payments(wire: Zfp) -> bytes:
    memory = wire.device.memory
    payments = memory.receipt.payments if memory.receipt is not None else memory.payments
    sums = dict.fromkeys(PAYMENTS, 0)
    for name, cents in payments:
        sums[name] = sums.get(name, 0) + cents
    told = ["P", str(int(memory.receipt is not None)), *(money(sums[name]) for name in PAYMENTS)]
    return ";".join(told).encode("ascii")


def _last_report(wire: Zfp, data: bytes) -> bytes:
    memory, last = wire.device.memory, wire.device.memory.last_receipt
    date = _minute(memory.z_time)[:10]
    when = _minute(last.device_time if last is not None else "")
    kind = "4" if last is not None and last.kind is Kind.REVERSAL else "0"
    return f"{date};{memory.z_number};0;{memory.number:06};{when};1;{kind};".encode("ascii")


def _read(do: Callable[[Zfp, bytes], bytes]) -> Handler:
    return Handler(Act.READ, do, acknowledged=False)


COMMANDS: Mapping[int, Handler] = {
    0x20: _read(_status), 0x21: _read(_version), 0x29: Handler(Act.DRAWER, _nothing),
    0x2A: Handler(Act.DRAWER, _nothing), 0x2B: Handler(Act.FEED, _feed), 0x2E: Handler(Act.OPEN_SLIP, _open_slip),
    0x2F: Handler(Act.CLOSE_SLIP, _close_slip),
    0x30: Handler(_open_act, _open), 0x31: Handler(Act.SELL, _sale),
    0x33: Handler(Act.SUBTOTAL, _subtotal, acknowledged=False), 0x35: Handler(Act.PAY, _pay),
    0x36: Handler(Act.CLOSE, _pay_and_close), 0x37: Handler(_text_act, _text), 0x38: Handler(_close_act, _close),
    0x39: Handler(Act.CANCEL, _cancel), 0x3A: Handler(Act.COPY, _copy), 0x3B: Handler(Act.CASH, _cash),
    0x48: Handler(Act.SET_CLOCK, _set_clock), 0x60: _read(_numbers), 0x61: _read(_registration), 0x62: _read(_rates),
    0x68: _read(_clock), 0x6D: _read(_sums), 0x6E: _read(_registers), 0x71: _read(_number), 0x72: _read(_receipt),
    0x73: _read(_last_report), 0x7C: Handler(_report_act, _report),
}  # fmt: skip
