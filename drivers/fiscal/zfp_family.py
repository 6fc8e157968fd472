"""The family of Tremol ZFP devices as tables: what the two digits of an acknowledgement say, the status bits, limits.

Source: Tremol, Protocol description, BG, v1910211454, 1.2.1 "Table Errors" and command 20h; the older edition (EN,
"new FU") has the same, with five status bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from drivers.contract.printer import Payment
from drivers.fiscal.families import Family, Flag, Sign


class Fault(msgspec.Struct, frozen=True):
    """One value of a digit: for a person, and for the tables."""

    words: str
    sign: Sign | None = None


DEVICE_FAULTS: Mapping[int, Fault] = {
    1: Fault("no paper, or the printing unit fails", Sign.PAPER_OUT),
    2: Fault("a register overflows", Sign.OVERFLOW),
    3: Fault("the clock fails or is not set", Sign.CLOCK_NOT_SET),
    4: Fault("a fiscal receipt is open", Sign.RECEIPT_OPEN),
    5: Fault("the receipt is not paid in full", Sign.RECEIPT_OPEN),
    6: Fault("a non-fiscal receipt is open", Sign.SERVICE_OPEN),
    7: Fault("the receipt is paid and not closed", Sign.RECEIPT_OPEN),
    8: Fault("the fiscal memory fails", Sign.MEMORY_READ),
    9: Fault("wrong password of the operator"),
    10: Fault("the customer display is missing", Sign.NO_DISPLAY),
    11: Fault("24 hours without a Z report", Sign.DAY_OVER),
    12: Fault("the print head is too hot", Sign.HEAD_HOT),
    13: Fault("the power was cut inside a fiscal receipt", Sign.POWER_CUT),
    14: Fault("the electronic journal is full", Sign.JOURNAL_FULL),
    15: Fault("the conditions for it are not met", Sign.NOT_ALLOWED),
}
"""STE1 less 30h. It says why a command is refused."""

POWER_CUT = 13
"""The one that comes once, until the status is read, with whatever command is first: by itself it does not say whether
that command was carried out."""

COMMAND_FAULTS: Mapping[int, Fault] = {
    1: Fault("unknown command", Sign.UNKNOWN_COMMAND),
    2: Fault("not allowed now", Sign.NOT_ALLOWED),
    3: Fault("a Z report has to be printed first", Sign.NOT_ALLOWED),
    4: Fault("syntax error", Sign.SYNTAX),
    5: Fault("a value is too large", Sign.OVERFLOW),
    6: Fault("a value is zero", Sign.SYNTAX),
    7: Fault("there is nothing to correct", Sign.NOT_ALLOWED),
    8: Fault("not enough cash in the drawer", Sign.NOT_ALLOWED),
}
"""STE2 less 30h."""

STATUS_BYTES = 7

FLAGS = (
    Flag(0, 0, Sign.MEMORY_LOCKED, blocks=True),
    Flag(0, 1, Sign.POWER_CUT),
    Flag(0, 2, Sign.HEAD_HOT, blocks=True),
    Flag(0, 3, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(0, 4, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(0, 5, Sign.RAM_RESET),
    Flag(0, 6, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(1, 0, Sign.PAPER_OUT, blocks=True),
    Flag(1, 1, Sign.OVERFLOW, blocks=True),
    Flag(2, 0, Sign.SERVICE_OPEN, blocks=True),
    Flag(2, 1, Sign.RECEIPT_OPEN, blocks=True),
    Flag(2, 5, Sign.JOURNAL_NEARLY_FULL),
    Flag(2, 6, Sign.JOURNAL_FULL, blocks=True),
    Flag(3, 0, Sign.MEMORY_READ, blocks=True),
    Flag(3, 1, Sign.MEMORY_READ, blocks=True),
    Flag(3, 2, Sign.MEMORY_FULL, blocks=True),
    Flag(3, 3, Sign.MEMORY_ALMOST_FULL),
    # Prices of a device that is set to whole numbers would be a hundred times what they are meant to be.
    Flag(3, 4, Sign.WHOLE_NUMBERS, blocks=True, set_means=False),
    Flag(3, 5, Sign.TRAINING, set_means=False),
    Flag(5, 1, Sign.TAX_TERMINAL),
    Flag(6, 4, Sign.PAPER_LOW),
)
"""Of the answer to 20h. None refuses: an acknowledgement says that, not the status."""

TREMOL = Family(
    name="tremol",
    flags=FLAGS,
    payments={
        Payment.CASH: "0",
        Payment.CHEQUE: "1",
        Payment.COUPON: "2",
        Payment.EXTERNAL_COUPON: "3",
        Payment.PACKAGING: "4",
        Payment.INTERNAL: "5",
        Payment.DAMAGE: "6",
        Payment.CARD: "7",
        Payment.BANK: "8",
        Payment.RESERVED1: "9",
        Payment.RESERVED2: "10",
    },
    default_password="0000",  # noqa: S106  the documented factory default, not a secret
    text_bytes=34,
    max_lines=512,
    max_cents=999_999,
    max_quantity=99_999_999,
    other_models=(),
    other_endings=("V2",),
    manufacturer="Tremol",
    note_bytes=30,
    max_password=6,
    adjusts=True,
    adjust_needs_vat=True,
    zero_total=False,
    reversals=True,
    reads_identity=3,
    reads_transaction=2,
    reads_subtotal=2,
    vat_by_net=None,
    reversal_needs=("number", "device_time", "fiscal_memory"),
    document_ways=2,
)
"""`text_bytes`: a name has 36, of which 34 are printed. `note_bytes`: two less than the paper's width, which is 32 on
the narrow models. The digits of payments are the order of erpnet/ErpNet.FP, BgZfpFiscalPrinter.cs; 9 and 10 are
programmed at the device. The cash registers whose model ends in V2 count them otherwise (1 is card, 2 cheque) and are
another family. `max_cents`: a discount has 8 symbols, its sign and point among them."""
