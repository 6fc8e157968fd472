"""ErpNet.FP's codes for what our devices and our journal say, as tables, and the codes that only this face has.

Source of the ranges: ErpNet.FP, ErrorCodes.md. Ours are E901 and on, I901 and W901, where it has none: its E999 stands
for errors of elsewhere, and keeps standing for those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.api.netfp.amounts import number
from gateway.api.netfp.words import Message, Result, error, info, result, warning
from gateway.model.errors import GatewayError
from gateway.model.fiscal import PrinterStatus, PrintOutcome, PrintResult

NO_ANSWER = "E101"
BUSY = "E108"
TASK_USED = "E109"
BAD_TASK = "E110"
NOT_ALLOWED = "E404"
NO_ACCESS = "E408"
NO_COMMAND = "E402"
NOT_IMPLEMENTED = "E413"
DEVICE = "E199"
COMMAND = "E499"
OTHER = "E999"

UNKNOWN_OUTCOME = "E901"
"""It is not known whether it was printed. Nothing is printed again by itself; the text says what to look at."""
IN_DOUBT = "E902"
"""Nothing was printed: how an earlier work on this device ended has to be known first."""
NOT_STORED = "E903"
"""Nothing was printed: the record cannot be written."""
TAKEN_BACK = "E904"
"""It was begun and taken back: nothing was sold."""
RESTARTED = "E905"
"""Nothing was printed: the gateway was restarted before its turn came."""
STORED_ANSWER = "I901"
"""This answer was given before: nothing was printed now."""
CLOCK_DRIFT = "W901"
"""The device's clock is not right, by a clock of ours that can be trusted."""

OF_REASONS: Mapping[str, str] = {
    # The driver's reasons (docs/drivers/fiscal.md).
    "bad_key": COMMAND,
    "key_used": TASK_USED,
    "bad_text": "E407",
    "bad_amount": "E403",
    "not_supported": "E412",
    "bad_vat": "E411",
    "too_large": "E403",
    "discount_too_large": "E403",
    "nothing_to_pay": "E412",
    "total_differs": "E403",
    "tender_too_small": "E406",
    "tender_too_large": "E406",
    "rounding_not_set": "E406",
    "reversal_unclear": "E405",
    "receipt_open": NOT_ALLOWED,
    "printer_not_ready": NO_ANSWER,
    "z_overdue": "E502",
    "too_late": OTHER,
    "open_refused": "E405",
    "work_refused": COMMAND,
    "not_enough_cash": "E403",
    "switched_off": NOT_ALLOWED,
    "never_begun": TAKEN_BACK,
    "stopped_before_payment": TAKEN_BACK,
    "stopped_unpaid": TAKEN_BACK,
    # The journal's (docs/errors.md).
    "printer_in_doubt": IN_DOUBT,
    "restart_before_printing": RESTARTED,
    "by_hand": TAKEN_BACK,
    "not_wanted": OTHER,
    "not_ready": NO_ANSWER,
    "timed_out": NO_ANSWER,
}
"""Why a work was refused or taken back → its code. What leaves in doubt is `UNKNOWN_OUTCOME`, whatever the reason."""

OF_PROBLEMS: Mapping[str, tuple[str, str]] = {
    "cover_open": ("E302", "the cover is open"),
    "paper_out": ("E301", "out of paper"),
    "paper_low": ("W301", "little paper is left"),
    "print_unit_fault": ("E303", "the printing unit has a fault"),
    "power_cut_in_receipt": ("E305", "the power was lost while a receipt was printed"),
    "print_head_hot": ("E304", "the print head is too hot"),
    "display_missing": ("E106", "the customer display is missing"),
    "clock_not_set": ("E103", "the clock is not set"),
    "clock_battery_low": ("W399", "the clock's battery is low"),
    "ram_was_reset": ("E104", "the memory was reset"),
    "tax_terminal_silent": ("E599", "the link to the tax office does not answer"),
    "journal_almost_full": ("W202", "the journal is almost full"),
    "journal_nearly_full": ("W202", "the journal is nearly full"),
    "journal_full": ("E206", "the journal is full"),
    "fiscal_memory_full": ("E201", "the fiscal memory is full"),
    "fiscal_memory_almost_full": ("W201", "the fiscal memory is almost full"),
    "fiscal_memory_write_failed": ("E202", "the fiscal memory could not be written"),
    "fiscal_memory_read_error": ("E203", "the fiscal memory could not be read"),
    "fiscal_memory_read_only": ("E204", "the fiscal memory is read-only"),
    "z_overdue": ("E502", "the day's Z report is overdue"),
    "documents_unsent": ("W501", "documents wait to be sent to the tax office"),
}
"""What a device says of itself (`PrinterStatus.problems`) → its code and words. What is not here is told as it is."""


def of_outcome(outcome: PrintOutcome, kind: str, messages: Iterable[Message] = ()) -> Result:
    """The answer that this outcome is. `kind` as in `WorkRow`."""
    match outcome.result:
        case PrintResult.PRINTED:
            return _printed(outcome, kind, messages)
        case PrintResult.UNKNOWN:
            text = _sentences("it is not known whether this was printed", outcome.reason, outcome.advice)
            return result(error(UNKNOWN_OUTCOME, text), *messages)
        case PrintResult.CANCELLED:
            code = OF_REASONS.get(outcome.code or outcome.reason, TAKEN_BACK)
            text = _sentences("nothing was sold", outcome.reason, outcome.advice)
            return result(error(code, text), *messages)
        case PrintResult.REFUSED:
            code = _refusal_code(outcome)
            what = f"{outcome.where}: {outcome.reason}" if outcome.where else outcome.reason
            return result(error(code, _sentences("nothing was printed", what, outcome.advice)), *messages)


def _refusal_code(outcome: PrintOutcome) -> str:
    """A device that is not ready says which of its signs keep it: paper, cover, and so on."""
    if outcome.code == "printer_not_ready":
        for sign in outcome.reason.split(", "):
            if OF_PROBLEMS.get(sign, ("",))[0].startswith("E"):
                return OF_PROBLEMS[sign][0]
    return OF_REASONS.get(outcome.code or outcome.reason, DEVICE)


def _printed(outcome: PrintOutcome, kind: str, messages: Iterable[Message]) -> Result:
    if kind == "z":
        told = f"Z report {outcome.z_number} is printed" if outcome.z_number else "the Z report is printed"
        return result(info(told), *messages)
    if kind not in ("receipt", "reversal"):
        return result(info("it is printed"), *messages)
    extra: tuple[Message, ...] = ()
    if not outcome.number:
        extra = (warning("W399", "it is printed and closed, its number could not be read: read it from the paper"),)
    fields: dict[str, Any] = {
        "receipt_number": outcome.number,
        "receipt_date_time": outcome.device_time,
        "receipt_amount": number(outcome.total_cents),
        "fiscal_memory_serial_number": outcome.fiscal_memory,
    }
    return result(*extra, info("the receipt is printed"), *messages, **fields)


def of_error(fault: GatewayError, code: str = "") -> Result:
    """The answer to what was refused before anything was printed."""
    return result(error(code or OF_REASONS.get(fault.code, fault.code if fault.code[:1] == "E" else OTHER), str(fault)))


def of_status(status: PrinterStatus, messages: Iterable[Message] = (), amount: Decimal | None = None) -> Result:
    """How a device is, or with `amount` what is in its drawer. What is wrong with the device does not make an answer
    about the drawer wrong."""
    told = [_problem(problem) for problem in status.problems]
    if not status.paper and "paper_out" not in status.problems:
        told.append(_problem("paper_out"))
    if status.open_receipt:
        told.append(info("a fiscal receipt is open on the device"))
    if status.last_number:
        told.append(info(f"last document: {status.last_number}"))
    if status.z_number:
        told.append(info(f"last Z report: {status.z_number}"))
    if not status.ready and not any(one.type == "error" for one in told):
        told.append(error(DEVICE, "the device takes no receipt now"))
    fields: dict[str, Any] = {} if amount is None else {"amount": amount}
    return result(*told, *messages, device_date_time=status.device_time, **fields)


def _problem(problem: str) -> Message:
    if problem not in OF_PROBLEMS:
        return info(problem.replace("_", " "))
    code, text = OF_PROBLEMS[problem]
    return error(code, text) if code.startswith("E") else warning(code, text)


def _sentences(*parts: str) -> str:
    return ". ".join(part.rstrip(".") for part in parts if part)
