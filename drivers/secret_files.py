"""A file that holds a secret of a driver: a key, several keys, a password.

What is no file, what others may read and what is too long is refused before a byte of it is used. What is wrong is told
with advice and never with a word of what is in the file.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum

import msgspec

from drivers.contract.core import Problem

OTHERS = 0o077
"""Whoever is not the owner: no bit of theirs may be set."""
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Flaw(StrEnum):
    """What can be wrong with such a file."""

    UNREADABLE = "unreadable"
    NO_FILE = "no_file"
    OPEN = "open"
    CONTENT = "content"


ADVICE: dict[Flaw, str] = {
    Flaw.UNREADABLE: "Put the file at {path}, owned by the gateway's user, mode 0600",
    Flaw.NO_FILE: "Name a plain file in place of {path}, owned by the gateway's user, mode 0600",
    Flaw.OPEN: "chmod 600 {path}; if others may have read it, make a new secret",
    Flaw.CONTENT: "Write {path} anew: the driver's page says what it holds",
}
"""What to do about each, given the path."""


class SecretFault(Exception):
    """The file at `path` cannot be used. `why` goes on from its name: "others may read it"."""

    def __init__(self, flaw: Flaw, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.flaw, self.path, self.why = flaw, path, why

    @property
    def advice(self) -> str:
        """What a person can do."""
        return ADVICE[self.flaw].format(path=self.path)


def content(path: str, most_bytes: int, forbidden: int = OTHERS) -> bytes:
    """What the file holds, at most so many bytes. `forbidden`: bits of its mode that must not be set. A pipe is not
    waited for. Raises `SecretFault`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SecretFault(Flaw.UNREADABLE, path, error.strerror or "it cannot be opened") from error
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise SecretFault(Flaw.NO_FILE, path, "it is no file")
        if mode & forbidden:
            raise SecretFault(Flaw.OPEN, path, "others may read it")
        held = os.read(fd, most_bytes + 1)
    except OSError as error:
        raise SecretFault(Flaw.UNREADABLE, path, error.strerror or "it cannot be read") from error
    finally:
        os.close(fd)
    if len(held) > most_bytes:
        raise SecretFault(Flaw.CONTENT, path, f"it has more than {most_bytes} bytes")
    return held


def advised(told: Problem, fault: SecretFault) -> Problem:
    """A driver's problem with the advice for this very file, where more is known than that its content is wrong."""
    return told if fault.flaw is Flaw.CONTENT else msgspec.structs.replace(told, advice=fault.advice)


def key(text: bytes, size: int) -> bytes | None:
    """A key of `size` bytes in hex, white space around it; None when this is none."""
    digits = text.strip()
    if len(digits) != 2 * size or not _HEX.issuperset(digits):
        return None
    return bytes.fromhex(digits.decode("ascii"))
