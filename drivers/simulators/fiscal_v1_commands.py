"""The commands of Datecs version 1, groups A and B: what a DATA says and what is answered.

Not there: departments, programmed articles, invoices, what the journal tells beside the record of a document, and what
sets a device up. They answer as unknown commands do.
Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, and group B, v2.04BG, the command named by
its number; "StornoParams_English" for 46.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from drivers.simulators import fiscal_v1_reads as reads
from drivers.simulators.fiscal_clock import iso, read
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import Act
from drivers.simulators.fiscal_v1 import GROUP_A, GROUP_B, V1, Handler

_SALE = re.compile(
    r"(?P<text>[^\t]*)\t(?P<vat>[A-H])(?P<void>-?)(?P<price>\d{1,8}(?:\.\d{1,2})?)"
    r"(?:\*(?P<quantity>\d{1,8}(?:\.\d{1,3})?)(?P<unit>#[^,;]{1,8})?)?"
    r"(?:,(?P<percent>[+-]?\d{1,2}(?:\.\d{1,2})?)|;(?P<sum>[+-]?\d{1,8}(?:\.\d{1,2})?))?"
)
_PAY = re.compile(r"[^\t]*\t(?:(?P<mode>[A-Za-z])?\+?(?P<amount>\d{1,8}(?:\.\d{1,2})?))?(?:\*(?:1|12))?")
_SUBTOTAL = re.compile(
    r"(?P<print>[01])[01](?:,(?P<percent>[+-]?\d{1,2}(?:\.\d{1,2})?)|;(?P<sum>[+-]?\d{1,8}(?:\.\d{1,2})?))?"
)
_UNP = re.compile(r"[0-9A-Za-z]{8}-[0-9A-Za-z]{4}-\d{7}")
_OPERATOR = re.compile(r"\d{1,2}")
_PASSWORD = re.compile(r"\d{1,8}")
_TILL = re.compile(r"[1-9]\d{0,4}")
_CASH = re.compile(r"(?P<sign>[+-]?)(?P<amount>\d{1,8}(?:\.\d{1,2})?)")
_STORNO_A = re.compile(r"(?P<type>[ERT])(?P<number>\d{1,7})")
_STYLE = re.compile(r"\t[0-3][BHI]{0,3}")
_REASONS = {"E": "error", "R": "refund", "T": "tax_base", "0": "error", "1": "refund", "2": "tax_base"}
_STORNO_TYPES = {"error": "1", "refund": "2", "tax_base": "3"}


def _hundredths(text: str | None) -> int:
    """Money or a percentage with at most two decimals: cents, or hundredths of a percent."""
    return _scaled(text, 2)


def _scaled(text: str | None, places: int) -> int:
    if not text:
        return 0
    whole, _, fraction = text.lstrip("+-").partition(".")
    value: int = int(whole) * 10**places + int(fraction.ljust(places, "0") or 0)
    return -value if text.startswith("-") else value


def _login(fields: list[str]) -> tuple[int, str]:
    if len(fields) < 3 or not _OPERATOR.fullmatch(fields[0]) or not _PASSWORD.fullmatch(fields[1]):
        raise reads.bad()
    return int(fields[0]), fields[1]


def _till(field: str) -> str:
    if not _TILL.fullmatch(field):
        raise reads.bad()
    return field


# Receipt -----------------------------------------------------------------------------------------------------


def _open_act(data: str) -> Act:
    return Act.READ if data in ("", "*") else Act.OPEN


def _open_a(wire: V1, data: str) -> bytes:
    last = wire.device.memory.last_receipt
    if data == "":
        return wire.device.memory.sale_number[-7:].rjust(7, "0").encode("ascii")
    if data == "*":
        return f"{last.number if last is not None else '0000000'},{wire.device.memory.sale_number}".encode("ascii")
    fields = data.split(",")
    operator, password = _login(fields)
    unp = fields[-1] if len(fields) > 3 and _UNP.fullmatch(fields[-1]) else ""
    if fields[3 : -1 if unp else None] not in ([], ["I"]):
        raise reads.bad()
    wire.device.open(operator, password, _till(fields[2]), sale_number=unp)
    return reads.counters(wire)


def _open_b(wire: V1, data: str) -> bytes:
    fields = data.split(",")
    operator, password = _login(fields)
    unp = fields[2] if _UNP.fullmatch(fields[2]) else ""
    rest = fields[3:] if unp else fields[2:]
    if not rest or rest[1:] not in ([], ["I"]):
        raise reads.bad()
    wire.device.open(operator, password, _till(rest[0]), sale_number=unp)
    return reads.counters(wire)


def _storno_a(wire: V1, data: str) -> bytes:
    fields, _, _reason = data.partition("#")
    parts = fields.split(",")
    operator, password = _login(parts)
    at = next((at for at, field in enumerate(parts[3:], 3) if _STORNO_A.fullmatch(field)), None)
    if at is None or not all(_UNP.fullmatch(field) or re.fullmatch(r"I\d{1,10}", field) for field in parts[3:at]):
        raise reads.bad()
    found = _STORNO_A.fullmatch(parts[at])
    what, rest = (found["type"], found["number"]) if found is not None else ("", ""), parts[at + 1 :]
    if not rest:
        wire.device.reverse_whole(operator, password, _till(parts[2]), Reversed(what[1], _REASONS[what[0]]))
        return reads.counters(wire)
    if len(rest) != 3 or not (rest[0] == "" or _UNP.fullmatch(rest[0])):
        raise reads.bad()
    reversed_ = Reversed(what[1], _REASONS[what[0]], _compact_time(rest[1]), _digits(rest[2], 8))
    unp = next((field for field in parts[3:at] if _UNP.fullmatch(field)), "")
    wire.device.reverse(operator, password, _till(parts[2]), reversed_, sale_number=unp)
    return reads.counters(wire)


def _storno_b(wire: V1, data: str) -> bytes:
    parts = data.split(",")
    operator, password = _login(parts)
    if len(parts) not in (8, 11) or not (parts[2] == "" or _UNP.fullmatch(parts[2])) or parts[4] not in ("0", "1", "2"):
        raise reads.bad()
    reversed_ = Reversed(_digits(parts[5], 7), _REASONS[parts[4]], _compact_time(parts[6]), _digits(parts[7], 8))
    wire.device.reverse(operator, password, _till(parts[3]), reversed_, sale_number=parts[2])
    day = wire.device.memory.day
    return f"{day.documents + 1:04},{day.reversals + 1:04}".encode("ascii")


def _digits(text: str, most: int) -> str:
    if not text.isascii() or not text.isdigit() or len(text) > most:
        raise reads.bad()
    return text


def _compact_time(text: str) -> str:
    """`DDMMYYhhmm` with or without seconds."""
    try:
        return iso(read(text))
    except ValueError:
        raise reads.bad() from None


def _sale(wire: V1, data: str) -> bytes:
    found = _SALE.fullmatch(data)
    if found is None or (found["unit"] and not wire.group.units):
        raise reads.bad()
    texts = found["text"].split("\n")
    if len(texts) > 2 or any(len(part.encode(wire.encoding, "replace")) > wire.group.line_bytes for part in texts):
        raise reads.bad()
    wire.device.sell(
        " ".join(texts), found["vat"], _hundredths(found["price"]), _scaled(found["quantity"] or "1", 3),
        percent=_hundredths(found["percent"]), amount=_hundredths(found["sum"]), void=bool(found["void"]),
    )  # fmt: skip
    return b""


def _subtotal(wire: V1, data: str) -> bytes:
    found = _SUBTOTAL.fullmatch(data)
    if found is None:
        raise reads.bad()
    told = wire.device.subtotal(
        percent=_hundredths(found["percent"]), amount=_hundredths(found["sum"]), printed=found["print"] == "1"
    )
    return f"{told.cents:09},{reads.groups(told.groups, '09')}".encode("ascii")


def _pay(wire: V1, data: str) -> bytes:
    found = _PAY.fullmatch(data)
    if found is None or (found["mode"] or "P") not in wire.group.letters:
        raise reads.bad()
    amount = _hundredths(found["amount"]) if found["amount"] else None
    due = wire.device.pay(wire.group.letters[found["mode"] or "P"], amount)
    return f"{'D' if due > 0 else 'R'}{abs(due):07}".encode("ascii")


def _text(wire: V1, data: str) -> bytes:
    text = _STYLE.sub("", data, count=1) if data.startswith("\t") and wire.group.styles else data
    wire.device.text(text.replace("\t", " ").replace("\n", " ")[: wire.group.note_bytes])
    return b""


def _close(wire: V1, data: str) -> bytes:
    _empty(data)
    wire.device.close()
    return reads.counters(wire)


def _cancel(wire: V1, data: str) -> bytes:
    _empty(data)
    wire.device.cancel()
    return b""


# Slips, reports, cash, clock ---------------------------------------------------------------------------------


def _open_slip(wire: V1, data: str) -> bytes:
    _empty(data)
    wire.device.open_slip()
    return reads.counters(wire)[:4]


def _slip_text(wire: V1, data: str) -> bytes:
    wire.device.slip_text(data.replace("\t", " ").replace("\n", " "))
    return b""


def _close_slip(wire: V1, data: str) -> bytes:
    _empty(data)
    wire.device.close_slip()
    return reads.counters(wire)[:4]


def _report_act(data: str) -> Act:
    return Act.X if data.startswith("2") else Act.Z


def _report(wire: V1, data: str) -> bytes:
    """Without DATA it is the Z report."""
    if data.rstrip("N" if wire.group.keeps else "") not in ("", "0", "2"):
        raise reads.bad()
    day = wire.device.memory.day
    document = wire.device.report(z=_report_act(data) is Act.Z)
    return f"{document.z_number:04},{sum(day.sold.values()):+013},{reads.groups(day.sold, '+013')}".encode("ascii")


def _cash_act(data: str) -> Act:
    return Act.READ if data.strip("+-0.") == "" else Act.CASH


def _cash(wire: V1, data: str) -> bytes:
    found = _CASH.fullmatch(data)
    if data and found is None:
        raise reads.bad()
    if found is not None and (cents := _hundredths(data)):
        wire.device.move_cash(cents)
    memory = wire.device.memory
    return f"P,{memory.cash:09},{memory.day.cash_in:09},{memory.day.cash_out:09}".encode("ascii")


def _set_clock(wire: V1, data: str) -> bytes:
    try:
        when = read(data)
    except ValueError:
        raise reads.bad() from None
    wire.device.set_clock(when)
    return b""


def _copy(wire: V1, data: str) -> bytes:
    if data != "1":
        raise reads.bad()
    wire.device.copy()
    return b""


def _feed(wire: V1, data: str) -> bytes:
    wire.device.feed()
    return b""


def _empty(data: str) -> None:
    if data:
        raise reads.bad()


_BOTH: Mapping[int, Handler] = {
    38: Handler(Act.OPEN_SLIP, _open_slip), 39: Handler(Act.CLOSE_SLIP, _close_slip),
    42: Handler(Act.SLIP_TEXT, _slip_text), 44: Handler(Act.FEED, _feed), 45: Handler(Act.FEED, _feed),
    49: Handler(Act.SELL, _sale), 51: Handler(Act.SUBTOTAL, _subtotal), 52: Handler(Act.SELL, _sale),
    53: Handler(Act.PAY, _pay), 54: Handler(Act.TEXT, _text), 56: Handler(Act.CLOSE, _close),
    60: Handler(Act.CANCEL, _cancel), 61: Handler(Act.SET_CLOCK, _set_clock), 62: Handler(Act.READ, reads.clock),
    68: Handler(Act.READ, reads.free),
    69: Handler(_report_act, _report), 70: Handler(_cash_act, _cash), 74: Handler(Act.READ, reads.status),
    76: Handler(Act.READ, reads.transaction), 86: Handler(Act.READ, reads.last_z_date),
    90: Handler(Act.READ, reads.identify), 97: Handler(Act.READ, reads.rates),
    99: Handler(Act.READ, reads.tax_number), 106: Handler(Act.DRAWER, reads.drawer),
    109: Handler(Act.COPY, _copy), 113: Handler(Act.READ, reads.number),
}  # fmt: skip
COMMANDS_A: Mapping[int, Handler] = {
    **_BOTH, 32: Handler(Act.READ, reads.last_error), 46: Handler(Act.REVERSE, _storno_a),
    48: Handler(_open_act, _open_a), 64: Handler(Act.READ, reads.last_z_a), 65: Handler(Act.READ, reads.day_a),
    103: Handler(Act.READ, reads.receipt_a), 110: Handler(Act.READ, reads.payments_a),
    119: Handler(Act.READ, reads.journal_a),
}  # fmt: skip
COMMANDS_B: Mapping[int, Handler] = {
    **_BOTH, 46: Handler(Act.REVERSE, _storno_b),
    48: Handler(Act.OPEN, _open_b), 64: Handler(Act.READ, reads.last_z_b), 65: Handler(Act.READ, reads.day_b),
    103: Handler(Act.READ, reads.receipt_b), 110: Handler(Act.READ, reads.payments_b),
    125: Handler(Act.READ, reads.document_b),
}  # fmt: skip
GROUPS = {"datecs-v1": (GROUP_A, COMMANDS_A), "datecs-v1b": (GROUP_B, COMMANDS_B)}
