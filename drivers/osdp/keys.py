"""The secure channel keys of the readers: files that nobody else may read."""

from __future__ import annotations

from drivers import secret_files
from drivers.driver import DeviceError
from drivers.osdp.errors import Code, problem
from drivers.secret_files import Flaw, SecretFault

KEY_BYTES = 16
MOST_BYTES = 256
FACTORY = bytes(range(0x30, 0x40))
"""SCBK-D of the OSDP specification, known to everybody: a channel under it is no secret."""
_CODES = {Flaw.OPEN: Code.OPEN_KEY, Flaw.CONTENT: Code.BAD_KEY}


def read_key(path: str, reader: int) -> bytes:
    """The key in this file. Raises `DeviceError`; no error shows what is in it."""
    try:
        text = secret_files.content(path, MOST_BYTES)
    except SecretFault as fault:
        code = _CODES.get(fault.flaw, Code.NO_KEY)
        raise DeviceError(problem(code, reader=reader, why=fault.why)) from fault
    return parse_key(text, reader)


def parse_key(text: bytes, reader: int) -> bytes:
    """32 hex digits, white space around them. Raises `DeviceError`."""
    key = secret_files.key(text, KEY_BYTES)
    if key is None:
        raise DeviceError(problem(Code.BAD_KEY, reader=reader))
    if key == FACTORY:
        raise DeviceError(problem(Code.DEFAULT_KEY, reader=reader))
    return key
