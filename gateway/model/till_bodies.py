"""What entries of tills and of fiscal devices hold: receipts, refunds, and how printing them went. See
`gateway.model.bodies`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.body import Body
from gateway.model.circumstances import Circumstances
from gateway.model.decision import Decision
from gateway.model.fiscal import Baseline, VatSum, Work
from gateway.model.identification import Identification
from gateway.model.money import Thousandths
from gateway.model.receipt import Means, Receipt
from gateway.model.refund import Refund, RefundReason


class PrintedBy(StrEnum):
    POS = "pos"
    GATEWAY = "gateway"


class ReceiptBody(Body, frozen=True):
    """A receipt with its decision. `key` is the caller's idempotency key, `fiscal_number` the number on the
    POS's own paper; for `printed_by` gateway it follows in a `fiscal_outcome`. `late`: the quote had expired."""

    station: str
    key: str
    quote: str
    receipt: Receipt
    decision: Decision
    printed_by: PrintedBy
    identification: Identification | None = None
    fiscal_number: str = ""
    late: bool = False
    asked: Circumstances | None = None
    """As in `AdmissionBody`."""
    unmapped: tuple[str, ...] = ()
    """Ids of the lines of which nobody could say what they are: without a category, or with one that no rule names."""


class RefundBody(Body, frozen=True):
    """What was given back of the receipt in entry `receipt`, as its own decision says. `key` is the caller's, as in
    `ReceiptBody`. `before`: what of its lines had come back earlier (line → thousandths); `rest`: whether anything is
    left. `printed_by` is absent when there is no paper that says so; for `gateway` the number follows in a
    `fiscal_outcome` of the key `work`: only when that says `printed` was anything given back."""

    station: str
    key: str
    receipt: str
    refund: Refund
    reason: RefundReason
    means: Means
    printed_by: PrintedBy | None = None
    fiscal_number: str = ""
    work: str = ""
    before: dict[str, Thousandths] = msgspec.field(default_factory=dict)
    rest: bool = False


class FiscalWorkBody(Body, frozen=True):
    """A work was asked for on one of the gateway's own fiscal devices, without a decision, and is recorded before the
    device hears of it: a report or a movement of cash at a till (`scheduled`: by the configured hour), or whatever a
    program asks of another face: as `client`, on what that knows as `printer`, under its own id `task`."""

    station: str
    device: str
    work: Work
    printer: str = ""
    task: str = ""
    client: str = ""
    scheduled: bool = False


class FiscalStepBody(Body, frozen=True):
    """A durable point of a work on one of the gateway's own fiscal devices. `station`: the station or face that asked.
    `baseline`: number of the last document before it; `counters`: all counters before it, with the point `intent`."""

    station: str
    key: str
    point: str
    baseline: str = ""
    number: str = ""
    device: str = ""
    counters: Baseline | None = None


class FiscalOutcomeBody(Body, frozen=True):
    """How a work ended: printed, refused, cancelled or unknown. A later one of the same key is the newer word: an
    `unknown` was read back from the device, or (`by`) a person says what stands on the paper. `kind`: `receipt`,
    `reversal`, `x`, `z` or `cash`. `device_time`, `fiscal_memory`, `z_number`: as the device says."""

    station: str
    key: str
    outcome: str
    number: str = ""
    total_cents: int = 0
    reason: str = ""
    device: str = ""
    kind: str = "receipt"
    code: str = ""
    device_time: str = ""
    fiscal_memory: str = ""
    z_number: str = ""
    by: str = ""
    vat: tuple[VatSum, ...] = ()
    """By the device's own count and rounding: this is what stands on paper, whatever the decision's figure is."""


class ZSeenBody(Body, frozen=True):
    """A fiscal device has printed a Z report that nobody here asked for: the number of its last one was `before`."""

    device: str
    before: str
    now: str


class ZDueBody(Body, frozen=True):
    """Nobody has printed the Z report of a fiscal device for so many hours after the day's first receipt; after 24 it
    sells no more."""

    device: str
    hours: int
    alarm: bool = True
