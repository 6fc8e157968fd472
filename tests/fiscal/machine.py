"""A fiscal device whose memory is a file, and its driver as a process: `python -m tests.fiscal.machine`.

What the driver does to the device survives the driver's death, and a gateway's. It dies by SIGKILL, once, at the moment
that `dies` names: a point (when that is stored), or `paid` and `printed` (the device has done it and nobody knows).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from drivers.contract import printer
from drivers.contract.core import Kind
from drivers.contract.printer import PrintPoint, Result
from drivers.driver import Driver
from drivers.runner import run

FRESH: dict[str, Any] = {"number": 41, "open": "", "z": 7, "cash": 0, "papers": [], "died": False}


class Memory:
    """The device. `papers`: what was closed, `[kind, key, number]`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self._path.read_text())) if self._path.exists() else dict(FRESH)

    def write(self, **changes: Any) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({**self.read(), **changes}))
        new.rename(self._path)

    def papers(self, key: str) -> list[list[Any]]:
        return [paper for paper in self.read()["papers"] if paper[1] == key]

    def close(self, kind: str, key: str, **changes: Any) -> int:
        """One more document."""
        held = self.read()
        number = held["number"] + 1
        self.write(number=number, open="", papers=[*held["papers"], [kind, key, number]], **changes)
        return int(number)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    memory: str
    dies: str = ""


class Machine(Driver[Options]):
    """Prints what it is told, and reads back by its counters."""

    name = "test_fiscal"
    kind = Kind.PRINTER
    options_type = Options
    calls = (printer.Print, printer.DayReport, printer.CashMove, printer.Settle, printer.Status, printer.Describe)

    def open(self, options: Options) -> dict[str, str]:
        self._dies = options.dies
        self._device = Memory(Path(options.memory))
        return {"model": "a file"}

    def poll(self) -> float:
        self.alive()
        return 1.0

    def close(self) -> None:
        pass

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case printer.Print():
                return self._print(call)
            case printer.DayReport(key=key, z=z):
                return self._once(key, "z" if z else "x", {"z": self._device.read()["z"] + 1} if z else {})
            case printer.CashMove(key=key, cents=cents):
                return self._once(key, "cash", {"cash": self._device.read()["cash"] + cents})
            case printer.Settle():
                return self._settle(call)
            case printer.Describe():
                return printer.Description("file", "tests", "a file", zero_total=True, rates={"A": 2100})
        held = self._device.read()
        return printer.PrinterStatus(True, True, bool(held["open"]), str(held["number"]), z_number=str(held["z"]))

    def _point(self, key: str, point: PrintPoint, baseline: printer.Baseline | None = None, number: str = "") -> None:
        self.step(printer.PrintStep(key, point, baseline, number))
        self._die(point.value)

    def _die(self, moment: str) -> None:
        if moment == self._dies and not self._device.read()["died"]:
            self._device.write(died=True)
            os.kill(os.getpid(), signal.SIGKILL)

    def _baseline(self) -> printer.Baseline:
        held = self._device.read()
        return printer.Baseline(str(held["number"]), str(held["z"]), held["cash"], serial="FILE1")

    def _print(self, call: printer.Print) -> printer.Outcome:
        key = call.key
        self._point(key, PrintPoint.INTENT, self._baseline())
        self._device.write(open="unpaid")
        self._point(key, PrintPoint.OPENED)
        self._point(key, PrintPoint.PAYING)
        self._device.write(open="paid")
        self._die("paid")
        self._point(key, PrintPoint.CLOSING)
        number = str(self._device.close("receipt", key))
        self._die("printed")
        self._point(key, PrintPoint.CLOSED, number=number)
        return printer.Outcome(key, Result.PRINTED, number, call.total_cents)

    def _once(self, key: str, kind: str, changes: dict[str, int]) -> printer.Outcome:
        self._point(key, PrintPoint.INTENT, self._baseline())
        number = str(self._device.close(kind, key, **changes))
        self._die("printed")
        self._point(key, PrintPoint.CLOSED, number=number)
        return self._done(key, kind, number)

    def _done(self, key: str, kind: str, number: str) -> printer.Outcome:
        z_number = str(self._device.read()["z"]) if kind == "z" else ""
        return printer.Outcome(key, Result.PRINTED, number, z_number=z_number)

    def _settle(self, asked: printer.Settle) -> printer.Outcome:
        key, held = asked.work.key, self._device.read()
        kind = "z" if isinstance(asked.work, printer.DayReport) and asked.work.z else "receipt"
        match held["open"]:
            case "unpaid":
                self._device.write(open="")
                return printer.Outcome(key, Result.CANCELLED, code="read_back")
            case "paid":
                return self._done(key, kind, str(self._device.close("receipt", key)))
        if not asked.baseline.number:
            return printer.Outcome(key, Result.UNKNOWN, reason="no counters")
        match held["number"] - int(asked.baseline.number):
            case 0:
                return printer.Outcome(key, Result.CANCELLED, code="read_back")
            case 1:
                return self._done(key, kind, str(held["number"]))
        return printer.Outcome(key, Result.UNKNOWN, reason="neither fits")


COMMAND = (sys.executable, "-m", "tests.fiscal.machine")

if __name__ == "__main__":
    run(Machine)
