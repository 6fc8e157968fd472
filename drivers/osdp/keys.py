"""The secure channel keys of the readers: files that nobody else may read."""

from __future__ import annotations

import os
import stat

from drivers.driver import DeviceError
from drivers.osdp.errors import Code, problem

KEY_BYTES = 16
MOST_BYTES = 256
FACTORY = bytes(range(0x30, 0x40))
"""SCBK-D of the OSDP specification, known to everybody: a channel under it is no secret."""


def read_key(path: str, reader: int) -> bytes:
    """The key in this file. Raises `DeviceError`; no error shows what is in it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise DeviceError(problem(Code.NO_KEY, reader=reader, why=error.strerror)) from error
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise DeviceError(problem(Code.NO_KEY, reader=reader, why="it is no file"))
        if mode & 0o077:
            raise DeviceError(problem(Code.OPEN_KEY, reader=reader))
        text = os.read(fd, MOST_BYTES)
    finally:
        os.close(fd)
    return parse_key(text, reader)


def parse_key(text: bytes, reader: int) -> bytes:
    """32 hex digits, white space around them. Raises `DeviceError`."""
    digits = text.strip()
    if len(digits) != 2 * KEY_BYTES or not set(digits) <= set(b"0123456789abcdefABCDEF"):
        raise DeviceError(problem(Code.BAD_KEY, reader=reader))
    key = bytes.fromhex(digits.decode("ascii"))
    if key == FACTORY:
        raise DeviceError(problem(Code.DEFAULT_KEY, reader=reader))
    return key
