"""The commands of Tremol's ZFP: what their DATA says and what is answered.

Not there: articles and departments of the device's own, invoices, electronic receipts, the journal (but for what stands
in a receipt's code), customer data and what sets a device up. They answer as unknown commands do.
Source: Tremol, Communication Protocol, BG, v1910211454, the command named by its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from drivers.simulators import fiscal_zfp_reads as reads
from drivers.simulators.fiscal_clock import iso, read
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import Act, Refused, Stage, Why
from drivers.simulators.fiscal_paper import money
from drivers.simulators.fiscal_zfp import Handler, Zfp, group_of

_SALE = re.compile(
    rb"(?P<price>-?[0-9.]{1,10})(?:\*(?P<quantity>[0-9.]{1,10}))?"
    rb"(?:,(?P<percent>-?[0-9.]{1,6})%?)?(?::(?P<sum>-?[0-9.]{1,8}))?"
)
_SUBTOTAL = re.compile(rb"(?P<print>[01]);[01](?::(?P<sum>-?[0-9.]{1,8}))?(?:,(?P<percent>-?[0-9.]{1,6})%?)?")
_NUMBER = re.compile(rb"(?P<sign>[+-]?)(?P<whole>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,3}))?")
_URN = re.compile(rb"[0-9A-Za-z-]{1,24}")
_REASONS = {b"0": "error", b"1": "refund", b"2": "tax_base"}


def _scaled(field: bytes | None, places: int) -> int:
    """A number with at most so many decimals, as a whole number of the smallest part."""
    if field is None:
        return 0
    found = _NUMBER.fullmatch(field)
    if found is None or len(found["fraction"] or b"") > places:
        raise reads.bad()
    value: int = int(found["whole"]) * 10**places + int((found["fraction"] or b"0").ljust(places, b"0"))
    return -value if found["sign"] == b"-" else value


def _who(fields: list[bytes]) -> tuple[int, str]:
    if len(fields) < 2 or not fields[0].isdigit() or not 1 <= len(fields[0]) <= 2 or not 1 <= len(fields[1]) <= 6:
        raise reads.bad()
    return int(fields[0]), fields[1].decode("ascii", "replace")


# Receipt -----------------------------------------------------------------------------------------------------


def _open_act(wire: Zfp, data: bytes) -> Act:
    return Act.REVERSE if data.split(b";")[4:5] in ([b"@"], [b"B"], [b"D"]) else Act.OPEN


def _open(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    operator, password = _who(fields)
    if len(fields) < 5 or fields[2] not in (b"0", b"1") or fields[3] not in (b"0", b"1"):
        raise reads.bad()
    if _open_act(wire, data) is Act.REVERSE:
        wire.device.reverse(operator, password, "1", _reversed(fields[5:]))
        wire.postponed = fields[4] != b"@"
        return b""
    kind, dollar, number = fields[4].partition(b"$")
    if len(fields) != 5 or kind not in (b"0", b"2", b"4") or (dollar and not _URN.fullmatch(number)):
        raise reads.bad()
    wire.device.open(operator, password, "1", sale_number=number.decode("ascii"))
    wire.postponed = kind != b"0"
    return b""


def _reversed(fields: list[bytes]) -> Reversed:
    if len(fields) not in (4, 5) or fields[0] not in _REASONS or not re.fullmatch(rb"[0-9]{1,6}", fields[1]):
        raise reads.bad()
    if not re.fullmatch(rb"[0-9A-Za-z]{8}", fields[3]) or (len(fields) == 5 and not _URN.fullmatch(fields[4])):
        raise reads.bad()
    try:
        when = iso(read(fields[2].decode("ascii", "replace")))
    except ValueError:
        raise reads.bad() from None
    return Reversed(fields[1].decode().zfill(7), _REASONS[fields[0]], when, fields[3].decode())


def _sale(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    if len(fields) != 3 or len(fields[0]) != 36:
        raise reads.bad()
    found = _SALE.fullmatch(fields[2])
    if found is None or (found["percent"] and found["sum"]):
        raise reads.bad()
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
        raise reads.bad()
    told = wire.device.subtotal(
        percent=_scaled(found["percent"], 2), amount=_scaled(found["sum"], 2), printed=found["print"] == b"1"
    )
    return money(told.cents).encode("ascii")


def _pay(wire: Zfp, data: bytes) -> bytes:
    """Without change: what is more than due is not taken."""
    fields = data.split(b";")
    if len(fields) not in (3, 4) or not fields[0].isdigit() or int(fields[0]) >= len(reads.PAYMENTS):
        raise reads.bad()
    if fields[1] not in (b"0", b"1") or fields[3:4] not in ([], [b"0"], [b"1"], [b"2"]):
        raise reads.bad()
    cents = None if fields[2] == b'"' else _scaled(fields[2], 2)
    if cents is not None and cents < 0:
        raise reads.bad()
    receipt = wire.device.memory.receipt
    if fields[1] == b"1" and cents is not None and receipt is not None:
        cents = min(cents, receipt.due)
    wire.device.pay(reads.PAYMENTS[int(fields[0])], cents)
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
        raise reads.bad()
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
        raise reads.bad()
    wire.device.report(z=data == b"Z")
    return b""


def _cash(wire: Zfp, data: bytes) -> bytes:
    fields = data.split(b";")
    who = _who(fields)
    if len(fields) not in (4, 5) or fields[2] != b"0":
        raise reads.bad()
    cents = _scaled(fields[3].partition(b"$")[0], 2)
    if not cents:
        raise Refused(Why.ZERO_PAYMENT)
    wire.device.move_cash(cents, who)
    return b""


def _set_clock(wire: Zfp, data: bytes) -> bytes:
    try:
        when = read(data.decode("ascii", "replace"))
    except ValueError:
        raise reads.bad() from None
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


def _read(do: Callable[[Zfp, bytes], bytes]) -> Handler:
    return Handler(Act.READ, do, acknowledged=False)


COMMANDS: Mapping[int, Handler] = {
    0x20: _read(reads.status), 0x21: _read(reads.version), 0x29: Handler(Act.DRAWER, _nothing),
    0x2A: Handler(Act.DRAWER, _nothing), 0x2B: Handler(Act.FEED, _feed), 0x2E: Handler(Act.OPEN_SLIP, _open_slip),
    0x2F: Handler(Act.CLOSE_SLIP, _close_slip), 0x30: Handler(_open_act, _open), 0x31: Handler(Act.SELL, _sale),
    0x33: Handler(Act.SUBTOTAL, _subtotal, acknowledged=False), 0x35: Handler(Act.PAY, _pay),
    0x36: Handler(Act.CLOSE, _pay_and_close), 0x37: Handler(_text_act, _text), 0x38: Handler(_close_act, _close),
    0x39: Handler(Act.CANCEL, _cancel), 0x3A: Handler(Act.COPY, _copy), 0x3B: Handler(Act.CASH, _cash),
    0x48: Handler(Act.SET_CLOCK, _set_clock), 0x60: _read(reads.numbers), 0x61: _read(reads.registration),
    0x62: _read(reads.rates), 0x68: _read(reads.clock), 0x6D: _read(reads.sums), 0x6E: _read(reads.registers),
    0x71: _read(reads.number), 0x72: _read(reads.receipt), 0x73: _read(reads.last_report),
    0x7C: Handler(_report_act, _report),
}  # fmt: skip
