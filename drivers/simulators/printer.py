"""A simulated fiscal printer on a pty or a TCP port, with every fault that a line and a printer have.

    python -m drivers.simulators.printer --family datecs-v1 --link /run/till-printer [--journal paper.txt] [--line-ms 5]

Commands: `journal {}` all finished documents; `fault {"kind": "power_cut", "on": "close", ...}` as `Fault` in
`fiscal_faults`; `faults {}` which there are; `refill {}` new paper; `paper {"there": false}`; `cover {"open": true}`;
`power {"off_ms": 500}` cuts it; `pull {"away_ms": 1000}` the cable; `z {}` a Z report by itself; `clock {"seconds":
3600}` jumps; `done {}` the commands carried out; `lock {}` as by wrong passwords; `recover {}` ends a silence and
forgets faults; `state {}`.
Event: `document {number, kind, key, lines, total_cents, payments, closed: true|"cancelled", vat, ...}` for each one
that is finished.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from drivers.simulators.fiscal_clock import clock_of
from drivers.simulators.fiscal_device import Device
from drivers.simulators.fiscal_families import ENCODINGS, endpoint
from drivers.simulators.fiscal_model import MODELS
from drivers.simulators.fiscal_paper import Document, Paper
from drivers.simulators.plugs import Plug, Pty, Tcp
from drivers.simulators.simulated import Act, Simulated

LONGEST_WAIT_S = 3600.0


class Simulator:
    """The printer at its port, in its own thread. `port` is what a driver opens. A context manager.

    `tcp`: a port number instead of a pty (0: one that is free). `line_ms`: time that a printed line takes. `zone`: that
    of its clock, such as Europe/Riga; empty: that of this machine. Every method may be called from any thread.
    """

    def __init__(
        self,
        link: Path | None = None,
        *,
        family: str = "datecs-v1",
        tcp: int | None = None,
        paper: Paper | None = None,
        line_ms: float = 0.0,
        syn_ms: float = 60.0,
        baud: int = 0,
        auto_z: str = "",
        encoding: str = "",
        zone: str = "",
        on_document: Callable[[Document], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        moment = datetime.fromisoformat(f"2026-01-01T{auto_z}").time() if auto_z else None
        self.device = Device(MODELS[family], paper, now=clock_of(zone), auto_z=moment)
        self.endpoint = endpoint(
            family, self.device, encoding=encoding or ENCODINGS[family], line_ms=line_ms, syn_ms=syn_ms, baud=baud,
            on_document=on_document,
        )  # fmt: skip
        self._plug: Plug = Pty(link) if tcp is None else Tcp(tcp)
        self._clock = clock
        self._lock = threading.RLock()
        self._wake = (-1, -1)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loaded = False
        self.plugged = threading.Event()
        """Set while the port is there."""

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Plug it in; again after a `stop`. Raises `OSError` when the port cannot be had."""
        if not self._loaded:
            self.device.load()
            self.endpoint.told_all()
            self._loaded = True
        self._plug.plug_in()
        self.plugged.set()
        self._stopping.clear()
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Unplug it; its power stays on."""
        if self._thread is None:
            return
        self._stopping.set()
        self._stir()
        self._thread.join()
        self._thread = None
        self.plugged.clear()
        self._plug.unplug()
        for end in self._wake:
            os.close(end)

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def port(self) -> str:
        """How a driver names it: a path, or `tcp://127.0.0.1:PORT`; while the cable is pulled, as it was."""
        return self._plug.name

    @property
    def executed(self) -> list[int]:
        """The commands that were carried out or refused, by number."""
        return self.endpoint.executed

    # Knobs -----------------------------------------------------------------------------------------------

    def fault(self, kind: str, **fields: Any) -> None:
        """Arm one fault (see `fiscal_faults.Fault`). Several may wait; each hits once. Raises `ValueError`."""
        with self._lock:
            self.endpoint.fault(kind, **fields)

    def faults(self) -> list[str]:
        """Those that this family knows."""
        return sorted(self.endpoint.faults)

    def recover(self) -> None:
        """End a silence, an absence, a power cut; forget all faults that have not hit yet."""
        with self._lock:
            self.endpoint.recover()
        self._stir()

    def refill(self) -> None:
        """New paper."""
        self.paper(True)

    def paper(self, there: bool) -> None:
        """Put paper in or take it out."""
        with self._lock:
            self.device.has_paper = there

    def cover(self, open: bool) -> None:
        """Open or close the cover."""
        with self._lock:
            self.device.cover_open = open

    def power(self, off_ms: float = 0) -> None:
        """Cut its power, whatever it is doing."""
        with self._lock:
            self.endpoint.cut_power(self._clock(), off_ms / 1000)
        self._stir()

    def pull(self, away_ms: float = 1000) -> None:
        """Pull the cable, and put it back."""
        with self._lock:
            self.endpoint.pull(self._clock(), away_ms / 1000)
        self._stir()

    def z(self) -> None:
        """Let it make a Z report by itself; when a receipt is open, at its end."""
        with self._lock:
            self.device.z_by_itself()
            self.endpoint.tell()

    def clock(self, seconds: float) -> None:
        """Let its clock jump."""
        with self._lock:
            self.device.jump_clock(seconds)

    def lock(self) -> None:
        """As if somebody had tried passwords."""
        with self._lock:
            self.device.lock()

    def state(self) -> dict[str, Any]:
        """What it would show on a display of its own."""
        with self._lock:
            device, memory = self.device, self.device.memory
            return {
                "family": device.model.family, "stage": device.stage, "paper": device.has_paper,
                "cover_open": device.cover_open, "locked": device.locked, "z_overdue": device.overdue,
                "number": memory.number, "z_number": memory.z_number, "cash_cents": memory.cash,
                "device_time": device.now.isoformat(timespec="seconds"), "faults_waiting": self.endpoint.faults_waiting,
            }  # fmt: skip

    def journal(self) -> list[dict[str, Any]]:
        """All finished documents."""
        with self._lock:
            documents: list[dict[str, Any]] = msgspec.to_builtins(self.device.documents)
        return documents

    def done(self) -> list[int]:
        """The numbers of the commands that were carried out, the latest ones."""
        return list(self.executed)

    # Line ------------------------------------------------------------------------------------------------

    def _stir(self) -> None:
        """Let the thread look again."""
        if self._thread is not None:
            os.write(self._wake[1], b"x")

    def _run(self) -> None:
        port = self.endpoint.port
        while not self._stopping.is_set():
            now = self._clock()
            with self._lock:
                port = self._follow(port, now)
                for data in self.endpoint.due(now):
                    self._plug.write(data)
                wait_s = self.endpoint.next_s() - self._clock()
                if not self._plug.there:
                    wait_s = min(wait_s, self.endpoint.back_s() - self._clock())
                fds = [*self._plug.readable(), self._wake[0]]
            readable, _, _ = select.select(fds, [], [], max(0.0, min(wait_s, LONGEST_WAIT_S)))
            if self._wake[0] in readable:
                os.read(self._wake[0], 64)
            if set(readable) - {self._wake[0]}:
                with self._lock:
                    self.endpoint.receive(self._plug.read(), self._clock())

    def _follow(self, port: int, now: float) -> int:
        """Pull and put back the cable as the device has it."""
        if port != self.endpoint.port and self._plug.there:
            self.plugged.clear()
            self._plug.unplug()
        if not self._plug.there and self.endpoint.present(now):
            self._plug.plug_in()
            self.plugged.set()
        return self.endpoint.port


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A printer whose cable is pulled now and then, and whose cover is opened (which is told in the driver's log): a
    printer reports no readings."""
    with Simulator(folder / "printer") as printer:
        acts = (
            Act("the cover is opened", lambda: printer.cover(True)),
            Act("the cover is closed", lambda: printer.cover(False)),
            Act("the cable is pulled, for a second", printer.pull, 4.0),
        )
        yield Simulated({"port": printer.port, "poll_s": 0.5}, acts, printer.stop, printer.start)


def main() -> None:
    """The simulator as a program."""
    from drivers.simulators import printer_program

    printer_program.main()


if __name__ == "__main__":
    main()
