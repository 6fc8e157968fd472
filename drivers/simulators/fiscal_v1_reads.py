"""The commands of Datecs version 1 that only read: what they answer. `data` is the command's DATA as text.

Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, and group B, v2.04BG, the command named by
its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from drivers.simulators.fiscal_device import LETTERS
from drivers.simulators.fiscal_model import Refused, Stage, Why
from drivers.simulators.fiscal_paper import Kind, money
from drivers.simulators.fiscal_v1 import V1

_RECORD = re.compile(r"W,(\d{1,7})")
_BY_NUMBER = re.compile(r"0,(\d{1,7}),0")
_KINDS_B = {Kind.SALE: "1", Kind.Z: "2", Kind.CASH: "3", Kind.X: "5", Kind.REVERSAL: "8"}
_STORNO_TYPES = {"error": "1", "refund": "2", "tax_base": "3"}


def bad() -> Refused:
    """DATA is not the command's."""
    return Refused(Why.SYNTAX)


def last_error(wire: V1, data: str) -> bytes:
    if data == "CLEAR":
        wire.last_error = ""
    return (wire.last_error or "0,0,01-01-00 00:00:00,").encode("ascii")


def clock(wire: V1, data: str) -> bytes:
    return wire.device.now.strftime("%d-%m-%y %H:%M:%S").encode("ascii")


def last_z_a(wire: V1, data: str) -> bytes:
    last_day = wire.device.memory.last_day
    return _last_z(wire, data.lstrip("*"), last_day.sold_vat, "%d%m%y%H%M%S" if data.startswith("*") else "%d%m%y")


def last_z_b(wire: V1, data: str) -> bytes:
    return _last_z(wire, data, wire.device.memory.last_day.returned, "%d%m%y")


def _last_z(wire: V1, option: str, second: Mapping[str, int], form: str) -> bytes:
    memory = wire.device.memory
    if option not in ("", "0", "1"):
        raise bad()
    if not memory.z_number:
        return b"F"
    sums = groups(second if option == "1" else memory.last_day.sold, "+013")
    date = datetime.fromisoformat(memory.z_time).strftime(form)
    return f"P,{memory.z_number:04},{sums},{date}".encode("ascii")


def day_a(wire: V1, data: str) -> bytes:
    day = wire.device.memory.day
    return _day({"": day.sold, "0": day.sold, "1": day.sold_vat}, data)


def day_b(wire: V1, data: str) -> bytes:
    day = wire.device.memory.day
    if data in ("4", "7"):
        means = day.paid if data == "4" else day.paid_back
        return ",".join(f"{means.get(name, 0):+013}" for name in wire.group.letters.values()).encode("ascii")
    sums = {"": day.sold, "0": day.sold, "1": day.sold_vat, "5": day.returned, "6": day.returned_vat}
    return _day(sums, data)


def _day(sums: Mapping[str, Mapping[str, int]], option: str) -> bytes:
    if option not in sums:
        raise bad()
    return groups(sums[option], "+013").encode("ascii")


def free(wire: V1, data: str) -> bytes:
    return f"{3650 - wire.device.memory.z_number:04},3650".encode("ascii")


def status(wire: V1, data: str) -> bytes:
    if data not in ("", "W", "X"):
        raise bad()
    return wire.status()


def transaction(wire: V1, data: str) -> bytes:
    memory = wire.device.memory
    receipt = memory.receipt
    fiscal = receipt is not None and receipt.stage is not Stage.SLIP
    items, amount, paid = (memory.items, memory.amount, memory.paid)
    if receipt is not None and fiscal:
        items, amount, paid = receipt.items, receipt.total, receipt.paid
    told = f"{int(receipt is not None)},{items:04},{amount:+010}"
    return (told + (f",{paid:+010}" if data == "T" else "")).encode("ascii")


def last_z_date(wire: V1, data: str) -> bytes:
    memory = wire.device.memory
    if not memory.z_number:
        return b"F"
    return datetime.fromisoformat(memory.z_time).strftime("%d-%m-%Y" + (" %H:%M:%S" * (data == "T"))).encode("ascii")


def identify(wire: V1, data: str) -> bytes:
    model = wire.device.model
    check = "2A4F" if data.endswith("1") else "FFFF"
    return f"{model.name},{model.firmware},{check},00000000,{model.serial},{model.fiscal_memory}".encode("ascii")


def rates(wire: V1, data: str) -> bytes:
    """A letter that is not in use is `DT`, as at command 50 of group B."""
    rates = wire.device.rates
    told = [f"{rates[a] // 100}.{rates[a] % 100:02}" if a in rates else "DT" for a in LETTERS]
    return ",".join(told).encode("ascii")


def tax_number(wire: V1, data: str) -> bytes:
    return f"{wire.device.model.tax_number},VAT".encode("ascii")


def receipt_a(wire: V1, data: str) -> bytes:
    memory = wire.device.memory
    sums = memory.receipt.groups if memory.receipt is not None else {}
    return f"{int(any(sums.values()))},{groups(sums, '09')},0,0000000001".encode("ascii")


def receipt_b(wire: V1, data: str) -> bytes:
    memory = wire.device.memory
    reversal = memory.receipt.reversed if memory.receipt is not None else None
    kind = _STORNO_TYPES[reversal.reason] if reversal is not None else "0"
    return b"P," + receipt_a(wire, data) + f",{kind}".encode("ascii")


def payments_a(wire: V1, data: str) -> bytes:
    memory, paid = wire.device.memory, wire.device.memory.day.paid
    names = ("cash", "credit", "card", "cheque", "reserved1", "reserved2", "reserved3", "reserved4")
    told = [*(f"{paid.get(name, 0):09}" for name in names), f"{memory.z_number:04}", f"{memory.day.sales + 1:04}"]
    if data == "*":
        more = ("coupon", "external_coupon", "packaging", "internal", "damage", "bank")
        told += [f"{paid.get(name, 0):09}" for name in more]
    return ",".join(told).encode("ascii")


def payments_b(wire: V1, data: str) -> bytes:
    if data not in ("", "0", "1"):
        raise bad()
    memory = wire.device.memory
    paid = memory.day.paid_back if data == "1" else memory.day.paid
    names = ("cash", "credit", "card", "health_fund", "voucher", "coupon", "", "")
    told = [*(f"{paid.get(name, 0):09}" for name in names), f"{memory.z_number:04}", f"{memory.day.sales + 1:04}"]
    return ("P," + ",".join(told)).encode("ascii")


def number(wire: V1, data: str) -> bytes:
    return f"{wire.device.memory.number:07}".encode("ascii")


def journal_a(wire: V1, data: str) -> bytes:
    """119: of all its classes the two that tell a document's record, line by line."""
    if data != "w":
        found = _RECORD.fullmatch(data)
        if found is None:
            raise bad()
        wire.journal = list(_record(wire, int(found[1])))
    return (wire.journal.pop(0) if wire.journal else "F").encode("ascii", "replace")


def _record(wire: V1, number: int) -> Iterator[str]:
    try:
        document = wire.device.document(number)
    except Refused:
        return
    if document.kind not in (Kind.SALE, Kind.REVERSAL):
        yield "*,"
        return
    kind = "4" if document.closed == "cancelled" else "2" if document.kind is Kind.REVERSAL else "0"
    yield f"U,,1,1,{kind},{int(document.number)}"
    yield "V,1,2," + ",".join(f"{wire.device.rates.get(letter, 0) / 100:.2f}" for letter in LETTERS)
    for group in document.vat:
        price = money(group.gross)
        yield f"R,{LETTERS.index(group.letter) + 1},0.00,{price},1.000,0.00,{price},D, 31-12-2099"
    yield f"T,0,0.00,0,0.00,0,0.00,{len(document.vat)},{money(document.total_cents)}," + ",".join(["0.00"] * 8)
    yield f"P,{money(sum(cents for _, cents in document.payments))}," + ",".join(["0.00"] * 14)
    began = datetime.fromisoformat(document.device_time)
    yield f"D,{began:%d-%m-%Y %H:%M:%S},{began + timedelta(seconds=3):%d-%m-%Y %H:%M:%S}"
    yield "*,"


def document_b(wire: V1, data: str) -> bytes:
    """125: of all its options the one that looks for a document."""
    found = _BY_NUMBER.fullmatch(data)
    if found is None:
        raise bad()
    try:
        document = wire.device.document(int(found[1]))
    except Refused:
        return b"F"
    when = datetime.fromisoformat(document.device_time).strftime("%d-%m-%y %H:%M:%S")
    kind = "6" if document.closed == "cancelled" else _KINDS_B.get(document.kind, "6")
    return f"P,{int(document.number)},{when},{kind},{document.z_number}".encode("ascii")


def drawer(wire: V1, data: str) -> bytes:
    return b""


def counters(wire: V1) -> bytes:
    """All documents and fiscal receipts since the last Z report, with the one that is open."""
    memory = wire.device.memory
    is_open = memory.receipt is not None
    fiscal = is_open and wire.device.stage is not Stage.SLIP
    return f"{memory.day.documents + is_open:04},{memory.day.sales + memory.day.reversals + fiscal:04}".encode("ascii")


def groups(sums: Mapping[str, int], form: str) -> str:
    return ",".join(format(sums.get(letter, 0), form) for letter in LETTERS)
