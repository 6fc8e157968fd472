"""What can go wrong with a reader, as closed codes with a cause and an advice each."""

from __future__ import annotations

import errno
from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Problems of this driver."""

    NO_PORT = "no_port"
    DENIED = "denied"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    GARBLED = "garbled"
    UNPLUGGED = "unplugged"
    SEVERAL = "several"
    KEY_FILE = "key_file"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is no serial port at {port}",
        "Plug the reader in, or correct `port`; `ls -l /dev/serial/by-id` shows what is there",
    ),
    Code.DENIED: (
        "the serial port {port} may not be opened",
        "Give the gateway's user access to it: group dialout, or the project's udev rule",
    ),
    Code.BUSY: (
        "another program is using {port}",
        "Stop it, or give every device its own `port`; on a Pi's UART also switch the serial console off",
    ),
    Code.NO_ANSWER: (
        "no PN532 answers at {port}",
        "Check power, that the module's switches say HSU (both 0), and that TX and RX are crossed; if it answers "
        "only at times, set `baud = 115200`",
    ),
    Code.GARBLED: (
        "what answers at {port} is not understood as a PN532",
        "Check that it is the right port, that nothing else is on the line, and the length of the cable",
    ),
    Code.UNPLUGGED: (
        "the serial port {port} went away",
        "Plug the reader in again; if it keeps happening, use a shorter cable or a powered hub",
    ),
    Code.SEVERAL: (
        "several readers are {port}",
        "Add the serial number to `port` (usb:054c:06c3:SERIAL), or name the USB socket (usb:1-1.2); `lsusb -v` and "
        "`lsusb -t` show them",
    ),
    Code.KEY_FILE: (
        "the reader at {port} cannot use the cards' keys: {why}",
        "Give the gateway's user a file with mode 0600, one key a line in 32 hex digits; a name without `/` needs "
        "LoadCredential= in the unit",
    ),
}
"""Cause template and advice of each code, at a serial port where there is another in `USB_TABLE`."""

USB_TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is no reader {port} that this driver knows",
        "Plug the reader in, or correct `port`; `lsusb` shows what is there, docs/drivers/nfc.md what is known",
    ),
    Code.DENIED: (
        "the reader {port} may not be opened",
        "Install the project's udev rule, which gives it to the gateway's group, and plug the reader in again",
    ),
    Code.BUSY: (
        "another program or the kernel is using the reader {port}",
        "Keep the kernel's own driver away (modules port100 and nfc: docs/drivers/nfc.md), stop the other program, or "
        "give every device its own `port`",
    ),
    Code.NO_ANSWER: (
        "the reader {port} does not answer",
        "Unplug it and plug it in again; if it keeps happening, use a powered hub",
    ),
    Code.GARBLED: (
        "what the reader {port} answers is not understood",
        "Unplug it and plug it in again; if it keeps happening, use another cable or hub, and tell us the model",
    ),
    Code.UNPLUGGED: (
        "the reader {port} went away",
        "Plug it in again; if it keeps happening, use a shorter cable or a powered hub",
    ),
}
"""What is said otherwise of a reader on USB."""

PASSING = frozenset({Code.NO_ANSWER, Code.GARBLED})
"""What may be a single disturbance on the line: only several in a row mean that the reader is lost."""

BY_ERRNO = {
    errno.ENOENT: Code.NO_PORT,
    errno.ENXIO: Code.NO_PORT,
    errno.EACCES: Code.DENIED,
    errno.EPERM: Code.DENIED,
    errno.EAGAIN: Code.BUSY,
    errno.EBUSY: Code.BUSY,
    errno.ETIMEDOUT: Code.NO_ANSWER,
    errno.ENODEV: Code.NO_ANSWER,
}
"""What the error numbers of the system mean when they come with a serial port."""


class ReaderFault(Exception):
    """The reader, not a card, did not do what it should."""

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code


def problem(code: Code, port: str, why: str = "") -> Problem:
    """The problem of this code at this port, for people."""
    cause, advice = (USB_TABLE if port.startswith("usb:") else {}).get(code) or TABLE[code]
    return Problem(code.value, cause.format(port=port, why=why), advice)
