"""The driver without a device, run as a process for the tests of the runner and the stream."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from drivers.contract.core import Reply
from tests.drivers.echo_driver import Echoed
from tests.support.driver_process import DriverProcess

MODULE = "tests.drivers.echo_driver"


def echo(**options: Any) -> DriverProcess:
    return DriverProcess(MODULE, options)


def logged(log: Path, **options: Any) -> DriverProcess:
    """The same, with its stderr in a file."""
    shell = f'exec "{sys.executable}" -m {MODULE} 2>"{log}"'
    return DriverProcess(MODULE, options, argv=["/bin/sh", "-c", shell])


def lived(record: Path) -> list[str]:
    """What the driver wrote down, without the times."""
    return [line.split(" ", 1)[1] for line in record.read_text().splitlines()] if record.exists() else []


def until_lived(record: Path, word: str, times: int = 1, timeout: float = 15.0) -> None:
    until = time.monotonic() + timeout
    while lived(record).count(word) < times:
        assert time.monotonic() < until, f"no {times} x {word} in {lived(record)}"


def said(reply: Reply) -> str:
    assert reply.body is not None, reply
    return msgspec.json.decode(reply.body, type=Echoed).text


def code(reply: Reply) -> str:
    assert reply.problem is not None, reply
    return reply.problem.code
