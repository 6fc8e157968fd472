"""What every family of fiscal devices can be asked, and how it answers: the port between the course of a receipt and
the families' own commands. Pure.

A dialect turns an operation into one command and an answer into a `Said`. It holds tables and parsers, no flow: what
happens after what is decided by the course alone, the same for all families.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from drivers.contract.printer import BasisPoints, Cents, Payment, Reversal, Thousandths
from drivers.fiscal.families import Family, Sign

# Frames ----------------------------------------------------------------------------------------------------


class Signal(StrEnum):
    """Answers without a frame. NAK: the request came broken, send it again. SYN: busy with this request, wait on.
    RETRY: busy, this request was not taken, send it again later."""

    NAK = "nak"
    SYN = "syn"
    RETRY = "retry"


class Answer(msgspec.Struct, frozen=True):
    """One answer frame whose checksum is right. `command` is None where the family's answer does not name it; `data` is
    unescaped; `status` are its status bytes as they come."""

    seq: int
    command: int | None
    data: bytes
    status: bytes


Event = Answer | Signal


class Parser(Protocol):
    """Finds answers in whatever comes, in chunks of any size. Raises nothing; holds a bounded number of bytes."""

    def feed(self, data: bytes) -> list[Event]:
        """What `data` completes. Empty: the line was quiet for a moment."""
        ...

    def expire(self) -> list[Event]:
        """The line has been silent: what has begun will not be completed."""
        ...

    def reset(self) -> None: ...


class Framing(Protocol):
    """A family's frames."""

    seq_first: int
    seq_last: int
    repeats: bool
    """The device answers a frame that carries the number of the frame before it with its last answer, and executes
    nothing. Only then is a frame sent again after silence."""

    def encode(self, seq: int, command: int, data: bytes) -> bytes:
        """Raises `ValueError` when no frame can carry it."""
        ...

    def parser(self) -> Parser: ...


# Operations ------------------------------------------------------------------------------------------------


class Identify(msgspec.Struct, frozen=True):
    """The first thing that is ever sent. Answered by `Identity`. A family may need more than one command: see
    `Family.reads_identity`; the first tells the model."""

    part: int = 0


class ReadStatus(msgspec.Struct, frozen=True):
    """Signs only. A reading-back begins with it: after a power cut inside a receipt a Tremol device may answer every
    other command by `Sign.POWER_CUT` until its status was read."""


class ReadTransaction(msgspec.Struct, frozen=True):
    """The current receipt, or the last one. Answered by `Transaction`. A family may need more than one command: see
    `Family.reads_transaction`; the first tells the stage. A later part that is refused leaves its fields untold."""

    part: int = 0


class ReadLast(msgspec.Struct, frozen=True):
    """The last document. Answered by `Last`."""


class ReadDay(msgspec.Struct, frozen=True):
    """Number of the last Z report and sums since. Answered by `Day`. A family may need more than one command: see
    `Dialect.reads_day`."""

    part: int = 0


class ReadCash(msgspec.Struct, frozen=True):
    """What is in the drawer. Answered by `Cash`."""


class ReadClock(msgspec.Struct, frozen=True):
    """Answered by `DeviceClock`."""


class ReadRates(msgspec.Struct, frozen=True):
    """Answered by `Rates`."""


class ReadDocument(msgspec.Struct, frozen=True):
    """A document out of the device's own journal, by the number that stands on it. Answered by `Document`. A family
    that tells it line by line is asked for part 1, 2 and so on until `Document.ended`. `way`: see
    `Family.document_ways`."""

    number: str
    part: int = 0
    way: int = 0


class ReadError(msgspec.Struct, frozen=True):
    """Why the command before was refused, where the family tells it apart from the refusal: see `Family.reads_error`.
    Answered by `Said.code`, and by a sign where the code is one that the course knows."""


class Open(msgspec.Struct, frozen=True):
    sale_number: str = ""


class OpenReversal(msgspec.Struct, frozen=True):
    reversal: Reversal
    sale_number: str = ""


class Text(msgspec.Struct, frozen=True):
    """A line of text within a receipt, encoded already."""

    text: bytes


class Sale(msgspec.Struct, frozen=True):
    """A line; `text` is encoded already. At most one of discount and surcharge."""

    text: bytes
    vat: str
    unit_cents: Cents
    quantity: Thousandths
    discount_cents: Cents = 0
    surcharge_cents: Cents = 0


class AdjustSubtotal(msgspec.Struct, frozen=True):
    """Lower (negative) or raise the subtotal by an amount. Answered by `Subtotal` where the family tells it."""

    cents: Cents
    vat: str = ""


class ReadSubtotal(msgspec.Struct, frozen=True):
    """Answered by `Subtotal`."""


class Pay(msgspec.Struct, frozen=True):
    """An amount, never "the rest": what differs must be noticed. Answered by `Paid`."""

    means: Payment
    cents: Cents


class Close(msgspec.Struct, frozen=True):
    """Answered by `Last` where the family tells its number, else nothing."""


class Cancel(msgspec.Struct, frozen=True):
    """Only while nothing is paid: some families close a half-paid receipt instead."""


class PrintDay(msgspec.Struct, frozen=True):
    """X or Z report. Answered by `Day` where the family tells it."""

    z: bool


class MoveCash(msgspec.Struct, frozen=True):
    cents: Cents


class WriteClock(msgspec.Struct, frozen=True):
    """`summer`: summer time holds then. Told to a family that writes it."""

    device_time: str
    summer: bool = False


class OpenSlip(msgspec.Struct, frozen=True):
    """A non-fiscal document."""


class SlipLine(msgspec.Struct, frozen=True):
    text: bytes


class CloseSlip(msgspec.Struct, frozen=True):
    pass


class CopyLast(msgspec.Struct, frozen=True):
    """A copy of the last receipt."""


Operation = (
    Identify | ReadStatus | ReadTransaction | ReadLast | ReadDay | ReadCash | ReadClock | ReadRates | ReadError
    | ReadDocument | Open | OpenReversal | Text | Sale | AdjustSubtotal | ReadSubtotal | Pay | Close | Cancel
    | PrintDay | MoveCash | WriteClock | OpenSlip | SlipLine | CloseSlip | CopyLast
)  # fmt: skip


# Answers ---------------------------------------------------------------------------------------------------


class Identity(msgspec.Struct, frozen=True):
    """Which device it is. Never fails on a shape: firmware of other countries answers with other fields, left empty."""

    model: str
    firmware: str = ""
    serial: str = ""
    fiscal_memory: str = ""
    tax_number: str = ""


class Stage(StrEnum):
    """Where the receipt on the device stands. NONE: none is open."""

    NONE = "none"
    OPEN = "open"
    PAYING = "paying"
    PAID = "paid"


class Transaction(msgspec.Struct, frozen=True):
    """The current receipt, or the last one when `stage` is NONE. What the family does not tell is None: then
    `paid_cents` has to be worked out by paying (see the course)."""

    stage: Stage
    reversal: bool = False
    items: int | None = None
    amount_cents: Cents | None = None
    paid_cents: Cents | None = None


class Last(msgspec.Struct, frozen=True):
    """The last document."""

    number: str
    device_time: str = ""
    z_number: str = ""


class Document(msgspec.Struct, frozen=True):
    """What the journal tells of a receipt that counts; empty and None: not told. Of any other document it has no number
    here. `ended`: there is no more of it to be read."""

    number: str = ""
    device_time: str = ""
    reversal: bool | None = None
    amount_cents: Cents | None = None
    fiscal_memory: str = ""
    ended: bool = True


class Day(msgspec.Struct, frozen=True):
    z_number: str = ""
    sold_cents: Cents | None = None
    returned_cents: Cents | None = None


class Cash(msgspec.Struct, frozen=True):
    cents: Cents


class DeviceClock(msgspec.Struct, frozen=True):
    device_time: str


class Rates(msgspec.Struct, frozen=True):
    """VAT letter (A to H) to basis points, of those in use."""

    rates: dict[str, BasisPoints]


class Subtotal(msgspec.Struct, frozen=True):
    """`groups`: what each VAT letter has of it, where the family tells; letters without a sum are left out."""

    cents: Cents
    groups: dict[str, Cents] = {}


class Paid(msgspec.Struct, frozen=True):
    """After a payment: what is still due, or the change; both 0 when exactly paid. None: the family does not tell."""

    due_cents: Cents | None = None
    change_cents: Cents | None = None


_Parted = TypeVar("_Parted", Identity, Transaction, Day, Document)


def merged(parts: Sequence[_Parted]) -> _Parted:
    """One value out of its parts, at least one: each field as the first part says that tells it."""
    first, *more = parts
    for part in more:
        untold = [name for name in first.__struct_fields__ if getattr(first, name) in (None, "")]
        first = msgspec.structs.replace(first, **{name: getattr(part, name) for name in untold})
    return first


Value = Identity | Transaction | Last | Document | Day | Cash | DeviceClock | Rates | Subtotal | Paid


class Said(msgspec.Struct, frozen=True):
    """What an answer says. `refused` is empty when the command was carried out, else why not, for a person (bits, error
    code in DATA, letter: whichever says so); it changed nothing then. `code` is the device's own error code."""

    signs: frozenset[Sign]
    refused: str = ""
    code: str = ""
    value: Value | None = None


class DataError(ValueError):
    """An answer whose DATA is not what the command answers with."""


class Clerk(msgspec.Struct, frozen=True):
    """Who prints, as a dialect has to tell the device. Never shown: it holds the password."""

    operator: str
    password: str
    till: str

    def __repr__(self) -> str:
        return f"Clerk(operator={self.operator!r}, till={self.till!r})"


class Dialect(Protocol):
    """How one family is spoken to."""

    family: Family
    framing: Framing
    reads_day: int
    """How many `ReadDay` parts make a `Day`; their values are merged field by field."""
    tells_paid: bool
    """`Transaction.paid_cents` is told; None where an older device refuses the part that tells it."""

    def request(self, operation: Operation) -> tuple[int, bytes]:
        """Command and DATA. Raises `ValueError` for what the family cannot do: the plan has refused it before."""
        ...

    def said(self, operation: Operation, answer: Answer) -> Said:
        """Raises `DataError`; never for an answer that refuses."""
        ...
