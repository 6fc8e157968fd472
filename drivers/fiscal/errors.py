"""What can be wrong at a fiscal printer, each with the cause and what to do next.

Two tables: `Trouble`, for which the device is reported lost or of which a person is told, and `Reason`, why a work was
not done or is not known to be. Codes are closed; the pages in docs/drivers/fiscal.md list the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from drivers.contract.core import Problem


class Trouble(StrEnum):
    """Because of which the device cannot be used at all, or (`slip_broken_off`) a slip stands half on paper; the last
    seven: it works, and a person should see to it."""

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
    SLIP_BROKEN_OFF = "slip_broken_off"
    WAITS_FOR_HAND = "waits_for_hand"
    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    TAKES_NO_RECEIPT = "takes_no_receipt"
    CLOCK_OFF = "clock_off"
    Z_DUE = "z_due"
    Z_BY_ITSELF = "z_by_itself"


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
    Trouble.SLIP_BROKEN_OFF: (
        "a slip was broken off: {what}",
        "Look at the paper: part of it may stand there. It books nothing and may be asked for again",
    ),
    Trouble.WAITS_FOR_HAND: (
        "a receipt stands in the middle: {what}",
        "Put right what it names; the receipt then goes on by itself. Do not switch the printer off",
    ),
    Trouble.PAPER_OUT: ("the printer has no paper: it prints nothing", "Put a new roll in and close the cover"),
    Trouble.COVER_OPEN: ("the printer's cover is open: it prints nothing", "Close the cover"),
    Trouble.TAKES_NO_RECEIPT: (
        "the printer takes no receipt: {what}",
        "Put right what it names, by the printer's own manual; an open receipt is finished or cancelled at the printer",
    ),
    Trouble.CLOCK_OFF: (
        "the printer's clock is off by {what}",
        "Check the gateway's own clock and `time_zone` under [gateway] first; then set the printer's when no receipt "
        "is open (the day's Z report may be needed before)",
    ),
    Trouble.Z_DUE: (
        "the fiscal day has lasted {what} hours",
        "Print the Z report soon: after 24 hours the printer takes no receipt before it",
    ),
    Trouble.Z_BY_ITSELF: (
        "the printer's fiscal day was ended by somebody else: {what}",
        "Keep the report's paper: it was printed at the printer or by itself, and the till's day ends with it",
    ),
}


def problem(code: Trouble, *, port: str = "", what: str = "") -> Problem:
    """The problem of this code, told for this port."""
    cause, advice = _TROUBLES[code]
    return Problem(code.value, cause.format(port=port, what=what), advice)


class Reason(StrEnum):
    """Why an outcome is not `printed` (or, for `number_not_read`, why its number is missing)."""

    BAD_KEY = "bad_key"
    KEY_USED = "key_used"
    BAD_TEXT = "bad_text"
    BAD_AMOUNT = "bad_amount"
    NOT_SUPPORTED = "not_supported"
    BAD_VAT = "bad_vat"
    TOO_LARGE = "too_large"
    DISCOUNT_TOO_LARGE = "discount_too_large"
    NOTHING_TO_PAY = "nothing_to_pay"
    TOTAL_DIFFERS = "total_differs"
    TENDER_TOO_SMALL = "tender_too_small"
    TENDER_TOO_LARGE = "tender_too_large"
    ROUNDING_NOT_SET = "rounding_not_set"
    REVERSAL_UNCLEAR = "reversal_unclear"
    RECEIPT_OPEN = "receipt_open"
    PRINTER_NOT_READY = "printer_not_ready"
    Z_OVERDUE = "z_overdue"
    TOO_LATE = "too_late"
    OPEN_REFUSED = "open_refused"
    WORK_REFUSED = "work_refused"
    NOT_ENOUGH_CASH = "not_enough_cash"
    SWITCHED_OFF = "switched_off"
    NEVER_BEGUN = "never_begun"
    STOPPED_BEFORE_PAYMENT = "stopped_before_payment"
    STOPPED_UNPAID = "stopped_unpaid"
    CANCEL_NOT_CONFIRMED = "cancel_not_confirmed"
    DOUBT_AT_PAYMENT = "doubt_at_payment"
    DOUBT_AT_CLOSE = "doubt_at_close"
    NOT_READ_BACK = "not_read_back"
    OTHER_DEVICE = "other_device"
    DEVICE_NOT_TOLD = "device_not_told"
    OTHER_RECEIPT = "other_receipt"
    COUNTERS_DIFFER = "counters_differ"
    X_HAS_NO_TRACE = "x_has_no_trace"
    NUMBER_NOT_READ = "number_not_read"


class Refusal(Exception):
    """The work cannot be done as asked, or not now. Nothing was sent. `where` is the path of the part that is refused,
    such as `items[2].text`; empty when it is none."""

    def __init__(self, reason: Reason, what: str, where: str = "") -> None:
        super().__init__(f"{reason}: {what}" + (f" ({where})" if where else ""))
        self.reason = reason
        self.what = what
        self.where = where


_FIX_CALLER = "Correct what the reason names, in the program that sent it; nothing was printed"
_LOOK = (
    "Do not print it again. Look at the paper for `Nr. {key}` and at the number of the last document (it was {before} "
    "before{now}): a paid and closed receipt with that line counts as printed"
)
_LOOK_AND_FINISH = (
    _LOOK + ". If the receipt is still open, finish or cancel it at the printer by its own manual. Then settle this "
    "receipt by hand"
)
_LATER = (
    _LOOK + ". The gateway asks the printer itself as soon as it answers again; settle by hand only if it does not "
    "come back"
)

_ADVICE: Mapping[Reason, str] = {
    Reason.BAD_KEY: _FIX_CALLER,
    Reason.KEY_USED: "Look up the outcome of the first attempt; a new receipt needs a new key",
    Reason.BAD_TEXT: _FIX_CALLER,
    Reason.BAD_AMOUNT: _FIX_CALLER,
    Reason.NOT_SUPPORTED: _FIX_CALLER,
    Reason.BAD_VAT: "Use a VAT letter that is programmed in the device and stands in the option `vat_letters`",
    Reason.TOO_LARGE: _FIX_CALLER,
    Reason.DISCOUNT_TOO_LARGE: _FIX_CALLER,
    Reason.NOTHING_TO_PAY: "Leave out lines and receipts that cost nothing; nothing was printed",
    Reason.TOTAL_DIFFERS: "Compute each line as price times quantity, half a cent up, minus its discount",
    Reason.TENDER_TOO_SMALL: _FIX_CALLER,
    Reason.TENDER_TOO_LARGE: "Only cash may be more than what is due, and no tender may be needless",
    Reason.ROUNDING_NOT_SET: "Set the option `rounding_means` to the means of payment that the device has for cash "
    "rounding, and round only what is paid in cash",
    Reason.REVERSAL_UNCLEAR: "Name the receipt that is given back by its number, its time on paper and its fiscal "
    "memory; all three stand on it",
    Reason.RECEIPT_OPEN: "Finish or cancel the open receipt at the printer, by its own manual, then print again",
    Reason.PRINTER_NOT_READY: "Put right what the reason names (paper, cover, clock), then print again",
    Reason.Z_OVERDUE: "Print the Z report, then print again: the printer's day has lasted longer than it may",
    Reason.TOO_LATE: "Print it again with a longer deadline; nothing was paid",
    Reason.OPEN_REFUSED: "Check operator, password file and whether the day's Z report is overdue. A third "
    "wrong password locks the printer until it is switched off and on",
    Reason.WORK_REFUSED: "Put right what the reason names; nothing was printed and nothing is booked",
    Reason.NOT_ENOUGH_CASH: "Take out less, or record first the cash that was put in; nothing was printed",
    Reason.SWITCHED_OFF: "Set the option that the reason names where the country's rules allow it",
    Reason.NEVER_BEGUN: "The printer's counters say that it never began; it may be asked for again",
    Reason.STOPPED_BEFORE_PAYMENT: "The paper says that it is cancelled. Put right what the reason names, "
    "then print again",
    Reason.STOPPED_UNPAID: "The paper says that it is cancelled; the printer took no payment. If the customer has paid "
    "by card already, print again and enter that payment",
    Reason.CANCEL_NOT_CONFIRMED: _LOOK_AND_FINISH,
    Reason.DOUBT_AT_PAYMENT: _LOOK_AND_FINISH,
    Reason.DOUBT_AT_CLOSE: _LOOK_AND_FINISH,
    Reason.NOT_READ_BACK: _LATER,
    Reason.OTHER_DEVICE: "Connect the printer again that this was begun on: only its memory and its paper tell how it "
    "ended. " + _LOOK,
    Reason.DEVICE_NOT_TOLD: _LOOK + ". The device does not say which it is, so that another one would be taken for it: "
    "settle it by hand",
    Reason.OTHER_RECEIPT: "The receipt that is open on the printer is not this one: finish or cancel it at the printer "
    "by its own manual. " + _LOOK,
    Reason.COUNTERS_DIFFER: _LOOK + ". Something else was printed since, or the day was ended: settle it by hand",
    Reason.X_HAS_NO_TRACE: "Look whether the X report was printed. It books nothing and may be asked for again",
    Reason.NUMBER_NOT_READ: "The receipt is printed and closed; read its number from the paper",
}


def advice(reason: Reason, *, key: str = "", before: str = "", now: str = "") -> str:
    """What to do next, one sentence or three. `before` and `now`: numbers of the device's last document."""
    seen = f", it is {now} now" if now else ""
    return _ADVICE[reason].format(key=key, before=before or "not known", now=seen)
