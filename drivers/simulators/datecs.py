"""A simulated Datecs printer (version 1, group A) on a pty, with every fault that a line and a printer have.

    python -m drivers.simulators.datecs --link /run/till-printer [--journal paper.txt] [--line-ms 5]

Commands: `journal {}` all finished documents; `fault {"kind": "power_cut", "after": 3, ...}` as `Fault`
in `datecs_faults`; `refill {}` new paper; `cover {"open": true}`; `recover {}` ends a silence and forgets faults.
Event: `document {number, key, total_cents, closed: true|"cancelled"}` when one is finished.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from drivers.simulators import control
from drivers.simulators.datecs_device import Device
from drivers.simulators.datecs_faults import Fault, FaultKind, Faults
from drivers.simulators.datecs_paper import Document, Paper
from drivers.simulators.datecs_wire import NAK, SYN, Broken, Request, RequestReader, answer
from drivers.simulators.simulated import Act, Simulated

LINES_PRINTED = {48: 4, 49: 1, 53: 1, 54: 1, 56: 4, 60: 2}
"""Lines of paper that a command takes, for the time it keeps the printer busy."""

REST_OF_FRAME_S = 0.05
"""A frame that has begun and does not go on for so long is broken."""

JUNK = b"\r\nAT+CPIN?\r\n\x01\x7f"
"""What a modem on the same line sends, and the beginning of a frame that never goes on."""


class Simulator:
    """The printer on its pty, in its own thread. `port` is what a driver opens. A context manager."""

    def __init__(
        self,
        link: Path | None = None,
        *,
        paper: Paper | None = None,
        line_ms: float = 0.0,
        syn_ms: float = 60.0,
        on_document: Callable[[Document], None] | None = None,
    ) -> None:
        self._link = link
        self._line_s = line_ms / 1000
        self._syn_s = syn_ms / 1000
        self._on_document = on_document
        self._paper = paper if paper is not None else Paper()
        self.device = Device(self._paper)
        self.port = ""
        self._master = self._slave = -1
        self._wake = (-1, -1)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._faults = Faults()
        self._deaf_until = 0.0
        self._off = False
        self._last_seq: int | None = None
        self._last_answer = b""
        self._reader = RequestReader()

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Plug it in; again after a `stop`."""
        self._stopping.clear()
        self._paper.load()
        self._wake = os.pipe()
        self._plug_in()
        self._thread = threading.Thread(target=self._run, name="datecs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        self._stopping.set()
        os.write(self._wake[1], b"x")
        self._thread.join()
        self._thread = None
        self._unplug()
        for end in self._wake:
            os.close(end)

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _plug_in(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        name = os.ttyname(self._slave)
        if self._link is None:
            self.port = name
        else:
            control.link(name, self._link)
            self.port = str(self._link)

    def _unplug(self) -> None:
        if self._link is not None:
            self._link.unlink(missing_ok=True)
        for end in (self._master, self._slave):
            if end >= 0:
                os.close(end)
        self._master = self._slave = -1

    # Knobs -----------------------------------------------------------------------------------------------

    def fault(self, kind: str, **fields: Any) -> None:
        """Arm one fault (see `datecs_faults.Fault`). Several may wait; each hits once. Raises `ValueError`."""
        self._faults.arm(kind, **fields)

    def recover(self) -> None:
        """End a silence; forget all faults that have not hit yet."""
        self._faults.forget()
        self._deaf_until = 0.0

    def refill(self) -> None:
        """New paper."""
        self.device.has_paper = True

    def cover(self, open: bool) -> None:
        """Open or close the cover."""
        self.device.cover_open = open

    def journal(self) -> list[dict[str, Any]]:
        """All finished documents."""
        documents: list[dict[str, Any]] = msgspec.to_builtins(self.device.documents)
        return documents

    # Line ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            patience = REST_OF_FRAME_S if self._reader.waiting else None
            readable, _, _ = select.select([self._master, self._wake[0]], [], [], patience)
            if not readable:
                self._take(self._reader.give_up())
            if self._master not in readable:
                continue
            try:
                data = os.read(self._master, 4096)
            except OSError:
                continue
            if not self._deaf():
                self._take(self._reader.feed(data))

    def _deaf(self) -> bool:
        if time.monotonic() < self._deaf_until:
            return True
        if self._off:
            self._off = False
            self.device.power_returns()
        return False

    def _take(self, requests: list[Request | Broken]) -> None:
        for request in requests:
            if self._deaf():
                return
            if isinstance(request, Broken):
                self._send(NAK)
            else:
                self._request(request)

    def _send(self, data: bytes) -> None:
        """As a wire does: what nobody takes is gone."""
        try:
            os.write(self._master, data)
        except BlockingIOError:
            return

    # Requests --------------------------------------------------------------------------------------------

    def _request(self, request: Request) -> None:
        fault = self._faults.hit(request.seq, request.command)
        kind = fault.kind if fault is not None else None
        if kind is FaultKind.DROP_REQUEST:
            return
        if kind is FaultKind.NAK:
            self._send(NAK)
            return
        if fault is not None and not fault.executed and self._gone(fault):
            return
        if kind is FaultKind.PAPER_OUT:
            self.device.has_paper = False
        self.device.subtotal_off_by = int(kind is FaultKind.SUBTOTAL_OFF)
        before = self._last_answer
        if request.seq != self._last_seq:
            self._last_answer = self._execute(request, kind)
            self._last_seq = request.seq
        if fault is None or not self._gone(fault):
            self._reply(fault, before)

    def _gone(self, fault: Fault) -> bool:
        """Carry out what takes the answer away. True when there is nobody to answer."""
        seconds = fault.ms / 1000
        match fault.kind:
            case FaultKind.SILENCE:
                self._deaf_until = time.monotonic() + seconds if fault.ms else float("inf")
            case FaultKind.POWER_CUT:
                self._deaf_until = time.monotonic() + seconds
                self._off = True
                self._last_seq, self._last_answer = None, b""
            case FaultKind.VANISH:
                self._unplug()
                self._stopping.wait(seconds)
                self._plug_in()
            case _:
                return False
        self._reader = RequestReader()
        return True

    def _reply(self, fault: Fault | None, before: bytes) -> None:
        reply = self._last_answer
        match fault.kind if fault is not None else None:
            case FaultKind.DROP_ANSWER:
                return
            case FaultKind.CORRUPT:
                self._send(reply[:-2] + bytes((reply[-2] ^ 1,)) + reply[-1:])
            case FaultKind.JUNK:
                self._send(JUNK + reply)
            case FaultKind.DUPLICATE:
                self._send(reply + reply)
            case FaultKind.STALE:
                self._send(before + reply)
            case FaultKind.SYN_STORM:
                until = time.monotonic() + (fault.ms if fault is not None else 0) / 1000
                while time.monotonic() < until and not self._stopping.wait(self._syn_s):
                    self._send(SYN)
            case _:
                self._send(reply)

    def _execute(self, request: Request, fault: FaultKind | None) -> bytes:
        printed = len(self.device.documents)
        if fault is FaultKind.FAIL_PAYMENT:
            data, status = b"F", self.device.status()
        else:
            refuse = fault is FaultKind.REFUSE
            data, status = self.device.execute(request.command, request.data, refuse=refuse)
        for document in self.device.documents[printed:]:
            if self._on_document is not None:
                self._on_document(document)
        busy = LINES_PRINTED.get(request.command, 0) * self._line_s
        while busy > 0 and not self._stopping.wait(min(busy, self._syn_s)):
            busy -= self._syn_s
            if busy > 0:
                self._send(SYN)
        return answer(request, data, status)


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A printer whose cable is pulled now and then, and whose cover is opened (which is told in the driver's log): a
    printer reports no readings."""
    with Simulator(folder / "printer") as printer:
        acts = (
            Act("the cover is opened", lambda: printer.cover(True)),
            Act("the cover is closed", lambda: printer.cover(False)),
            Act("the cable is pulled, for a second", lambda: printer.fault("vanish", ms=1000), 4.0),
        )
        yield Simulated({"port": printer.port, "poll_s": 0.5}, acts, printer.stop, printer.start)


def main() -> None:
    """The simulator as a program."""
    import argparse

    parser = argparse.ArgumentParser(description="A simulated Datecs fiscal printer on a pty")
    parser.add_argument("--link", type=Path, required=True, help="stable name of the port, a symbolic link")
    parser.add_argument("--journal", type=Path, help="text file that the paper goes to, read at the start")
    parser.add_argument("--line-ms", type=float, default=5.0, help="time that a printed line takes")
    arguments = parser.parse_args()

    def told(document: Document) -> None:
        control.emit(
            "document",
            number=document.number,
            key=document.key,
            total_cents=document.total_cents,
            closed=document.closed,
        )

    printer = Simulator(arguments.link, paper=Paper(arguments.journal), line_ms=arguments.line_ms, on_document=told)
    with printer:
        control.serve(
            {"port": printer.port},
            {
                "journal": printer.journal,
                "fault": printer.fault,
                "refill": printer.refill,
                "recover": printer.recover,
                "cover": printer.cover,
            },
        )


if __name__ == "__main__":
    main()
