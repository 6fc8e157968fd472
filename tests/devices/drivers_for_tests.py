"""Small real drivers, run as `python -m tests.devices.drivers_for_tests reader|relay|printer`, and programs
that misbehave, each in its own way. What a driver does is in its options."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

from drivers.contract import printer, reader, relay
from drivers.contract.core import Kind, Problem
from drivers.driver import CallRefused, DeviceError, Driver
from drivers.runner import run


class ReaderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`every_s`: a card so often; `count` of them at most; `age_s` old; `lives`: polls that the device answers
    before it hangs without a word; `worries`: polls after which somebody should see to something;
    `silent_until_reopened`: shows no life after it was opened first."""

    every_s: float = 0.0
    count: int = 1_000_000
    age_s: float = 0.0
    lives: int = 1_000_000
    worries: int = 1_000_000
    silent_until_reopened: bool = False


class TestReader(Driver[ReaderOptions]):
    """Sees card 04 AA BB CC, as often as it is told."""

    name = "test_reader"
    kind = Kind.READER
    options_type = ReaderOptions

    def open(self, options: ReaderOptions) -> dict[str, str]:
        self._options = options
        self._polls = self._seen = 0
        self._opened = getattr(self, "_opened", 0) + 1
        return {"model": "reader for tests"}

    def poll(self) -> float:
        self._polls += 1
        if self._polls > self._options.lives:
            time.sleep(3600)
        if self._options.silent_until_reopened and self._opened == 1:
            return 0.2
        self.alive()
        if self._polls > self._options.worries:
            problem = Problem("battery_low", "battery low: hall", "Change its battery")
            self.concern(problem, lambda: {"hall": "2.10 V"})
        if self._options.every_s and self._seen < self._options.count:
            self._seen += 1
            stamp = time.monotonic_ns() - int(self._options.age_s * 1e9)
            self.reading(reader.Card(bytes.fromhex("04aabbcc")), stamp)
        return self._options.every_s or 1.0

    def close(self) -> None:
        pass


class RelayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`grandchild`: starts a program that ignores everything; `hangs_on_stop`: never ends by itself."""

    grandchild: bool = False
    hangs_on_stop: bool = False


class TestRelay(Driver[RelayOptions]):
    """Two outputs. Output 7 does not exist, output 8 breaks the device, output 9 takes for ever."""

    name = "test_relay"
    kind = Kind.RELAY
    options_type = RelayOptions
    calls = (relay.Pulse, relay.ReadOutputs)

    def open(self, options: RelayOptions) -> dict[str, str]:
        self._options = options
        detail = {}
        if options.grandchild:
            import subprocess

            detail["grandchild"] = str(subprocess.Popen(["/bin/sh", "-c", HUNG_SHELL]).pid)
        self.reading(relay.InputEdge(3, True))
        return detail

    def poll(self) -> float:
        self.alive()
        return 1.0

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case relay.Pulse(channel=7):
                raise CallRefused(Problem("no_output", "there is no output 7", "Use 0 or 1"))
            case relay.Pulse(channel=8):
                raise DeviceError(Problem("unplugged", "the board is gone", "Plug it in"))
            case relay.Pulse(channel=9):
                time.sleep(3600)
            case relay.Pulse():
                return relay.Pulsed(time.monotonic_ns())
        return relay.Outputs((True, False))

    def close(self) -> None:
        if self._options.hangs_on_stop:
            time.sleep(3600)


class DoorOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """None."""


class TestDoor(Driver[DoorOptions]):
    """A reader with the door's relay in it. Each pulse puts its concern on, and the next one takes it away."""

    name = "test_door"
    kind = Kind.READER
    also = (Kind.RELAY,)
    options_type = DoorOptions
    calls = (relay.Pulse, relay.ReadOutputs)

    def open(self, options: DoorOptions) -> dict[str, str]:
        self._troubled = False
        self.reading(reader.AccessCard(24, b"\x0c\x87\x07"))
        self.reading(relay.InputEdge(1, True))
        return {"model": "door for tests"}

    def poll(self) -> float:
        self.alive()
        self.concern(Problem("tamper", "its housing was opened", "Look at it") if self._troubled else None)
        return 0.05

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        self._troubled = not self._troubled
        return relay.Pulsed(time.monotonic_ns())

    def close(self) -> None:
        pass


class TestPrinter(Driver[ReaderOptions]):
    """Prints what it is told, with five durable points; says on its stderr when it passes one. It has no letter H."""

    name = "test_printer"
    kind = Kind.PRINTER
    options_type = ReaderOptions
    calls = (printer.Print, printer.Status)
    asides = (printer.Check,)

    def open(self, options: ReaderOptions) -> dict[str, str]:
        return {}

    def poll(self) -> float:
        self.alive()
        return 1.0

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        if not isinstance(call, printer.Print):
            return printer.PrinterStatus(True, True, False, "41")
        for point in printer.PrintPoint:
            self.step(printer.PrintStep(call.key, point, baseline=printer.Baseline("41")))
            self.log(f"passed {point}")
        total = call.total_cents
        return printer.Outcome(call.key, printer.Result.PRINTED, "42", total, call.tenders[0].cents - total)

    def aside(self, call: msgspec.Struct) -> msgspec.Struct:
        assert isinstance(call, printer.Check)
        assert isinstance(call.work, printer.Print)
        for index, item in enumerate(call.work.items):
            if isinstance(item, printer.Line) and item.vat == "H":
                return printer.Checked(call.work.key, "bad_vat", "it has no H", f"items[{index}].vat", "Take another")
        return printer.Checked(call.work.key)

    def close(self) -> None:
        pass


HUNG_SHELL = "trap '' HUP INT TERM; while :; do sleep 3600; done"

PRELUDE = """
import json, os, signal, sys, time
def say(**message):
    os.write(1, json.dumps(message).encode() + b"\\n")
def hello(contract=1, kind="reader"):
    say(t="hello", contract=contract, driver="raw", version="1", kind=kind)
def ready():
    say(t="state", state="ready")
def alive():
    say(t="alive", mono_ns=time.monotonic_ns())
"""

RAW = {
    # 10 MB of lines that are nothing, then silence.
    "garbage": """
hello(); ready()
for _ in range(10): os.write(1, b"not a message at all\\n" * 50_000)
signal.pause()
""",
    # One line of 1 GB.
    "endless_line": """
hello(); ready()
for _ in range(1024): os.write(1, b"x" * 1_048_576)
signal.pause()
""",
    "hangs": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
hello(); ready(); alive()
while True: time.sleep(3600)
""",
    "exits_at_once": "sys.exit(3)",
    "contract_99": "hello(99); signal.pause()",
    "new_kind": "hello(1, 'toaster'); signal.pause()",
    "bad_options": """
hello(); sys.stdin.readline()
say(t="state", state="lost", problem={"code": "bad_options", "cause": "no key `speed`", "advice": ""})
sys.exit(9)
""",
    # Lives, and never reads what it is asked.
    "deaf": """
hello(kind="relay"); sys.stdin.readline(); ready()
while True: alive(); time.sleep(0.3)
""",
    "closes_stdout": "hello(); ready(); os.close(1); signal.pause()",
    # A relay that presents cards, and readings of no kind.
    "wrong_readings": """
hello(kind="relay"); ready()
say(t="reading", mono_ns=time.monotonic_ns(), body={"reading": "card", "uid": "BKq7zA=="})
say(t="reading", mono_ns=time.monotonic_ns(), body={"reading": "moon"})
say(t="reading", mono_ns=time.monotonic_ns(), body={"reading": "input", "channel": -1, "on": True})
say(t="reply", id=5, body={})
say(t="reading", mono_ns=time.monotonic_ns(), body={"reading": "input", "channel": 1, "on": True})
signal.pause()
""",
    # One contact chatters, and in the middle of it somebody presses the button beside it.
    "chatters": """
hello(kind="relay"); ready()
for n in range(2000):
    now = time.monotonic_ns()
    say(t="reading", mono_ns=now, body={"reading": "input", "channel": 0, "on": n % 2 == 0})
    if n == 300:
        say(t="reading", mono_ns=now, body={"reading": "input", "channel": 1, "on": True})
    time.sleep(0.002)
signal.pause()
""",
    # Says that it is away, answers again later, again and again.
    "comes_and_goes": """
hello()
while True:
    ready(); say(t="state", state="lost")
    time.sleep(0.01)
""",
    "prints_secrets_of_environment": """
hello(); say(t="state", state="ready", detail=dict(os.environ))
signal.pause()
""",
    "talks_on_stderr": """
hello(); ready()
sys.stderr.write("first line\\x1b[2J\\n" * 5000); sys.stderr.flush()
signal.pause()
""",
}


def command(name: str) -> tuple[str, ...]:
    """The command line of a driver or a misbehaving program."""
    if name in RAW:
        return (sys.executable, "-c", PRELUDE + RAW[name])
    return (sys.executable, "-m", "tests.devices.drivers_for_tests", name)


DRIVERS: dict[str, type[Driver[Any]]] = {
    "reader": TestReader,
    "soft": TestReader,
    "relay": TestRelay,
    "door": TestDoor,
    "printer": TestPrinter,
}

if __name__ == "__main__":
    run(DRIVERS[sys.argv[1]])
