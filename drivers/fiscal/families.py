"""What a family of fiscal devices is, as a table: status bits, letters, limits. Never one table for all.

The families' own tables stand beside their dialects.
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
    POWER_CUT = "power_cut_in_receipt"
    JOURNAL_FULL = "journal_full"
    WHOLE_NUMBERS = "prices_without_cents"
    DOCUMENTS_UNSENT = "documents_unsent"


OPEN_SIGNS = frozenset({Sign.RECEIPT_OPEN, Sign.STORNO_OPEN})
"""A fiscal receipt is open, of a sale or of what is given back."""

HOLD_SIGNS = frozenset({Sign.PAPER_OUT, Sign.COVER_OPEN, Sign.HEAD_HOT})
"""What a person puts right (or time does) while a receipt waits in the middle; the command is then sent once more."""


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
    other_endings: tuple[str, ...] = ()
    """How the names of such devices end."""
    manufacturer: str = "Datecs"
    note_bytes: int = 42
    """Bytes of a line of text within a receipt."""
    max_password: int = 8
    adjusts: bool = True
    """Takes an amount off the subtotal; with `adjust_needs_vat` only where all lines are of one VAT letter."""
    adjust_needs_vat: bool = False
    vat_by_net: bool | None = False
    """How the device takes VAT out of a gross sum (see `vat`). None: no document says."""
    zero_total: bool = False
    """Closes a receipt whose total is 0."""
    reversals: bool = True
    reversal_needs: tuple[str, ...] = ()
    """Fields of `Reversal` that the family cannot do without."""
    day_hours: float = 24.0
    """From the day's first receipt to when the device takes none before its Z report."""
    reads_identity: int = 1
    """How many `Identify` parts make an `Identity`; see `said.merged`."""
    reads_error: bool = False
    """`ReadError` tells why the command before was refused."""
    document_ways: int = 0
    """How many commands there are for `ReadDocument`, the next one for firmware that refuses the one before; none of
    them where the family's documents name no such command."""
    reads_transaction: int = 1
    """How many `ReadTransaction` parts make a `Transaction`."""
    reads_subtotal: int = 1
    """2: what each VAT letter has of the subtotal is told by `ReadSubtotal(1)`."""

    def is_other(self, model: str) -> bool:
        """True when a device of this name belongs to another family."""
        return model.startswith(self.other_models) or model.endswith(self.other_endings)

    def signs(self, status: bytes) -> frozenset[Sign]:
        """What the status bytes of an answer say."""
        return frozenset(flag.sign for flag in self.flags if bool(status[flag.byte] >> flag.bit & 1) is flag.set_means)

    def refusals(self, signs: frozenset[Sign]) -> tuple[Sign, ...]:
        """Those that say that the command was not carried out."""
        return tuple(flag.sign for flag in self.flags if flag.refuses and flag.sign in signs)

    def blocks(self, signs: frozenset[Sign]) -> tuple[Sign, ...]:
        """Those because of which no receipt may be begun."""
        return tuple(flag.sign for flag in self.flags if flag.blocks and flag.sign in signs)
