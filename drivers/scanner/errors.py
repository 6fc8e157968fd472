"""The problems of the scanner driver: closed codes, what was seen, what to do."""

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
    UNPLUGGED = "unplugged"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is nothing at {port}",
        "Plug the scanner in, or correct `port`; `ls -l /dev/serial/by-id /dev/input/by-id` shows what is there",
    ),
    Code.DENIED: (
        "{port} may not be opened",
        "Give the gateway's user access to it: the project's udev rules, or group dialout (serial) or input (keyboard)",
    ),
    Code.BUSY: (
        "another program is using {port}",
        "Stop it, or give every device its own `port`",
    ),
    Code.BAD_PORT: (
        "{port} is no {mode} device: {why}",
        "Set `mode` as the scanner is set: `serial` for a COM port (CDC ACM), `keyboard` for a HID keyboard",
    ),
    Code.UNPLUGGED: (
        "{port} went away",
        "Plug the scanner in again; if it keeps happening, use a shorter cable or a powered hub",
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


def problem(code: Code, port: str, mode: str = "", why: object = "") -> Problem:
    """The problem of this code at this port, for people."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(port=port, mode=mode, why=why), advice)
