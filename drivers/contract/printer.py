"""What a fiscal printer does: one receipt, report or movement of cash per key, with durable points and an honest end.

Money is integer cents, quantities are thousandths. Amounts are gross (VAT included). A device's own time is local time
without an offset, as the device tells it: `2026-11-27T10:02:41`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Cents = int
Thousandths = int
BasisPoints = int

VatLetter = Annotated[str, msgspec.Meta(pattern=r"^[A-H]$(?!\n)")]
DeviceTime = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$(?!\n)")]


class Payment(StrEnum):
    """Means of payment; the driver maps them to its family's letters by table, and refuses what the family lacks."""

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


class Line(msgspec.Struct, frozen=True, omit_defaults=True, tag="line", tag_field="item"):
    """One line of a receipt: price of one unit, quantity, and what lowers or raises the whole line as an amount (never
    both: a receipt in Latvia has to show a discount in money)."""

    text: str
    vat: VatLetter
    unit_cents: Annotated[Cents, msgspec.Meta(ge=1)]
    quantity: Annotated[Thousandths, msgspec.Meta(ge=1)]
    discount_cents: Annotated[Cents, msgspec.Meta(ge=0)] = 0
    surcharge_cents: Annotated[Cents, msgspec.Meta(ge=0)] = 0


class Note(msgspec.Struct, frozen=True, omit_defaults=True, tag="note", tag_field="item"):
    """A line of text. `footer`: printed after the payment."""

    text: str
    footer: bool = False


class Adjust(msgspec.Struct, frozen=True, omit_defaults=True, tag="adjust", tag_field="item"):
    """What the subtotal so far is lowered (negative) or raised by. The device spreads it over the VAT groups; a family
    that cannot, needs `vat`. A discount on a line says more: use this only where the caller knows no line."""

    cents: Cents
    vat: Annotated[str, msgspec.Meta(pattern=r"^[A-H]?$(?!\n)")] = ""


Item = Line | Note | Adjust


class Tender(msgspec.Struct, frozen=True):
    """A means of payment and the amount given (cash may be more than what is due)."""

    means: Payment
    cents: Annotated[Cents, msgspec.Meta(ge=0)]


class ReversalReason(StrEnum):
    ERROR = "error"
    REFUND = "refund"
    TAX_BASE = "tax_base"


class Reversal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The receipt that is given back, in whole or in part: its number, and its time and fiscal memory where the family
    asks for them. Quantities and prices of the items stay positive."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    reason: ReversalReason = ReversalReason.REFUND
    device_time: Annotated[str, msgspec.Meta(max_length=19)] = ""
    fiscal_memory: Annotated[str, msgspec.Meta(max_length=32)] = ""


class Print(msgspec.Struct, frozen=True, omit_defaults=True, tag="print", tag_field="call"):
    """Print one fiscal receipt, or with `reversal` the receipt of what is given back. `key` names it for ever;
    `total_cents` is what the caller computed: the device's own subtotal must equal it before anything is paid.
    `rounding_cents` is cash rounding, added to what is paid in cash: no part of the total. Answered by `Outcome`.

    The driver sends `PrintStep`s and waits for each to be stored. It never prints again by itself.
    """

    key: str
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=512)]
    tenders: Annotated[tuple[Tender, ...], msgspec.Meta(max_length=8)]
    total_cents: Annotated[Cents, msgspec.Meta(ge=0)]
    reversal: Reversal | None = None
    rounding_cents: Cents = 0
    sale_number: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """The sale's number where a country asks for one on paper."""


class DayReport(msgspec.Struct, frozen=True, omit_defaults=True, tag="day_report", tag_field="call"):
    """Print the X report, or with `z` the Z report that ends the fiscal day: once per key. Answered by `Outcome`; its
    `z_number` is that of the report."""

    key: str
    z: bool = False


class CashMove(msgspec.Struct, frozen=True, tag="cash_move", tag_field="call"):
    """Cash put into the drawer, or (negative) taken out: once per key. Answered by `Outcome`."""

    key: str
    cents: Cents


Work = Print | DayReport | CashMove


class Check(msgspec.Struct, frozen=True, tag="check", tag_field="call"):
    """Would this work be begun, as far as it tells itself: texts, VAT letters, means, amounts, how many lines? Nothing
    is asked of the device, and how it is plays no part. Answered by `Checked`, at once: also while another work is
    done, and while the device is away."""

    work: Work


class Checked(msgspec.Struct, frozen=True, tag="checked", tag_field="result", omit_defaults=True):
    """Without a `code` nothing in the work is against it. Else why it would be refused, in the words of its
    `Outcome`."""

    key: str
    code: str = ""
    reason: str = ""
    where: str = ""
    advice: str = ""


class PrintPoint(StrEnum):
    """The durable points of a receipt, in their order. Reports and movements of cash have the first and the last."""

    INTENT = "intent"
    OPENED = "opened"
    PAYING = "paying"
    CLOSING = "closing"
    CLOSED = "closed"


class Baseline(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the device's counters said before the work began: by them it is found out later whether it was done. What a
    family cannot tell is left out."""

    number: str = ""
    """The last document."""
    z_number: str = ""
    """The last Z report."""
    cash_cents: Cents | None = None
    """What is in the drawer."""
    sold_cents: Cents | None = None
    """What was sold since the last Z report, and what was given back."""
    returned_cents: Cents | None = None
    serial: str = ""
    """Which device it is: another one at the same cable knows nothing of this work."""
    fiscal_memory: str = ""


class PrintStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a `Step` inside `Print` and its like. `baseline` comes with `intent`, `number` with `closed`."""

    key: str
    point: PrintPoint
    baseline: Baseline | None = None
    number: str = ""


class Settle(msgspec.Struct, frozen=True, omit_defaults=True, tag="settle", tag_field="call"):
    """Find out from the device how this work ended that was begun before, and bring it to its end: a receipt that is
    open before `paying` was stored is cancelled, from then on it is paid and closed, as `work` says. Nothing is ever
    begun again. `point` is the last one that was stored. Answered by `Outcome`; sends `PrintStep`s of the points that
    it reaches.

    Asked again it answers the same. `unknown` only when the device's counters fit neither end.
    """

    work: Work
    point: PrintPoint
    baseline: Baseline


class VatSum(msgspec.Struct, frozen=True):
    """What a VAT letter has of a receipt, as the device counts: sum with VAT, rate, and the VAT in it by the device's
    own rounding. Where another program's figure differs, this is the one on paper."""

    letter: VatLetter
    gross_cents: Cents
    basis_points: BasisPoints
    tax_cents: Cents


class Result(StrEnum):
    """How a receipt ended. `unknown` stays unknown until a person or a read-back settles it."""

    PRINTED = "printed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Outcome(msgspec.Struct, frozen=True, tag="outcome", tag_field="result", omit_defaults=True):
    """Answer to `Print` and its like. `number` is the fiscal document number when printed; `code` (closed, see
    `errors.Reason` of the driver) and `reason` say why not, `where` names the part of the work that is refused, such as
    `items[2].text`."""

    key: str
    outcome: Result
    number: str = ""
    total_cents: Cents = 0
    change_cents: Cents = 0
    code: str = ""
    reason: str = ""
    where: str = ""
    advice: str = ""
    device_time: str = ""
    """When the device closed it, by its own clock, or by its journal when that was found out later; empty where neither
    tells it."""
    fiscal_memory: str = ""
    z_number: str = ""
    vat: tuple[VatSum, ...] = ()
    """Empty where the device does not tell, and where the receipt was found printed later."""


class Status(msgspec.Struct, frozen=True, tag="status", tag_field="call"):
    """Ask the printer how it is. Answered by `PrinterStatus`. Reads only."""


class PrinterStatus(msgspec.Struct, frozen=True, tag="printer_status", tag_field="result", omit_defaults=True):
    """What the printer says of itself. `open_receipt` means that a fiscal receipt is open on the device."""

    ready: bool
    paper: bool
    open_receipt: bool
    last_number: str = ""
    problems: tuple[str, ...] = ()
    z_number: str = ""
    device_time: str = ""
    cash_cents: Cents | None = None


class Describe(msgspec.Struct, frozen=True, tag="describe", tag_field="call"):
    """Ask what the printer is and can do. Answered by `Description`. Reads only."""


class Description(msgspec.Struct, frozen=True, tag="description", tag_field="result", omit_defaults=True):
    """Which device it is, and what it takes: bytes of text, means of payment, VAT letters with the rates that are
    programmed in it (basis points)."""

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
    """Takes `Adjust`; with `adjust_needs_vat` only with a VAT letter."""
    adjust_needs_vat: bool = False
    zero_total: bool = False
    """Closes a receipt whose total is 0."""
    reversals: bool = False
    reversal_needs: tuple[str, ...] = ()
    """Fields of `Reversal` that the device cannot do without."""
    rates: dict[str, BasisPoints] = {}
    counters: dict[str, int] = {}
    """What the line is like: commands, resends, naks, stale answers, ms that the device was busy, unknown outcomes;
    and how many minutes the fiscal day has lasted."""
    frames: tuple[str, ...] = ()
    """The last frames on the wire, oldest first: ms before now, `>` to or `<` from the device, hex. No passwords, no
    notes."""
    rounding: bool = False
    """Takes cash rounding (`Print.rounding_cents`)."""
    checks: bool = False
    """Takes `Check`. One that cannot answer it at any moment leaves this false, and is not asked."""


class SetClock(msgspec.Struct, frozen=True, tag="set_clock", tag_field="call"):
    """Set the device's clock. Refused while a receipt is open, or when the time is before the last fiscal record.
    Answered by `PrinterStatus`."""

    device_time: DeviceTime


class Copy(msgspec.Struct, frozen=True, tag="copy", tag_field="call"):
    """Print the last receipt again as a copy. Refused unless the option `copies` allows it: copies are forbidden in
    Latvia. Answered by `PrinterStatus`."""


class Raw(msgspec.Struct, frozen=True, tag="raw", tag_field="call"):
    """Send one command as it is. Refused unless the option `raw` allows it, and always refused for what sells, pays,
    closes, moves cash or prints a Z report. Answered by `RawAnswer`."""

    command: Annotated[int, msgspec.Meta(ge=0, le=255)]
    data: bytes


class RawAnswer(msgspec.Struct, frozen=True, tag="raw_answer", tag_field="result"):
    """What the device answered."""

    data: bytes


PrinterCall = Print | DayReport | CashMove | Check | Settle | Status | Describe | SetClock | Copy | Raw
PrinterResult = Outcome | Checked | PrinterStatus | Description | RawAnswer
