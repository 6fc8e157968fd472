"""A fiscal device's messages to model types and back: beside `convert`, the only place where the two meet.

Everything from a driver is checked here; what is not as it should be raises `BadMessage`.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from drivers.contract import printer
from drivers.contract.codec import BadMessage, decode_body, raw
from gateway.model import fiscal

FIELD_MAX = 64
"""Characters of a number or name that a device tells."""
TEXT_MAX = 1000
"""Characters of a reason or advice."""
PROBLEMS_MAX = 32
CENTS_MAX = 10**12
"""No counter of a device is above ten thousand million euros."""

T = TypeVar("T", bound=msgspec.Struct)

_print = msgspec.json.Decoder(printer.Print)
_day_report = msgspec.json.Decoder(printer.DayReport)
_cash_move = msgspec.json.Decoder(printer.CashMove)
_step = msgspec.json.Decoder(printer.PrintStep)
VAT_LETTERS = 8
REVERSAL_FIELDS = 3
_outcome = msgspec.json.Decoder(printer.Outcome)
_checked = msgspec.json.Decoder(printer.Checked)
_status = msgspec.json.Decoder(printer.PrinterStatus)
_description = msgspec.json.Decoder(printer.Description)
_raw_answer = msgspec.json.Decoder(printer.RawAnswer)
_set_clock = msgspec.json.Decoder(printer.SetClock)
_raw_call = msgspec.json.Decoder(printer.Raw)


def work(asked: fiscal.Work) -> printer.Work:
    """A work as the contract says it. Raises `BadMessage`, which names the field, when the contract cannot."""
    # The contract's own bounds (how many lines, which amounts) are in its types: only decoding checks them.
    match asked:
        case fiscal.ReceiptWork():
            return _within(_receipt(asked), _print)
        case fiscal.ReportWork(key=key, z=z):
            return _within(printer.DayReport(key, z), _day_report)
        case fiscal.CashWork(key=key, cents=cents):
            return _within(printer.CashMove(key, cents), _cash_move)


def _receipt(asked: fiscal.ReceiptWork) -> printer.Print:
    back = asked.reversal
    return printer.Print(
        key=asked.key,
        items=tuple(_item(item) for item in asked.items),
        tenders=tuple(printer.Tender(printer.Payment(one.means.value), one.cents) for one in asked.tenders),
        total_cents=asked.total_cents,
        reversal=None
        if back is None
        else printer.Reversal(
            back.number, printer.ReversalReason(back.reason.value), back.device_time, back.fiscal_memory
        ),
        rounding_cents=asked.rounding_cents,
        sale_number=asked.sale_number,
    )


def _item(item: fiscal.WorkItem) -> printer.Item:
    match item:
        case fiscal.SaleLine():
            return printer.Line(
                item.text, item.vat, item.unit_cents, item.quantity, item.discount_cents, item.surcharge_cents
            )
        case fiscal.NoteLine():
            return printer.Note(item.text, item.footer)
        case fiscal.AdjustLine():
            return printer.Adjust(item.cents, item.vat)


def _within(call: T, decoder: msgspec.json.Decoder[T]) -> T:
    return decode_body(raw(call), decoder)


def settle(asked: fiscal.Work, point: fiscal.WorkPoint, baseline: fiscal.Baseline) -> printer.Settle:
    """Raises `BadMessage` for a work of which nothing was sent: there is nothing to find out."""
    if point is fiscal.WorkPoint.RECORDED:
        raise BadMessage("a work of which nothing was sent is not settled by the device")
    before = printer.Baseline(**msgspec.structs.asdict(baseline))
    return printer.Settle(work(asked), printer.PrintPoint(point.value), before)


def step(asked: fiscal.Work, body: msgspec.Raw) -> fiscal.WorkStep:
    """A durable point of this very work."""
    said = decode_body(body, _step)
    if said.key != asked.key:
        raise BadMessage("a step of another work")
    baseline = None if said.baseline is None else _baseline(said.baseline)
    return fiscal.WorkStep(said.key, fiscal.WorkPoint(said.point.value), baseline, _bounded(said.number))


def _baseline(said: printer.Baseline) -> fiscal.Baseline:
    return fiscal.Baseline(
        number=_bounded(said.number),
        z_number=_bounded(said.z_number),
        cash_cents=_cents(said.cash_cents),
        sold_cents=_cents(said.sold_cents),
        returned_cents=_cents(said.returned_cents),
        serial=_bounded(said.serial),
        fiscal_memory=_bounded(said.fiscal_memory),
    )


def outcome(asked: fiscal.Work, body: msgspec.Raw) -> fiscal.PrintOutcome:
    """How this very work ended."""
    said = decode_body(body, _outcome)
    if said.key != asked.key:
        raise BadMessage("the outcome of another work")
    return fiscal.PrintOutcome(
        key=said.key,
        result=fiscal.PrintResult(said.outcome.value),
        number=_bounded(said.number),
        total_cents=said.total_cents,
        change_cents=said.change_cents,
        reason=said.reason[:TEXT_MAX],
        advice=said.advice[:TEXT_MAX],
        code=_bounded(said.code),
        where=_bounded(said.where),
        device_time=_bounded(said.device_time),
        fiscal_memory=_bounded(said.fiscal_memory),
        z_number=_bounded(said.z_number),
        vat=tuple(
            fiscal.VatSum(one.letter, one.gross_cents, one.basis_points, one.tax_cents)
            for one in said.vat[:VAT_LETTERS]
        ),
    )


def check(asked: fiscal.Work) -> printer.Check:
    """Raises `BadMessage` as `work` does."""
    return printer.Check(work(asked))


def checked(asked: fiscal.Work, body: msgspec.Raw) -> fiscal.PrintOutcome | None:
    """How this very work would end at once, None when nothing is against it."""
    said = decode_body(body, _checked)
    if said.key != asked.key:
        raise BadMessage("the answer for another work")
    if not said.code:
        return None
    return fiscal.PrintOutcome(
        key=said.key,
        result=fiscal.PrintResult.REFUSED,
        reason=said.reason[:TEXT_MAX],
        advice=said.advice[:TEXT_MAX],
        code=_bounded(said.code),
        where=_bounded(said.where),
    )


def status_call() -> printer.Status:
    return printer.Status()


def status(body: msgspec.Raw) -> fiscal.PrinterStatus:
    said = decode_body(body, _status)
    if len(said.problems) > PROBLEMS_MAX:
        raise BadMessage(f"more than {PROBLEMS_MAX} problems")
    return fiscal.PrinterStatus(
        ready=said.ready,
        paper=said.paper,
        open_receipt=said.open_receipt,
        last_number=_bounded(said.last_number),
        problems=said.problems,
        z_number=_bounded(said.z_number),
        device_time=_bounded(said.device_time),
        cash_cents=_cents(said.cash_cents),
    )


def describe_call() -> printer.Describe:
    return printer.Describe()


def description(body: msgspec.Raw) -> fiscal.PrinterDescription:
    said = decode_body(body, _description)
    if any(len(letter) != 1 or not 0 <= points <= 10_000 for letter, points in said.rates.items()):
        raise BadMessage("a VAT rate out of its bounds")
    return fiscal.PrinterDescription(
        family=_bounded(said.family),
        manufacturer=_bounded(said.manufacturer),
        model=_bounded(said.model),
        firmware=_bounded(said.firmware),
        serial=_bounded(said.serial),
        fiscal_memory=_bounded(said.fiscal_memory),
        tax_number=_bounded(said.tax_number),
        item_text_bytes=said.item_text_bytes,
        note_text_bytes=said.note_text_bytes,
        payments=tuple(fiscal.Payment(means.value) for means in said.payments),
        adjusts=said.adjusts,
        adjust_needs_vat=said.adjust_needs_vat,
        zero_total=said.zero_total,
        reversals=said.reversals,
        reversal_needs=tuple(_bounded(field) for field in said.reversal_needs[:REVERSAL_FIELDS]),
        rates=said.rates,
        rounding=said.rounding,
        checks=said.checks,
    )


def set_clock_call(device_time: str) -> printer.SetClock:
    """Raises `BadMessage` for what is no local time `2026-11-27T10:02:41`."""
    return _within(printer.SetClock(device_time), _set_clock)


def copy_call() -> printer.Copy:
    return printer.Copy()


def raw_call(command: int, data: bytes) -> printer.Raw:
    """Raises `BadMessage` for a command that no byte can say."""
    return _within(printer.Raw(command, data), _raw_call)


def raw_answer(body: msgspec.Raw) -> bytes:
    return decode_body(body, _raw_answer).data


def _bounded(text: str) -> str:
    if len(text) > FIELD_MAX:
        raise BadMessage(f"a number of more than {FIELD_MAX} characters")
    return text


def _cents(cents: int | None) -> int | None:
    if cents is not None and abs(cents) > CENTS_MAX:
        raise BadMessage("an amount out of its bounds")
    return cents
