"""The problems of the osdp driver: closed codes, what was seen, what to do."""

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
    NO_LIBRARY = "no_library"
    NO_KEY = "no_key"
    OPEN_KEY = "open_key"
    BAD_KEY = "bad_key"
    DEFAULT_KEY = "default_key"
    SILENT = "silent"
    GARBLED = "garbled"
    WRONG_KEY = "wrong_key"
    NOT_SECURE = "not_secure"
    TAMPER = "tamper"
    POWER = "power"
    NO_SUCH_OUTPUT = "no_such_output"
    BAD_PULSE = "bad_pulse"
    READER_AWAY = "reader_away"
    TOO_LATE = "too_late"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    NOT_TOLD = "not_told"


TABLE: dict[Code, tuple[str, str]] = {
    Code.NO_PORT: (
        "there is no serial port at {port}",
        "Plug the RS-485 adapter in, or correct `port`; `ls -l /dev/serial/by-id` shows what is there",
    ),
    Code.DENIED: (
        "{port} may not be opened",
        "Give the gateway's user access to it: group dialout, or the project's udev rules",
    ),
    Code.BUSY: ("another program is using {port}", "Stop it: a bus has one control panel"),
    Code.BAD_PORT: ("{port} does not take these settings: {why}", "Correct `port` and `baud`"),
    Code.UNPLUGGED: ("{port} went away", "Plug the adapter in again; if it keeps happening, take a powered hub"),
    Code.NO_LIBRARY: (
        "the Python package libosdp is missing",
        'Install the extra "osdp": pip install "smartplace-gateway[osdp]"',
    ),
    Code.NO_KEY: (
        "the key file of reader {reader} cannot be read: {why}",
        "Put the file there, owned by the gateway's user, mode 0600",
    ),
    Code.OPEN_KEY: (
        "others may read the key file of reader {reader}",
        "chmod 600 the file; if others may have read it, give the reader a new key",
    ),
    Code.BAD_KEY: ("the key file of reader {reader} is none", "It holds 32 hex digits: openssl rand -hex 16"),
    Code.DEFAULT_KEY: (
        "the key of reader {reader} is the one that every reader leaves the factory with",
        "Give the reader a key of its own: docs/drivers/osdp.md, Keys",
    ),
    Code.SILENT: (
        "reader {reader} does not answer",
        "Check its power, A and B (swapped?), its address and `baud`, and the termination at both ends of the bus",
    ),
    Code.GARBLED: (
        "reader {reader} is not understood",
        "Check `baud`, the wires, and whether two readers have one address",
    ),
    Code.WRONG_KEY: (
        "reader {reader} answers and has another key",
        "Put the reader's key into its file, or give the reader the file's key; an exchanged reader has none yet",
    ),
    Code.NOT_SECURE: (
        "reader {reader} has no secure channel",
        "Switch it on in the reader, or take one that has it: without it cards can be copied from the bus",
    ),
    Code.TAMPER: (
        "the housing of reader {reader} was opened",
        "Look at the reader now; close it. If nobody of yours opened it, give it a new key",
    ),
    Code.POWER: ("reader {reader} says that its supply fails", "Check its power supply and battery"),
    Code.NO_SUCH_OUTPUT: (
        "there is no output {channel}: {why}",
        "Correct the station's `output`, or `outputs` and `readers` in the options",
    ),
    Code.BAD_PULSE: (
        "a pulse of {ms} ms, it may be 1 to {longest}",
        "Correct the station's `pulse_ms` or `longest_pulse_ms`",
    ),
    Code.READER_AWAY: ("reader {reader} is away, nothing was sent", "See the device's own problem"),
    Code.TOO_LATE: ("only {left} ms were left, nothing was sent", "Ask again with more time"),
    Code.NO_ANSWER: (
        "reader {reader} did not answer to the pulse of output {channel}, which may have happened",
        "Look at the gate before the next person goes through",
    ),
    Code.REFUSED: (
        "reader {reader} refused the pulse of output {channel}",
        "Check in the reader's manual that it has this output and that OSDP may drive it",
    ),
    Code.NOT_TOLD: (
        "the readers have not told the state of their outputs",
        "Look at the gate; OSDP readers tell it when they like",
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


def problem(code: Code, **seen: object) -> Problem:
    """The problem of this code with what was seen, for people. Never a key, never a card."""
    cause, advice = TABLE[code]
    return Problem(code.value, cause.format(**seen), advice)
