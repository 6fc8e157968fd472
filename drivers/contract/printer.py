"""What a fiscal printer does: one receipt per key, with durable points, and an honest outcome.

Money is integer cents, quantities are thousandths. Amounts are gross (VAT included).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Cents = int
Thousandths = int


class Payment(StrEnum):
    """Means of payment; the driver maps them to its family's letters by table."""

    CASH = "cash"
    CARD = "card"


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a receipt: price of one unit, quantity, and the discount on the whole line as an amount."""

    text: str
    vat: Annotated[str, msgspec.Meta(pattern=r"^[A-H]$(?!\n)")]
    unit_cents: Annotated[Cents, msgspec.Meta(ge=1)]
    quantity: Annotated[Thousandths, msgspec.Meta(ge=1)]
    discount_cents: Annotated[Cents, msgspec.Meta(ge=0)] = 0


class Tender(msgspec.Struct, frozen=True):
    """A means of payment and the amount given (cash may be more than what is due)."""

    means: Payment
    cents: Annotated[Cents, msgspec.Meta(ge=0)]


class Print(msgspec.Struct, frozen=True, tag="print", tag_field="call"):
    """Print one fiscal receipt. `key` names it for ever; `total_cents` is what the caller computed: the
    device's own subtotal must equal it before anything is paid. Answered by `Outcome`.

    The driver sends `PrintStep`s and waits for each to be stored. It never prints again by itself.
    """

    key: str
    lines: Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=512)]
    tenders: Annotated[tuple[Tender, ...], msgspec.Meta(min_length=1, max_length=4)]
    total_cents: Cents


class PrintPoint(StrEnum):
    """The durable points of a receipt, in their order."""

    INTENT = "intent"
    OPENED = "opened"
    PAYING = "paying"
    CLOSING = "closing"
    CLOSED = "closed"


class PrintStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a `Step` inside `Print`. `baseline` is the device's last document number before the receipt."""

    key: str
    point: PrintPoint
    baseline: str = ""
    number: str = ""


class Result(StrEnum):
    """How a receipt ended. `unknown` stays unknown until a person or a read-back settles it."""

    PRINTED = "printed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Outcome(msgspec.Struct, frozen=True, tag="outcome", tag_field="result", omit_defaults=True):
    """Answer to `Print`. `number` is the fiscal document number when printed; `reason` says why not."""

    key: str
    outcome: Result
    number: str = ""
    total_cents: Cents = 0
    change_cents: Cents = 0
    reason: str = ""
    advice: str = ""


class Status(msgspec.Struct, frozen=True, tag="status", tag_field="call"):
    """Ask the printer how it is. Answered by `PrinterStatus`."""


class PrinterStatus(msgspec.Struct, frozen=True, tag="printer_status", tag_field="result", omit_defaults=True):
    """What the printer says of itself. `open_receipt` means that a fiscal receipt is open on the device."""

    ready: bool
    paper: bool
    open_receipt: bool
    last_number: str = ""
    problems: tuple[str, ...] = ()


PrinterCall = Print | Status
PrinterResult = Outcome | PrinterStatus
