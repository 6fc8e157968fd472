"""Datecs version 1 as tables: group A (printers) and group B (cash registers). Status bits, payment letters, limits.

Source: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, and group B, v2.04BG: "Status bits" and
the commands 42, 48, 49, 53 and 54. The two look the same on the wire: the letter C of a payment is a cheque in A and a
card in B.
"""

from __future__ import annotations

from drivers.contract.printer import Payment
from drivers.fiscal.families import Family, Flag, Sign

# The bits 0.5 and 4.5 are sums of others, and some of those stand for days (a low clock battery) while every
# command is carried out: they are no refusal and are left out on purpose.
_COMMON = (
    Flag(0, 0, Sign.SYNTAX, refuses=True),
    Flag(0, 1, Sign.UNKNOWN_COMMAND, refuses=True),
    Flag(0, 2, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(0, 3, Sign.NO_DISPLAY),
    Flag(1, 0, Sign.OVERFLOW, refuses=True),
    Flag(1, 1, Sign.NOT_ALLOWED, refuses=True),
    Flag(1, 6, Sign.TAX_TERMINAL),
    Flag(2, 0, Sign.PAPER_OUT, refuses=True, blocks=True),
    Flag(2, 2, Sign.JOURNAL_NEARLY_FULL),
    Flag(2, 3, Sign.RECEIPT_OPEN, blocks=True),
    Flag(2, 4, Sign.JOURNAL_ALMOST_FULL),
    Flag(2, 5, Sign.SERVICE_OPEN, blocks=True),
    Flag(4, 0, Sign.MEMORY_WRITE, refuses=True, blocks=True),
    Flag(4, 3, Sign.MEMORY_ALMOST_FULL),
    Flag(4, 4, Sign.MEMORY_FULL, blocks=True),
    Flag(5, 3, Sign.TRAINING, set_means=False),
)

GROUP_A_FLAGS = (
    *_COMMON,
    Flag(0, 4, Sign.PRINT_UNIT, blocks=True),
    Flag(0, 6, Sign.COVER_OPEN, blocks=True),
    Flag(1, 2, Sign.RAM_RESET),
    Flag(1, 3, Sign.CLOCK_BATTERY),
    Flag(1, 4, Sign.STORNO_OPEN, blocks=True),
    Flag(1, 5, Sign.ROTATED_OPEN, blocks=True),
    Flag(2, 1, Sign.PAPER_LOW),
    Flag(2, 6, Sign.JOURNAL_ALMOST_FULL),
    Flag(4, 6, Sign.HEAD_HOT),
    Flag(5, 0, Sign.MEMORY_LOCKED, blocks=True),
    Flag(5, 2, Sign.MEMORY_WRITE, refuses=True, blocks=True),
    Flag(5, 5, Sign.MEMORY_READ, blocks=True),
)

GROUP_B_FLAGS = (*_COMMON, Flag(1, 5, Sign.DOCUMENTS_UNSENT))
"""The bits that group B reserves say nothing, whatever they hold."""

_REVERSAL_NEEDS = ("device_time", "fiscal_memory")
"""Without them a device of group A prints the whole reversal by itself, out of its journal (command 46)."""

_ENDINGS_OF_VERSION_2 = ("X", "XR", "XE")

DATECS_V1_A = Family(
    name="datecs-v1",
    flags=GROUP_A_FLAGS,
    payments={
        Payment.CASH: "P",
        Payment.CARD: "D",
        Payment.CREDIT: "N",
        Payment.CHEQUE: "C",
        Payment.COUPON: "m",
        Payment.EXTERNAL_COUPON: "n",
        Payment.PACKAGING: "o",
        Payment.INTERNAL: "p",
        Payment.DAMAGE: "q",
        Payment.BANK: "r",
        Payment.RESERVED1: "I",
        Payment.RESERVED2: "J",
    },
    default_password="0000",  # noqa: S106  the documented factory default, not a secret
    text_bytes=42,
    note_bytes=42,
    max_lines=512,
    reads_error=True,
    document_ways=1,
    vat_by_net=True,
    max_cents=99_999_999,
    max_quantity=99_999_999,
    other_models=("DP-", "WP-"),
    other_endings=_ENDINGS_OF_VERSION_2,
    reversal_needs=_REVERSAL_NEEDS,
)

DATECS_V1_B = Family(
    name="datecs-v1b",
    flags=GROUP_B_FLAGS,
    payments={
        Payment.CASH: "P",
        Payment.CARD: "C",
        Payment.CREDIT: "N",
        Payment.COUPON: "J",
        Payment.EXTERNAL_COUPON: "I",
        Payment.RESERVED1: "D",
    },
    default_password="1",  # noqa: S106  the documented factory default, not a secret
    text_bytes=22,
    note_bytes=36,
    max_lines=120,
    max_cents=99_999_999,
    max_quantity=99_999_999,
    other_models=("FP-", "FMP-", "SK1"),
    other_endings=_ENDINGS_OF_VERSION_2,
    reversal_needs=_REVERSAL_NEEDS,
    document_ways=1,
)
