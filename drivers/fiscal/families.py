"""Families of fiscal devices as tables: status bits, letters, limits. Never one table for all.

Source of group A: Datecs, Communication Protocol for Fiscal Devices, group A, v1.00BG, "Status bytes" and
the commands 48, 49 and 53. The same bits mean other things in group B and in the FP300 family, and the
letters C and D of a payment are swapped between A and B.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from drivers.contract.printer import Payment


class Sign(StrEnum):
    """What a status bit says, whatever the family. The names appear in `PrinterStatus.problems`."""

    SYNTAX = "syntax_error"
    UNKNOWN_COMMAND = "unknown_command"
    NOT_ALLOWED = "not_allowed_now"
    OVERFLOW = "overflow"
    COVER_OPEN = "cover_open"
    PAPER_OUT = "paper_out"
    PAPER_LOW = "paper_low"
    PRINT_UNIT = "print_unit_fault"
    HEAD_HOT = "print_head_hot"
    NO_DISPLAY = "display_missing"
    CLOCK_NOT_SET = "clock_not_set"
    CLOCK_BATTERY = "clock_battery_low"
    RAM_RESET = "ram_was_reset"
    TAX_TERMINAL = "tax_terminal_silent"
    RECEIPT_OPEN = "receipt_open"
    STORNO_OPEN = "storno_receipt_open"
    SERVICE_OPEN = "service_receipt_open"
    ROTATED_OPEN = "rotated_receipt_open"
    JOURNAL_ALMOST_FULL = "journal_almost_full"
    JOURNAL_NEARLY_FULL = "journal_nearly_full"
    MEMORY_FULL = "fiscal_memory_full"
    MEMORY_ALMOST_FULL = "fiscal_memory_almost_full"
    MEMORY_WRITE = "fiscal_memory_write_failed"
    MEMORY_READ = "fiscal_memory_read_error"
    MEMORY_LOCKED = "fiscal_memory_read_only"
    TRAINING = "training_mode"
    DAY_OVER = "z_overdue"
    JOURNAL_FULL = "journal_full"


class Flag(msgspec.Struct, frozen=True):
    """One status bit. `refuses`: set in an answer, it says that the command was not carried out.
    `blocks`: while it is set, no receipt is begun. `set_means` is False where the bit's absence is the sign.
    """

    byte: int
    bit: int
    sign: Sign
    refuses: bool = False
    blocks: bool = False
    set_means: bool = True


class Family(msgspec.Struct, frozen=True):
    """What this driver needs to know of one family."""

    name: str
    flags: tuple[Flag, ...]
    payments: Mapping[Payment, str]
    default_password: str
    text_bytes: int
    """Bytes of an item's text, after encoding."""
    max_lines: int
    max_cents: int
    """Largest price or total that is sent. Ours, and below what nine digits in the answers can hold."""
    max_quantity: int
    other_models: tuple[str, ...]
    """How the names of devices begin that speak the same frames and belong to another family."""
    manufacturer: str = "Datecs"
    note_bytes: int = 42
    """Bytes of a line of text within a receipt."""
    max_password: int = 8
    adjusts: bool = True
    """Takes an amount off the subtotal; with `adjust_needs_vat` only where all lines are of one VAT letter."""
    adjust_needs_vat: bool = False
    zero_total: bool = False
    """Closes a receipt whose total is 0."""
    reversals: bool = True
    reversal_needs: tuple[str, ...] = ()
    """Fields of `Reversal` that the family cannot do without."""
    day_hours: float = 24.0
    """From the day's first receipt to when the device takes none before its Z report."""

    def signs(self, status: bytes) -> frozenset[Sign]:
        """What the status bytes of an answer say."""
        return frozenset(flag.sign for flag in self.flags if bool(status[flag.byte] >> flag.bit & 1) is flag.set_means)

    def refusals(self, signs: frozenset[Sign]) -> tuple[Sign, ...]:
        """Those that say that the command was not carried out."""
        return tuple(flag.sign for flag in self.flags if flag.refuses and flag.sign in signs)

    def blocks(self, signs: frozenset[Sign]) -> tuple[Sign, ...]:
        """Those because of which no receipt may be begun."""
        return tuple(flag.sign for flag in self.flags if flag.blocks and flag.sign in signs)


# The bits 0.5 and 4.5 are sums of others, and some of those stand for days (a low clock battery) while every
# command is carried out: they are no refusal and are left out on purpose.
GROUP_A_FLAGS = (
    Flag(0, 0, Sign.SYNTAX, refuses=True),
    Flag(0, 1, Sign.UNKNOWN_COMMAND, refuses=True),
    Flag(0, 2, Sign.CLOCK_NOT_SET, blocks=True),
    Flag(0, 3, Sign.NO_DISPLAY),
    Flag(0, 4, Sign.PRINT_UNIT, blocks=True),
    Flag(0, 6, Sign.COVER_OPEN, blocks=True),
    Flag(1, 0, Sign.OVERFLOW, refuses=True),
    Flag(1, 1, Sign.NOT_ALLOWED, refuses=True),
    Flag(1, 2, Sign.RAM_RESET),
    Flag(1, 3, Sign.CLOCK_BATTERY),
    Flag(1, 4, Sign.STORNO_OPEN, blocks=True),
    Flag(1, 5, Sign.ROTATED_OPEN, blocks=True),
    Flag(1, 6, Sign.TAX_TERMINAL),
    Flag(2, 0, Sign.PAPER_OUT, refuses=True, blocks=True),
    Flag(2, 1, Sign.PAPER_LOW),
    Flag(2, 2, Sign.JOURNAL_NEARLY_FULL),
    Flag(2, 3, Sign.RECEIPT_OPEN, blocks=True),
    Flag(2, 4, Sign.JOURNAL_ALMOST_FULL),
    Flag(2, 5, Sign.SERVICE_OPEN, blocks=True),
    Flag(2, 6, Sign.JOURNAL_ALMOST_FULL),
    Flag(4, 0, Sign.MEMORY_WRITE, refuses=True, blocks=True),
    Flag(4, 3, Sign.MEMORY_ALMOST_FULL),
    Flag(4, 4, Sign.MEMORY_FULL, blocks=True),
    Flag(4, 6, Sign.HEAD_HOT),
    Flag(5, 0, Sign.MEMORY_LOCKED, blocks=True),
    Flag(5, 2, Sign.MEMORY_WRITE, refuses=True, blocks=True),
    Flag(5, 3, Sign.TRAINING, set_means=False),
    Flag(5, 5, Sign.MEMORY_READ, blocks=True),
)

DATECS_V1_A = Family(
    name="datecs-v1",
    flags=GROUP_A_FLAGS,
    payments={Payment.CASH: "P", Payment.CARD: "D"},
    default_password="0000",  # noqa: S106  the documented factory default, not a secret
    text_bytes=42,
    max_lines=512,
    max_cents=99_999_999,
    max_quantity=99_999_999,
    other_models=("DP-", "WP-"),  # group B
)

FAMILIES: Mapping[str, Family] = {DATECS_V1_A.name: DATECS_V1_A}
