"""Datecs version 2 (the "X" devices) as tables: status bits, payments, limits, and what differs by model and firmware.

Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, "Status bits" and commands 43, 48, 49, 51, 53, 54, 255.
"""

from __future__ import annotations

import msgspec

from drivers.contract.printer import Payment
from drivers.fiscal.families import Family, Flag, Sign

# Only what speaks of the command itself refuses: that a device ran out of paper is told by bits under a command that
# was carried out, too, and the error code in DATA says which it was. The sums 0.5 and 4.5 are left out.
FLAGS = (
    Flag(0, 0, Sign.SYNTAX, refuses=True),
    Flag(0, 1, Sign.UNKNOWN_COMMAND, refuses=True),
    Flag(0, 2, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(0, 4, Sign.PRINT_UNIT, blocks=True),
    Flag(0, 6, Sign.COVER_OPEN, blocks=True),
    Flag(1, 0, Sign.OVERFLOW, refuses=True),
    Flag(1, 1, Sign.NOT_ALLOWED, refuses=True),
    Flag(2, 0, Sign.PAPER_OUT, blocks=True),
    Flag(2, 1, Sign.PAPER_LOW),
    Flag(2, 2, Sign.JOURNAL_FULL, blocks=True),
    Flag(2, 3, Sign.RECEIPT_OPEN, blocks=True),
    Flag(2, 4, Sign.JOURNAL_ALMOST_FULL),
    Flag(2, 5, Sign.SERVICE_OPEN, blocks=True),
    Flag(4, 0, Sign.MEMORY_READ, blocks=True),
    Flag(4, 3, Sign.MEMORY_ALMOST_FULL),
    Flag(4, 4, Sign.MEMORY_FULL, blocks=True),
    Flag(4, 6, Sign.MEMORY_READ, blocks=True),
    Flag(5, 3, Sign.TRAINING, set_means=False),
)

DATECS_V2 = Family(
    name="datecs-v2",
    flags=FLAGS,
    # 2 is the card that goes through the device's own pinpad: a payment by it could charge a card a second time, and
    # can end in "not known" between the two (error -111560). A card that a terminal of its own has charged is 1.
    # Which names are printed for 3 to 5 is programmed in the device; these are what they are used for elsewhere
    # (ErpNet.FP and UcsFiscalPrinters agree).
    payments={
        Payment.CASH: "0",
        Payment.CARD: "1",
        Payment.CHEQUE: "3",
        Payment.EXTERNAL_COUPON: "4",
        Payment.COUPON: "5",
    },
    default_password="",  # by model: see `Shape.password`
    text_bytes=72,
    max_lines=512,
    max_cents=999_999_999,
    max_quantity=999_999_999,
    other_models=(),  # a device of another family does not answer these frames
    note_bytes=40,
    reversal_needs=("device_time", "fiscal_memory"),
    document_ways=1,
    zero_total=False,  # error -111065 names such a receipt; nothing says that it can be closed
)


class Shape(msgspec.Struct, frozen=True):
    """What one model or firmware takes that another does not."""

    columns: int = 42
    """Characters on a line of paper; a line of text takes two less."""
    password: str = "0000"
    """An operator's password from the factory. Empty: it equals the operator's number."""
    sale_number: bool = True
    """48 and 43 have a field for the unique sale number."""
    unit: bytes = b""
    """49 ends with a field for the unit, which is never empty. Empty: it ends before it."""
    summer_time: bool = True
    """61 takes ` DST` behind the time."""


class Row(msgspec.Struct, frozen=True):
    """A shape, and how the names of the models and of the firmware begin that have it."""

    model: str
    firmware: str
    shape: Shape


_CASH_REGISTER = Shape(password="")

SHAPES: tuple[Row, ...] = (
    Row("FMP-55X", "", Shape(columns=32)),
    Row("DP-", "", _CASH_REGISTER),
    Row("WP-", "", _CASH_REGISTER),
)
"""The first row that fits counts. No firmware that is documented (v2.02 to v2.08) needs a row of its own: each takes
the order of fields without unit, and with or without a sale number."""


def shape_of(model: str, firmware: str, rows: tuple[Row, ...] = SHAPES) -> Shape:
    """The shape of a device. What no row knows is a printer like FP-700X."""
    fitting = (row.shape for row in rows if model.startswith(row.model) and firmware.startswith(row.firmware))
    return next(fitting, Shape())


def family_of(family: Family, shape: Shape) -> Family:
    """The family table for a device of this shape."""
    return msgspec.structs.replace(family, note_bytes=shape.columns - 2)
