"""What a `Print` will ask of the device, or why it is refused before a byte is sent. Pure.

Money is integer cents; a line is price times quantity, rounded half up as the device does, minus its discount or plus
its surcharge. Source: Datecs, Rounding in Fiscal Devices, Bulgaria, v1.0.4. How cash rounding is told on paper:
`drivers.fiscal.tenders`.
"""

from __future__ import annotations

import re
from collections.abc import Container

import msgspec

from drivers.contract.printer import Adjust, BasisPoints, Cents, Item, Line, Note, Payment, Print
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.families import Family
from drivers.fiscal.operations import AdjustSubtotal, Open, OpenReversal, Sale, Text
from drivers.fiscal.shown import money
from drivers.fiscal.tenders import Paying, rounding_note, tendered
from drivers.fiscal.text import TextRefused, printable

KEY_LINE = "Nr. "
"""What stands before the key on paper, so that a person can find the receipt."""

_KEY = re.compile(r"[!-~]+")
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,32}")


class Terms(msgspec.Struct, frozen=True):
    """What the options and the device itself say about what may be printed. `letters`: the VAT letters in use."""

    encoding: str
    letters: Container[str]
    rounding_means: Payment | None = None
    rounding_text: str = "Rounding"
    rates: dict[str, BasisPoints] = {}
    """Of the letters, as they are programmed in the device."""


class Progress(msgspec.Struct, frozen=True):
    """What the device's counters of the open receipt may say at one moment: lines sold, and their sum."""

    items: int
    cents: Cents


class Plan(msgspec.Struct, frozen=True):
    """The operations of one receipt, and the sums that the device must agree with. `progress` is every state that the
    open receipt can be in before its payment, the whole of it last."""

    key: str
    opening: Open | OpenReversal
    body: tuple[Text | Sale | AdjustSubtotal, ...]
    origins: tuple[str, ...]
    """Which part of the work each operation of the body comes from, as a field path."""
    progress: tuple[Progress, ...]
    payments: tuple[Paying, ...]
    footer: tuple[Text, ...]
    total_cents: Cents
    change_cents: Cents
    rates: dict[str, BasisPoints] = {}
    vat_by_net: bool | None = False

    @property
    def letters(self) -> set[str]:
        """VAT letters of its lines."""
        return {operation.vat for operation in self.body if isinstance(operation, Sale)}

    @property
    def reversal(self) -> bool:
        return isinstance(self.opening, OpenReversal)


def plan(asked: Print, family: Family, terms: Terms) -> Plan:
    """The plan for `asked`. Raises `Refusal`."""
    body: list[tuple[str, Text | Sale | AdjustSubtotal]] = [("key", Text(_key_line(asked.key, family)))]
    opening = _opening(asked, family)
    progress = [Progress(0, 0)]
    footer: list[Text] = []
    for index, item in enumerate(asked.items):
        where = f"items[{index}]"
        match item:
            case Line():
                body.append((where, _sale(where, item, family, terms)))
                progress.append(_advanced(where, progress[-1], 1, line_cents(item), family))
            case Adjust():
                body.append((where, _adjust(where, item, asked.items[:index], family, terms)))
                progress.append(_advanced(where, progress[-1], 0, item.cents, family))
            case Note(footer=True):
                footer.append(Text(_text(f"{where}.text", item.text, family.note_bytes, terms)))
            case Note():
                body.append((where, Text(_text(f"{where}.text", item.text, family.note_bytes, terms))))
    if not progress[-1].items:
        raise Refusal(Reason.NOTHING_TO_PAY, "the receipt sells nothing", "items")
    if progress[-1].items > family.max_lines:
        what = f"{progress[-1].items} lines, at most {family.max_lines} fit"
        raise Refusal(Reason.TOO_LARGE, what, "items")
    total = progress[-1].cents
    if total != asked.total_cents:
        what = f"the lines make {total} cents, the caller says {asked.total_cents}"
        raise Refusal(Reason.TOTAL_DIFFERS, what, "total_cents")
    if total == 0 and not family.zero_total:
        raise Refusal(Reason.NOTHING_TO_PAY, "the total is 0.00", "total_cents")
    payments = tendered(asked, total, family, terms.rounding_means)
    if (note := rounding_note(asked, terms.rounding_text)) is not None:
        body.append(("rounding_cents", Text(_text("rounding_cents", note, family.note_bytes, terms))))
    return Plan(
        key=asked.key,
        opening=opening,
        body=tuple(operation for _, operation in body),
        origins=tuple(where for where, _ in body),
        progress=tuple(progress),
        payments=payments,
        footer=tuple(footer),
        total_cents=total,
        change_cents=payments[-1].change_cents if payments else 0,
        rates=terms.rates,
        vat_by_net=family.vat_by_net,
    )


def row_cents(line: Line) -> Cents:
    """Price times quantity, half a cent up; before discount and surcharge."""
    return (line.unit_cents * line.quantity + 500) // 1000


def line_cents(line: Line) -> Cents:
    """What the line adds to the total."""
    return row_cents(line) - line.discount_cents + line.surcharge_cents


def _opening(asked: Print, family: Family) -> Open | OpenReversal:
    number = asked.sale_number
    if number and _NUMBER.fullmatch(number) is None:
        raise Refusal(Reason.BAD_TEXT, "a sale's number is letters, digits and dashes", "sale_number")
    if asked.reversal is None:
        return Open(number)
    if not family.reversals:
        raise Refusal(Reason.NOT_SUPPORTED, "the device gives nothing back", "reversal")
    for field in ("number", "device_time", "fiscal_memory"):
        said = getattr(asked.reversal, field)
        if not said and field in family.reversal_needs:
            raise Refusal(
                Reason.REVERSAL_UNCLEAR, f"the device needs {field} of what is given back", f"reversal.{field}"
            )
        if not _is_plain(field, said):
            raise Refusal(Reason.REVERSAL_UNCLEAR, f"{said!r} is no {field}", f"reversal.{field}")
    return OpenReversal(asked.reversal, number)


_PLAIN_FIELD = {
    "number": re.compile(r"[0-9]{1,32}"),
    "device_time": re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d"),
    "fiscal_memory": re.compile(r"[0-9A-Za-z]{1,32}"),
}


def _is_plain(field: str, said: str) -> bool:
    return (not said and field != "number") or _PLAIN_FIELD[field].fullmatch(said) is not None


def _key_line(key: str, family: Family) -> bytes:
    if _KEY.fullmatch(key) is None:
        raise Refusal(Reason.BAD_KEY, "a key is printable ASCII without spaces", "key")
    line = (KEY_LINE + key).encode("ascii")
    if len(line) > family.note_bytes:
        what = f"a key has at most {family.note_bytes - len(KEY_LINE)} characters"
        raise Refusal(Reason.BAD_KEY, what, "key")
    return line


def _text(where: str, text: str, limit: int, terms: Terms) -> bytes:
    try:
        return printable(text, terms.encoding, limit)
    except TextRefused as error:
        raise Refusal(Reason.BAD_TEXT, str(error), where) from error


def _vat(where: str, letter: str, terms: Terms) -> None:
    if letter not in terms.letters:
        raise Refusal(Reason.BAD_VAT, f"the device has no VAT letter {letter}", where)


def _sale(where: str, line: Line, family: Family, terms: Terms) -> Sale:
    text = _text(f"{where}.text", line.text, family.text_bytes, terms)
    _vat(f"{where}.vat", line.vat, terms)
    for field, least in (("unit_cents", 1), ("quantity", 1), ("discount_cents", 0), ("surcharge_cents", 0)):
        if getattr(line, field) < least:
            raise Refusal(Reason.BAD_AMOUNT, f"{getattr(line, field)} is below {least}", f"{where}.{field}")
    row = row_cents(line)
    if max(line.unit_cents, row, row + line.surcharge_cents) > family.max_cents:
        raise Refusal(Reason.TOO_LARGE, f"more than {money(family.max_cents)}", f"{where}.unit_cents")
    if line.quantity > family.max_quantity:
        raise Refusal(Reason.TOO_LARGE, f"more than {family.max_quantity} thousandths", f"{where}.quantity")
    if row == 0:
        raise Refusal(Reason.NOTHING_TO_PAY, "the line comes to 0.00", where)
    if line.discount_cents and line.surcharge_cents:
        raise Refusal(Reason.NOT_SUPPORTED, "a line has a discount or a surcharge, not both", where)
    if line.discount_cents > row:
        what = f"the line costs {money(row)}, its discount is {money(line.discount_cents)}"
        raise Refusal(Reason.DISCOUNT_TOO_LARGE, what, f"{where}.discount_cents")
    return Sale(text, line.vat, line.unit_cents, line.quantity, line.discount_cents, line.surcharge_cents)


def _adjust(where: str, adjust: Adjust, before: tuple[Item, ...], family: Family, terms: Terms) -> AdjustSubtotal:
    if not family.adjusts:
        raise Refusal(Reason.NOT_SUPPORTED, "the device changes lines only, not the subtotal", where)
    if adjust.cents == 0:
        raise Refusal(Reason.BAD_AMOUNT, "an adjustment of 0.00", f"{where}.cents")
    if adjust.vat:
        _vat(f"{where}.vat", adjust.vat, terms)
    letters = {item.vat for item in before if isinstance(item, Line)}
    if not letters:
        raise Refusal(Reason.NOT_SUPPORTED, "nothing is sold before it that it could change", where)
    if family.adjust_needs_vat and letters != {adjust.vat}:
        what = "the device adjusts the subtotal only where all lines before it have the VAT letter that is named"
        raise Refusal(Reason.NOT_SUPPORTED, what, f"{where}.vat")
    return AdjustSubtotal(adjust.cents, adjust.vat)


def _advanced(where: str, before: Progress, items: int, cents: Cents, family: Family) -> Progress:
    now = Progress(before.items + items, before.cents + cents)
    if now.cents < 0:
        what = f"the subtotal is {money(before.cents)}, {money(-cents)} are taken off"
        raise Refusal(Reason.DISCOUNT_TOO_LARGE, what, f"{where}.cents")
    if now.cents > family.max_cents:
        raise Refusal(Reason.TOO_LARGE, f"a total of {money(now.cents)} is more than the device takes", where)
    return now
