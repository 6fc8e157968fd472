"""The problems of the wedge driver: closed codes, what was seen, what to do."""

from __future__ import annotations

import errno
from enum import StrEnum

from drivers.contract.core import Problem


class Code(StrEnum):
    """Every problem that this driver can report."""

    NO_PORT = "no_port"
    DENIED = "denied"
    BAD_PORT = "bad_port"
    BROKEN_OFF = "broken_off"
    NOT_ALLOWED = "not_allowed"
    TOO_LATE = "too_late"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is no {port}, or nobody reads from it",
        "Load the kernel's module (`modprobe uinput`, and a file in /etc/modules-load.d), or correct `port`",
    ),
    Code.DENIED: (
        "{port} may not be opened",
        "Give the gateway's user access to it: a udev rule for uinput, and DeviceAllow in the unit",
    ),
    Code.BAD_PORT: (
        "{port} makes no keyboard: {why}",
        "Name /dev/uinput; on a machine without a screen nothing can be typed",
    ),
    Code.BROKEN_OFF: (
        "typing at {port} was broken off: {why}",
        "Look at the librarian's program: half a number may stand there, without its Enter; clear the field",
    ),
    Code.NOT_ALLOWED: (
        "this code holds something else than a library card's number",
        "It is no library card; if the library's numbers have other characters, set `allowed`",
    ),
    Code.TOO_LATE: (
        "it could not be typed in time",
        "Present the card again",
    ),
}
"""Cause template and advice of each code."""

BY_ERRNO = {
    errno.ENOENT: Code.NO_PORT,
    errno.ENXIO: Code.NO_PORT,
    errno.ENODEV: Code.NO_PORT,
    errno.EACCES: Code.DENIED,
    errno.EPERM: Code.DENIED,
}
"""What the error numbers of the system mean when the port is opened."""


def problem(code: Code, port: str = "", why: object = "") -> Problem:
    """The problem of this code at this port, for people. Never with what was to be typed."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(port=port, why=why), advice)
