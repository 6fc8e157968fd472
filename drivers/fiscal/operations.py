"""What every family of fiscal devices can be asked: reads, and the steps of receipts, reports, cash and slips. Pure."""

from __future__ import annotations

import msgspec

from drivers.contract.printer import Cents, Payment, Reversal, Thousandths


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
    """Answered by `Subtotal`. A family may need a second command for what each VAT letter has of it: see
    `Family.reads_subtotal`."""

    part: int = 0


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
