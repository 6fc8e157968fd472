"""What is asked of a fiscal device, as values: a work (receipt, report, movement of cash), the points that it passes,
the counters before it, and how it ended.

Money is integer cents, gross; quantities are thousandths. A device's own time is local time without an offset, as the
device tells it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.money import BasisPoints, Cents, Thousandths

DEVICE_TIME = r"^(20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$(?!\n)"
"""A time that stands on paper, as somebody types it: with or without seconds, or empty."""


def with_seconds(device_time: str) -> str:
    """What somebody typed as `DEVICE_TIME`, as a device takes it: the first second of a minute alone."""
    return f"{device_time}:00" if len(device_time) == len("2026-11-27T10:02") else device_time


class Payment(StrEnum):
    """Means of payment as fiscal devices know them; a device has some of them (`PrinterDescription.payments`)."""

    CASH = "cash"
    CARD = "card"
    CREDIT = "credit"
    CHEQUE = "cheque"
    COUPON = "coupon"
    EXTERNAL_COUPON = "external_coupon"
    PACKAGING = "packaging"
    INTERNAL = "internal"
    DAMAGE = "damage"
    BANK = "bank"
    RESERVED1 = "reserved1"
    RESERVED2 = "reserved2"


class SaleLine(msgspec.Struct, frozen=True, omit_defaults=True, tag="line", tag_field="item"):
    """One line: price of one unit, quantity, and what lowers or raises the whole line (never both)."""

    text: str
    vat: str
    unit_cents: Cents
    quantity: Thousandths = 1000
    discount_cents: Cents = 0
    surcharge_cents: Cents = 0


class NoteLine(msgspec.Struct, frozen=True, omit_defaults=True, tag="note", tag_field="item"):
    """A line of text. `footer`: after the payment."""

    text: str
    footer: bool = False


class AdjustLine(msgspec.Struct, frozen=True, omit_defaults=True, tag="adjust", tag_field="item"):
    """What the subtotal so far is lowered (negative) or raised by, where no line is known."""

    cents: Cents
    vat: str = ""


WorkItem = SaleLine | NoteLine | AdjustLine


class Tender(msgspec.Struct, frozen=True):
    """A means of payment and the amount given: cash may be more than what is due."""

    means: Payment
    cents: Cents


class ReversalReason(StrEnum):
    ERROR = "error"
    REFUND = "refund"
    TAX_BASE = "tax_base"


class Reversal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The receipt that is given back, in whole or in part. Quantities and prices of the items stay positive."""

    number: str
    reason: ReversalReason = ReversalReason.REFUND
    device_time: str = ""
    fiscal_memory: str = ""


class ReceiptWork(msgspec.Struct, frozen=True, omit_defaults=True, tag="receipt", tag_field="work"):
    """Print one fiscal receipt, or with `reversal` that of what is given back. `total_cents` is what the device's own
    subtotal has to be; `rounding_cents` is cash rounding, added to what is paid in cash and no part of the total."""

    key: str
    items: tuple[WorkItem, ...]
    tenders: tuple[Tender, ...]
    total_cents: Cents
    reversal: Reversal | None = None
    rounding_cents: Cents = 0
    sale_number: str = ""


class ReportWork(msgspec.Struct, frozen=True, omit_defaults=True, tag="report", tag_field="work"):
    """Print the X report, or with `z` the Z report, which ends the fiscal day."""

    key: str
    z: bool = False


class CashWork(msgspec.Struct, frozen=True, tag="cash", tag_field="work"):
    """Cash put into the drawer, or (negative) taken out."""

    key: str
    cents: Cents


Work = ReceiptWork | ReportWork | CashWork
"""`key` names a work for ever: it is done once, whatever happens."""


class WorkPoint(StrEnum):
    """How far a work has come, in this order. Reports and movements of cash pass `intent` and `closed` only."""

    RECORDED = "recorded"
    """It stands in our ledger; nothing was sent to the device."""
    INTENT = "intent"
    OPENED = "opened"
    PAYING = "paying"
    CLOSING = "closing"
    CLOSED = "closed"


class Baseline(msgspec.Struct, frozen=True, omit_defaults=True):
    """The device's counters before the work began. What a family cannot tell is left out."""

    number: str = ""
    z_number: str = ""
    cash_cents: Cents | None = None
    sold_cents: Cents | None = None
    returned_cents: Cents | None = None
    serial: str = ""
    fiscal_memory: str = ""


class WorkStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """A point that the device's driver has reached and waits at until it is stored."""

    key: str
    point: WorkPoint
    baseline: Baseline | None = None
    number: str = ""


class PrintResult(StrEnum):
    PRINTED = "printed"
    REFUSED = "refused"
    """Nothing was begun."""
    CANCELLED = "cancelled"
    """It was begun and taken back: nothing was sold."""
    UNKNOWN = "unknown"
    """Until it is read back, or a person says what stands on the paper."""


class VatSum(msgspec.Struct, frozen=True):
    """What a VAT letter has of a printed receipt: sum with VAT, rate, and the VAT in it as the device rounds it."""

    letter: str
    gross_cents: Cents
    basis_points: BasisPoints
    tax_cents: Cents


class PrintOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a work ended. After any doubt `unknown`: nothing prints again by itself.

    `code` is a closed code (docs/drivers/fiscal.md, and ours in docs/errors.md), `reason` says the same for a person;
    `where` names the part of the work that is refused, such as `items[2].text`; `z_number` is that of a Z report.
    """

    key: str
    result: PrintResult
    number: str = ""
    total_cents: Cents = 0
    change_cents: Cents = 0
    reason: str = ""
    advice: str = ""
    code: str = ""
    where: str = ""
    device_time: str = ""
    fiscal_memory: str = ""
    z_number: str = ""
    vat: tuple[VatSum, ...] = ()
    """As the device counts it: the figure on paper."""


class PrinterStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a device says it is. `open_receipt`: a fiscal receipt is open on it. `z_number`: of its last Z report."""

    ready: bool
    paper: bool
    open_receipt: bool
    last_number: str = ""
    problems: tuple[str, ...] = ()
    z_number: str = ""
    device_time: str = ""
    cash_cents: Cents | None = None


class PrinterDescription(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which device it is, and what it takes. `rates`: VAT letter → the rate that is programmed in it, of the letters in
    use; empty where the family does not tell. `…_bytes`: 0 where it is not known."""

    family: str
    manufacturer: str
    model: str
    firmware: str = ""
    serial: str = ""
    fiscal_memory: str = ""
    tax_number: str = ""
    item_text_bytes: int = 0
    note_text_bytes: int = 0
    payments: tuple[Payment, ...] = ()
    adjusts: bool = False
    adjust_needs_vat: bool = False
    zero_total: bool = False
    reversals: bool = False
    reversal_needs: tuple[str, ...] = ()
    """Fields of `Reversal` that it asks for."""
    rates: dict[str, BasisPoints] = {}
    rounding: bool = False
    checks: bool = False
    """Its driver says of a work, at any moment and without the device, whether it would be refused."""
