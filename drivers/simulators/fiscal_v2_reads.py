"""The commands of Datecs version 2 that only read: what they answer behind the error code. Money has two decimals.

Source: Datecs, Programmer's Manual FMP-350X, FMP-55X, FP-700X ..., v2.08, the command named by its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from drivers.simulators.fiscal_device import LETTERS
from drivers.simulators.fiscal_model import Refused, Why
from drivers.simulators.fiscal_paper import Kind, money
from drivers.simulators.fiscal_v2 import NAMES, V2

Fields = list[str]
Told = tuple[str, ...]
_STORNO = {"error": "2", "refund": "3", "tax_base": "4"}
_NUMBER = re.compile(r"\d{1,7}")
_KINDS = {Kind.SALE: "1", Kind.Z: "2", Kind.CASH: "5", Kind.REVERSAL: "6", Kind.X: "9"}
_NEVER = "01-01-2000 00:00:00"


def bad() -> Refused:
    """The fields are not the command's."""
    return Refused(Why.SYNTAX)


def no_fields(fields: Fields) -> None:
    if fields:
        raise bad()


def groups(sums: Mapping[str, int]) -> Told:
    """One amount per VAT group, A to H."""
    return tuple(money(sums.get(letter, 0)) for letter in LETTERS)


def _long(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%d-%m-%Y %H:%M:%S") if text else _NEVER


def _clock(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    return (wire.device.now.strftime("%d-%m-%y %H:%M:%S"),)


def _rates(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    rates = wire.device.rates
    return "1", *(money(rates.get(letter, 10_000)) for letter in LETTERS), "01-01-26"


def _sums(fields: Fields, day_sums: tuple[Mapping[str, int], ...]) -> Told:
    kind = fields[0] if fields else "0"
    if len(fields) > 1 or kind not in ("", "0", "1", "2", "3"):
        raise bad()
    return groups(day_sums[int(kind or 0)])


def _last_z(wire: V2, fields: Fields) -> Told:
    memory, day = wire.device.memory, wire.device.memory.last_day
    sums = _sums(fields, (day.sold, day.sold_vat, day.returned, day.returned_vat))
    if not memory.z_number:
        raise Refused(Why.NO_DOCUMENT)
    return str(memory.z_number), *sums, datetime.fromisoformat(memory.z_time).strftime("%d-%m-%y")


def _day(wire: V2, fields: Fields) -> Told:
    """The number is that of the report which will end this day."""
    memory, day = wire.device.memory, wire.device.memory.day
    return str(memory.z_number + 1), *_sums(fields, (day.sold, day.sold_vat, day.returned, day.returned_vat))


def _free(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    return (str(3650 - wire.device.memory.z_number),)


def status(wire: V2, fields: Fields) -> Told:
    if not fields:
        return (wire.status().decode("latin-1"),)
    if fields != ["0"]:
        raise bad()
    is_open, number, *_ = _transaction(wire, [])
    last = wire.device.memory.last_receipt
    seen = (money(last.total_cents), str(int(last.number)), _long(last.device_time)) if last else ("0.00", "0", _NEVER)
    return "0", is_open, number, *seen


def _transaction(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    memory, receipt = wire.device.memory, wire.device.memory.receipt
    if receipt is None or receipt.kind is Kind.SLIP:
        return (
            "0" if receipt is None else "5", str(memory.number + (receipt is not None)),
            str(memory.items), money(memory.amount), money(memory.paid),
        )  # fmt: skip
    kind = "1" if receipt.reversed is None else _STORNO[receipt.reversed.reason]
    return kind, str(int(receipt.number)), str(receipt.items), money(receipt.total), money(receipt.paid)


def _last_z_time(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    return (_long(wire.device.memory.z_time),)


def identify(wire: V2, fields: Fields) -> Told:
    model = wire.device.model
    return model.name, *model.firmware.split(" "), "2A4F", "00000000", model.serial, model.fiscal_memory


def identify_bare(wire: V2, data: str) -> str:
    """Without TAB, as both versions are asked: the comma form."""
    model = wire.device.model
    check = "2A4F" if data == "1" else "FFFF"
    return f"{model.name},{model.firmware},{check},00000000,{model.serial},{model.fiscal_memory}"


def _tax_number(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    return (wire.device.model.tax_number,)


def _error_text(wire: V2, fields: Fields) -> Told:
    if len(fields) != 1 or not fields[0].removeprefix("-").isdecimal() or len(fields[0]) > 8:
        raise bad()
    return fields[0], NAMES.get(int(fields[0]), "unknown error")


def _receipt(wire: V2, fields: Fields) -> Told:
    no_fields(fields)
    receipt = wire.device.memory.receipt
    sums = groups(receipt.groups if receipt is not None else {})
    return *sums, "0", "1", str(int(receipt is not None and receipt.reversed is not None))


def _daily(wire: V2, fields: Fields) -> Told:
    day, kind = wire.device.memory.day, fields[0] if fields else "0"
    if len(fields) > 1:
        raise bad()
    names = ("cash", "credit", "card", "other3", "other4", "other5", "")
    match kind:
        case "" | "0" | "1":
            paid = day.paid_back if kind == "1" else day.paid
            return tuple(money(paid.get(name, 0)) for name in names)
        case "2":
            return str(day.sales), money(sum(day.sold.values()))
        case "4":
            return "0", "0.00", str(day.cancelled), "0.00"
        case "5":
            return "0", money(day.cash_in), "0", money(day.cash_out), "0", "0.00", "0", "0.00"
        case _:
            raise bad()


def info(wire: V2, fields: Fields) -> Told:
    if len(fields) != 1:
        raise bad()
    return _info(wire, fields[0])


def info_bare(wire: V2, data: str) -> str:
    return "".join(f"{field}\t" for field in ("0", *_info(wire, data)))


def _info(wire: V2, option: str) -> Told:
    device, memory = wire.device, wire.device.memory
    model = device.model
    match option:
        case "1":
            return model.serial, model.fiscal_memory, "Smart Place", "Riga", model.tax_number, "", ""
        case "3":
            last = memory.last_sale
            when = _long(last.device_time if last is not None else "")
            return str(memory.day.sales), when, str(memory.z_number), _long(memory.z_time)
        case _:
            raise bad()


def _document(wire: V2, fields: Fields) -> Told:
    """Of all options the one that looks for a document, of whatever type."""
    if len(fields) != 3 or fields[0] != "0" or fields[2] not in ("", "0") or not _NUMBER.fullmatch(fields[1]):
        raise bad()
    document = wire.device.document(int(fields[1]))
    when = datetime.fromisoformat(document.device_time).strftime("%d-%m-%y %H:%M:%S")
    kind = "8" if document.closed == "cancelled" else _KINDS.get(document.kind, "4")
    return str(int(document.number)), "1", when + " DST" * wire.summer, kind, str(document.z_number)


def _variable(wire: V2, fields: Fields) -> Told:
    if len(fields) != 3 or fields[2]:
        raise bad()
    device, memory = wire.device, wire.device.memory
    last = memory.last_receipt
    known = {
        "nZreport": str(memory.z_number),
        "nBon": str(memory.number),
        "nFBonDailyCount": str(memory.day.sales),
        "nLastFiscalDoc": str(int(last.number) if last is not None else 0),
        "DFR_needed": str(int(bool(memory.day.sales or memory.day.reversals))),
        "Fiscalized": "1",
        "IDnumber": device.model.serial,
        "FMnumber": device.model.fiscal_memory,
        "TAXnumber": device.model.tax_number,
        "UNP": memory.sale_number,
    }
    if fields[0] not in known:
        raise bad()
    return (known[fields[0]],)


COMMANDS: Mapping[int, Callable[[V2, Fields], Told]] = {
    50: _rates, 62: _clock, 64: _last_z, 65: _day, 68: _free, 76: _transaction, 86: _last_z_time, 99: _tax_number,
    100: _error_text, 103: _receipt, 110: _daily, 125: _document,
    255: _variable,
}  # fmt: skip
