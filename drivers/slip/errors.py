"""The problems of the slip driver: closed codes, what was seen, what to do."""

from __future__ import annotations

import errno
from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Every problem that this driver can report."""

    NO_PORT = "no_port"
    DENIED = "denied"
    BUSY = "busy"
    BAD_PORT = "bad_port"
    NO_PRINTER = "no_printer"
    UNPLUGGED = "unplugged"
    SILENT = "silent"
    NO_PAPER = "no_paper"
    COVER_OPEN = "cover_open"
    PRINTER_ERROR = "printer_error"
    LITTLE_PAPER = "little_paper"
    BROKEN_OFF = "broken_off"
    BAD_TEXT = "bad_text"
    BAD_CODE = "bad_code"
    TOO_LONG = "too_long"
    TOO_LATE = "too_late"
    BAD_PROFILE = "bad_profile"
    NO_LIBRARY = "no_library"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is nothing at {port}",
        "Plug the printer in and switch it on, or correct `port`: `ls /dev/serial/by-id /dev/usb` shows what there is",
    ),
    Code.DENIED: (
        "{port} may not be opened",
        "Give the gateway's user access to it: the project's udev rules, or group dialout (serial) or lp (USB)",
    ),
    Code.BUSY: (
        "another program is using {port}",
        "Stop it (CUPS takes USB printers too), or give every device its own `port`",
    ),
    Code.BAD_PORT: (
        "{port} cannot be used as it is configured: {why}",
        "Set `line` to what the port is: `serial`, or `usb` for the file of a USB printer",
    ),
    Code.NO_PRINTER: (
        "no printer takes a connection at {port}: {why}",
        "Switch it on; check its address and the network. Most printers serve one connection at a time: end the other",
    ),
    Code.UNPLUGGED: (
        "{port} went away",
        "Switch the printer on and look at its cable",
    ),
    Code.SILENT: (
        "the printer at {port} does not answer",
        "Switch it on; check `baud` and `flow`. One that cannot answer on this line needs `status = false`",
    ),
    Code.NO_PAPER: (
        "the printer has no paper",
        "Put a roll in",
    ),
    Code.COVER_OPEN: (
        "the printer's cover is open",
        "Close it",
    ),
    Code.PRINTER_ERROR: (
        "the printer says that it has an error: {why}",
        "Look for a paper jam or a blocked cutter; then switch it off and on",
    ),
    Code.LITTLE_PAPER: (
        "the printer's roll is nearly at its end",
        "Have a new roll ready",
    ),
    Code.BROKEN_OFF: (
        "printing was broken off: {why}",
        "Look at the paper: part of a slip may stand there, and the rest may come by itself when the printer can again",
    ),
    Code.BAD_TEXT: (
        "part {port} of the slip cannot be printed: {why}",
        "Take that character out; no printer's code page has it, or it is a control and no letter",
    ),
    Code.BAD_CODE: (
        "part {port} of the slip cannot be printed as a QR code: {why}",
        "Make it shorter, without control characters",
    ),
    Code.TOO_LONG: (
        "the slip has {why} lines",
        "Print 200 lines at most",
    ),
    Code.TOO_LATE: (
        "it could not be printed in time",
        "Ask again, with a shorter slip or more time",
    ),
    Code.BAD_PROFILE: (
        "the printer's model cannot be used: {why}",
        "Correct `profile` or `code_pages`: docs/drivers/slip.md, Models",
    ),
    Code.NO_LIBRARY: (
        "the Python package python-escpos cannot be used: {why}",
        "Install the extra: pip install 'smartplace-gateway[slip]'",
    ),
}
"""Cause template and advice of each code."""

BY_ERRNO = {
    errno.ENOENT: Code.NO_PORT,
    errno.ENXIO: Code.NO_PORT,
    errno.ENODEV: Code.NO_PORT,
    errno.EACCES: Code.DENIED,
    errno.EPERM: Code.DENIED,
    errno.EAGAIN: Code.BUSY,
    errno.EBUSY: Code.BUSY,
}
"""What the error numbers of the system mean when a port is opened."""


def problem(code: Code, port: object = "", why: object = "") -> Problem:
    """The problem of this code at this port (of `bad_text` and `bad_code`: the part's number), for people. Never with
    a word of what was to be printed."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(port=port, why=why), advice)
