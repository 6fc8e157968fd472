"""The commands of Tremol's ZFP that only read: what they answer. Money has two decimals.

Source: Tremol, Communication Protocol, BG, v1910211454, the command named by its number.
"""

from __future__ import annotations

import re
from datetime import datetime

from drivers.simulators.fiscal_device import LETTERS
from drivers.simulators.fiscal_model import Refused, Stage, Why
from drivers.simulators.fiscal_paper import Document, Kind, money
from drivers.simulators.fiscal_zfp import Zfp

PAYMENTS = (
    "cash", "cheque", "coupon", "external_coupon", "packaging", "internal", "damage", "card", "bank",
    "reserved1", "reserved2", "currency",
)  # fmt: skip
"""Payments 0 to 11. Their names are programmed in the device: these are those that ErpNet.FP goes by."""
_BY_NUMBER = re.compile(rb"b;([0-9]{6})")
NEVER = "01-01-2000 00:00"


def bad() -> Refused:
    """DATA is not the command's."""
    return Refused(Why.SYNTAX)


def status(wire: Zfp, data: bytes) -> bytes:
    return wire.status()


def version(wire: Zfp, data: bytes) -> bytes:
    model = wire.device.model
    return f"2;123456;27-11-2018 10:00;{model.name};{model.firmware}".encode("ascii")


def numbers(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.model.serial};{wire.device.model.fiscal_memory}".encode("ascii")


def registration(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.model.tax_number:13};0;000123;01-01-2026 10:00".encode("ascii")


def rates(wire: Zfp, data: bytes) -> bytes:
    programmed = (wire.device.rates.get(letter) for letter in LETTERS)
    told = (f"{rate // 100:2}.{rate % 100:02}%" if rate is not None else "*" for rate in programmed)
    return ";".join(f"{rate:>7}" for rate in told).encode("ascii")


def clock(wire: Zfp, data: bytes) -> bytes:
    return wire.device.now.strftime("%d-%m-%Y %H:%M").encode("ascii")


def sums(wire: Zfp, data: bytes) -> bytes:
    told = []
    for day in (wire.device.memory.day.sold, wire.device.memory.day.returned):
        told += [*(money(day.get(letter, 0)) for letter in LETTERS), money(sum(day.values()))]
    return ";".join(told).encode("ascii")


def registers(wire: Zfp, data: bytes) -> bytes:
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
            raise bad()
    return ";".join([data.decode("ascii"), *told]).encode("ascii")


def _minute(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%d-%m-%Y %H:%M") if text else NEVER


def number(wire: Zfp, data: bytes) -> bytes:
    return f"{wire.device.memory.number:06}".encode("ascii")


def receipt(wire: Zfp, data: bytes) -> bytes:
    memory = wire.device.memory
    if data == b"P":
        return _payments(wire)
    if data == b"B":
        if memory.last_receipt is None:
            raise Refused(Why.NO_DOCUMENT)
        return _code(wire, memory.last_receipt)
    if found := _BY_NUMBER.fullmatch(data):
        if wire.old:
            raise bad()
        return _code(wire, wire.device.document(int(found[1])))
    if data:
        raise bad()
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


def _code(wire: Zfp, document: Document) -> bytes:
    """What stands in the two-dimensional code of a receipt."""
    if not document.fiscal:
        raise Refused(Why.NO_DOCUMENT)
    when = document.device_time.replace("T", "*")
    return f"{wire.device.model.fiscal_memory}*{document.number[-6:]}*{when}*{money(document.total_cents)}".encode()


def _payments(wire: Zfp) -> bytes:
    memory = wire.device.memory
    payments = memory.receipt.payments if memory.receipt is not None else memory.payments
    sums = dict.fromkeys(PAYMENTS, 0)
    for name, cents in payments:
        sums[name] = sums.get(name, 0) + cents
    told = ["P", str(int(memory.receipt is not None)), *(money(sums[name]) for name in PAYMENTS)]
    return ";".join(told).encode("ascii")


def last_report(wire: Zfp, data: bytes) -> bytes:
    memory, last = wire.device.memory, wire.device.memory.last_receipt
    date = _minute(memory.z_time)[:10]
    when = _minute(last.device_time if last is not None else "")
    kind = "4" if last is not None and last.kind is Kind.REVERSAL else "0"
    return f"{date};{memory.z_number};0;{memory.number:06};{when};1;{kind};".encode("ascii")
