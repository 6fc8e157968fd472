"""A driver without a device, for the tests of the runner: does what its options and calls say.

`python -m tests.drivers.echo_driver`. What it lives through goes to the file `record`, one word a line, so
that a test can see it when the stream is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind, Problem
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.runner import run


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`fails` is where the device fails: nowhere, in `open` or in `poll`; `times` how often (0: always)."""

    record: str = ""
    fails: str = ""
    times: int = 0
    hangs_in_open_s: float = 0.0
    hangs_in_close_s: float = 0.0


class Echo(msgspec.Struct, frozen=True, tag="echo", tag_field="call"):
    """Say it back; before that, print it by the way that `by` names: print, write, child."""

    text: str
    by: str = ""


class Hang(msgspec.Struct, frozen=True, tag="hang", tag_field="call"):
    """Block, as a library does that waits for a device."""

    seconds: float


class Steps(msgspec.Struct, frozen=True, tag="steps", tag_field="call"):
    """Do `count` steps."""

    count: int


class Fail(msgspec.Struct, frozen=True, tag="fail", tag_field="call"):
    """Fail: `refused` or `lost`."""

    how: str


class Peek(msgspec.Struct, frozen=True, tag="peek", tag_field="call"):
    """Say at once what it is asked, unless that is nothing."""

    text: str


class Echoed(msgspec.Struct, frozen=True, tag="echoed", tag_field="result"):
    """What was said."""

    text: str


class Point(msgspec.Struct, frozen=True):
    """Body of a step."""

    number: int


class EchoDriver(Driver[Options]):
    """The driver."""

    name: ClassVar[str] = "echo"
    kind: ClassVar[Kind] = Kind.READER
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Echo, Hang, Steps, Fail)
    asides: ClassVar[tuple[type[msgspec.Struct], ...]] = (Peek,)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._record = ""
        self._options = Options()
        self._failed = 0

    def open(self, options: Options) -> dict[str, str]:
        self._options, self._record = options, options.record
        self._write("open")
        time.sleep(options.hangs_in_open_s)
        self._fail_in("open")
        return {"model": "echo"}

    def poll(self) -> float:
        self._fail_in("poll")
        return 0.05

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Echo(text=text, by=by):
                self._write(f"echo {text}")
                _print(text, by)
                return Echoed(text)
            case Hang(seconds=seconds):
                self._write("hang")
                time.sleep(seconds)
                return Echoed("woke")
            case Steps(count=count):
                for number in range(count):
                    self.step(Point(number))
                    self._write(f"stored {number}")
                return Echoed("stored")
            case Fail(how=how):
                problem = Problem(f"told_{how}", "it was told to fail", "Do not tell it to")
                raise CallRefused(problem) if how == "refused" else DeviceError(problem)
            case _:
                return super().handle(call, deadline)

    def aside(self, call: msgspec.Struct) -> msgspec.Struct:
        if isinstance(call, Peek) and call.text:
            return Echoed(call.text)
        return super().aside(call)

    def close(self) -> None:
        time.sleep(self._options.hangs_in_close_s)
        self._write("close")

    def _fail_in(self, where: str) -> None:
        options = self._options
        if options.fails == where and (not options.times or self._failed < options.times):
            self._failed += 1
            raise DeviceError(Problem("broken", "it does not answer", "Mend it"))

    def _write(self, word: str) -> None:
        if self._record:
            with Path(self._record).open("a") as record:
                record.write(f"{time.monotonic():.3f} {word}\n")


def _print(text: str, by: str) -> None:
    match by:
        case "print":
            print(text)
            sys.stdout.flush()
        case "write":
            os.write(1, text.encode() + b"\n")
        case "child":
            subprocess.run(["echo", text], check=True)
        case _:
            return


if __name__ == "__main__":
    run(EchoDriver)
