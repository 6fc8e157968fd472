"""What can be wrong at a fiscal printer, each with the cause and what to do next.

Two tables: `Trouble`, for which the device is reported lost, and `Reason`, why a receipt was not printed or
is not known to be. Codes are closed; the pages in docs/drivers/fiscal.md list the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from drivers.contract.core import Problem


class Trouble(StrEnum):
    """Because of which the device cannot be used at all."""

    PORT_MISSING = "port_missing"
    PORT_BUSY = "port_busy"
    PORT_GONE = "port_gone"
    NO_ANSWER = "no_answer"
    NOT_UNDERSTOOD = "not_understood"
    BUSY_TOO_LONG = "busy_too_long"
    WRONG_FAMILY = "wrong_family"
    BAD_PASSWORD_FILE = "bad_password_file"
    BAD_ENCODING = "bad_encoding"
    STRANGE_ANSWER = "strange_answer"


_TROUBLES: Mapping[Trouble, tuple[str, str]] = {
    Trouble.PORT_MISSING: (
        "{port} cannot be opened: {what}",
        "Plug in the printer's cable and check that `port` names it under /dev/serial/by-id",
    ),
    Trouble.PORT_BUSY: (
        "{port} is in use by another program",
        "End the other program: two masters on one fiscal printer print receipts twice",
    ),
    Trouble.PORT_GONE: ("{port} went away: {what}", "Plug the printer's cable in again"),
    Trouble.NO_ANSWER: (
        "the printer on {port} does not answer: {what}",
        "Check that the printer is on, its cable, and that `baud` is what the printer is set to",
    ),
    Trouble.NOT_UNDERSTOOD: (
        "the printer on {port} reports every frame as broken: {what}",
        "Check the cable and `baud`; a device of another family answers so, too: check `family`",
    ),
    Trouble.BUSY_TOO_LONG: (
        "the printer on {port} says that it is busy and does not finish: {what}",
        "Look at the printer (paper, cover, a report being printed); raise `answer_ms` if it was only slow",
    ),
    Trouble.WRONG_FAMILY: (
        "the device on {port} calls itself {what}, which is of another family than `family` says",
        "Set `family` to the family of the device; payment letters differ between families",
    ),
    Trouble.BAD_PASSWORD_FILE: (
        "the password file cannot be used: {what}",
        "Write the operator's password (1 to 8 digits) into the file of `password_file` and set its mode to 0600",
    ),
    Trouble.BAD_ENCODING: (
        "the code page {what} is not known",
        "Set `encoding` to a single-byte code page such as cp1257, cp1251 or cp775",
    ),
    Trouble.STRANGE_ANSWER: (
        "the printer on {port} answers what its protocol does not know: {what}",
        "Check `family`; if it is right, send the model and firmware of the printer to the developers",
    ),
}


def problem(code: Trouble, *, port: str = "", what: str = "") -> Problem:
    """The problem of this code, told for this port."""
    cause, advice = _TROUBLES[code]
    return Problem(code.value, cause.format(port=port, what=what), advice)


class Reason(StrEnum):
    """Why an outcome is not `printed` (or, for the last, why its number is missing)."""

    BAD_KEY = "bad_key"
    KEY_USED = "key_used"
    BAD_TEXT = "bad_text"
    NOT_SUPPORTED = "not_supported"
    BAD_VAT = "bad_vat"
    TOO_LARGE = "too_large"
    DISCOUNT_TOO_LARGE = "discount_too_large"
    NOTHING_TO_PAY = "nothing_to_pay"
    TOTAL_DIFFERS = "total_differs"
    TENDER_TOO_SMALL = "tender_too_small"
    TENDER_TOO_LARGE = "tender_too_large"
    RECEIPT_OPEN = "receipt_open"
    PRINTER_NOT_READY = "printer_not_ready"
    TOO_LATE = "too_late"
    OPEN_REFUSED = "open_refused"
    STOPPED_BEFORE_PAYMENT = "stopped_before_payment"
    CANCEL_NOT_CONFIRMED = "cancel_not_confirmed"
    DOUBT_AT_PAYMENT = "doubt_at_payment"
    DOUBT_AT_CLOSE = "doubt_at_close"
    NUMBER_NOT_READ = "number_not_read"


_FIX_CALLER = "Correct the receipt in the program that sent it; nothing was printed"
_LOOK = (
    "Do not print it again. Look at the paper for `Nr. {key}` and at the printer's last document number (it "
    "was {baseline} before): a paid and closed receipt counts as printed. If the receipt is still open, "
    "finish or cancel it at the printer by its own manual, then settle this receipt by hand"
)

_ADVICE: Mapping[Reason, str] = {
    Reason.BAD_KEY: _FIX_CALLER,
    Reason.KEY_USED: "Look up the outcome of the first attempt; a new receipt needs a new key",
    Reason.BAD_TEXT: _FIX_CALLER,
    Reason.NOT_SUPPORTED: _FIX_CALLER,
    Reason.BAD_VAT: "Use a VAT letter of the option `vat_letters`, or add it there if the device has it",
    Reason.TOO_LARGE: _FIX_CALLER,
    Reason.DISCOUNT_TOO_LARGE: _FIX_CALLER,
    Reason.NOTHING_TO_PAY: "Leave out lines and receipts that cost nothing; nothing was printed",
    Reason.TOTAL_DIFFERS: "Compute each line as price times quantity, half a cent up, minus its discount",
    Reason.TENDER_TOO_SMALL: _FIX_CALLER,
    Reason.TENDER_TOO_LARGE: "Only cash may be more than what is due, and no tender may be needless",
    Reason.RECEIPT_OPEN: "Finish or cancel the open receipt at the printer, by its own manual, then print again",
    Reason.PRINTER_NOT_READY: "Put right what the reason names (paper, cover, clock), then print again",
    Reason.TOO_LATE: "Print it again with a longer deadline; nothing was paid",
    Reason.OPEN_REFUSED: "Check operator, password file and whether the day's Z report is overdue. A third "
    "wrong password locks the printer until it is switched off and on",
    Reason.STOPPED_BEFORE_PAYMENT: "The paper says that it is cancelled. Put right what the reason names, "
    "then print again",
    Reason.CANCEL_NOT_CONFIRMED: _LOOK,
    Reason.DOUBT_AT_PAYMENT: _LOOK,
    Reason.DOUBT_AT_CLOSE: _LOOK,
    Reason.NUMBER_NOT_READ: "The receipt is printed and closed; read its number from the paper",
}


def advice(reason: Reason, *, key: str = "", baseline: str = "") -> str:
    """What to do next, one sentence or three."""
    return _ADVICE[reason].format(key=key, baseline=baseline)
