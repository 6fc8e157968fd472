"""A printer of slips (ESC/POS) on a pty or at a TCP port: takes what a driver sends, prints it, answers as it stands.

    python -m drivers.simulators.escpos --link PATH
    python -m drivers.simulators.escpos --tcp 9100

tells each slip that was cut off (`{"event": "slip", "text": "..."}`) and is steered by lines: {"do": "paper"} (what
stands on it), {"do": "set", "what": "paper_end", "on": true} (also: near_end, cover, cutter, hot, silent, deaf), {"do":
"unplug"}, {"do": "plug"}.

As printers do: a roll that ends or an open cover stops printing and holds what has come; real-time questions (DLE EOT)
are answered all the same, wherever they stand; the others (GS r) when it is their turn.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.escpos_paper import Paper
from drivers.simulators.simulated import Act, Simulated

BUFFER = 4096
"""Bytes that a printer holds."""
REAL_TIME = b"\x10\x04"
FAULTS = ("paper_end", "near_end", "cover", "cutter", "hot", "silent", "deaf")


class EscPosPrinter:
    """One printer. `path`: a pty is to be found there; else `port` is its TCP port, 0 for any.

    Set `paper_end`, `near_end`, `cover`, `cutter`, `hot` as it stands; `silent`: it answers nothing; `deaf`: it takes
    nothing; `knows_gs_r`: whether it has that command; `lines_left`: the roll ends after so many; `hush_after`: it is
    silent after so many; `line_s`: what a line takes; `chatter`: sent before every answer; `answers`: bytes in the
    place of its own answers to DLE EOT.
    """

    def __init__(
        self,
        path: Path | None = None,
        port: int = 0,
        *,
        knows_gs_r: bool = True,
        on_slip: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._path = path
        self.port = port
        self._on_slip = on_slip
        self.paper = Paper(knows_gs_r=knows_gs_r)
        self.paper_end = self.near_end = self.cover = self.cutter = self.hot = False
        self.silent = self.deaf = False
        self.lines_left: int | None = None
        self.hush_after: int | None = None
        self.line_s = 0.0
        self.chatter = b""
        self.answers: dict[int, int] = {}
        self.taken = b""
        """Every byte that came."""
        self.asked = 0
        """Real-time questions that came."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._fds: tuple[int, ...] = ()
        self._listener: socket.socket | None = None
        self._connection: socket.socket | None = None
        self._next_line_at = 0.0
        self._tail = b""

    def plug(self) -> None:
        """It is switched on and can be reached."""
        if self._thread is not None:
            return
        self._ended = threading.Event()
        if self._path is not None:
            near, far = os.openpty()
            tty.setraw(far)
            os.set_blocking(near, False)
            self._fds = near, far
            control.link(os.ttyname(far), self._path)
        else:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """It is switched off: what was not printed is gone."""
        if self._thread is None:
            return
        self._ended.set()
        self._thread.join()
        self._thread = None
        for fd in self._fds:
            os.close(fd)
        self._fds = ()
        for one in (self._connection, self._listener):
            if one is not None:
                one.close()
        self._connection = self._listener = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        with self._changed:
            self.paper.clear()

    def hang_up(self) -> None:
        """End the connection, as printers do with one on which nothing comes; the next one is taken."""
        connection = self._connection
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)

    def wait(self, right: Callable[[], bool], seconds: float = 15.0) -> bool:
        """Until something holds of what it took or printed."""
        with self._changed:
            return self._changed.wait_for(right, seconds)

    def set(self, what: str, on: bool = True) -> None:
        """As a person does at the printer."""
        if what not in FAULTS:
            raise ValueError(f"one of {', '.join(FAULTS)}")
        with self._changed:
            setattr(self, what, on)
            if what == "paper_end" and not on:
                self.lines_left = None

    # Its own thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.is_set():
            self._work()
            room = BUFFER - self.paper.held if not self.deaf else 0
            source = self._source()
            readable = [source] if source is not None and room > 0 else []
            if not readable:
                self._ended.wait(0.01)
                continue
            if select.select(readable, [], [], 0.01)[0] and not self.deaf:
                self._read(room)

    def _source(self) -> int | socket.socket | None:
        """Where something may come from now: a connection that somebody makes, too."""
        return self._fds[0] if self._fds else self._connection or self._listener

    def _read(self, room: int) -> None:
        if self._listener is not None and self._connection is None:
            self._connection, _ = self._listener.accept()
            self._connection.setblocking(False)
            return
        try:
            data = os.read(self._fds[0], room) if self._fds else self._connected().recv(room)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data and self._connection is not None:
            self._connection.close()
            self._connection = None
        if data:
            self._take(data)

    def _connected(self) -> socket.socket:
        if self._connection is None:
            raise OSError("nobody is connected")
        return self._connection

    def _take(self, data: bytes) -> None:
        with self._changed:
            self.taken += data
            self.paper.feed(data)
            questions = self._questions(data)
            self.asked += len(questions)
            self._changed.notify_all()
        for number in questions:
            self._say(bytes([self.answers.get(number, self._status(number))]))

    def _questions(self, data: bytes) -> list[int]:
        """DLE EOT n, wherever it stands, also over two pieces."""
        seen, found, at = self._tail + data, [], 0
        while (at := seen.find(REAL_TIME, at)) >= 0 and at + 2 < len(seen):
            if 1 <= seen[at + 2] <= 4:
                found.append(seen[at + 2])
            at += 2
        self._tail = seen[-2:] if seen[-2:] == REAL_TIME else seen[-1:] if seen[-1:] == REAL_TIME[:1] else b""
        return found

    def _status(self, number: int) -> int:
        stopped = self._stopped
        match number:
            case 1:
                return 0x12 | 0x04 | (0x08 if stopped else 0)  # The drawer's contact is high on most.
            case 2:
                error = self.cutter or self.hot
                return 0x12 | (0x04 if self.cover else 0) | (0x20 if self.paper_end else 0) | (0x40 if error else 0)
            case 3:
                return 0x12 | (0x08 if self.cutter else 0) | (0x40 if self.hot else 0)
            case _:
                near = self.near_end or self.paper_end
                return 0x12 | (0x0C if near else 0) | (0x60 if self.paper_end else 0)

    @property
    def _stopped(self) -> bool:
        return self.paper_end or self.cover or self.cutter or self.hot

    def _work(self) -> None:
        """Print until it is stopped or has to wait for its head."""
        while not self._stopped and time.monotonic() >= self._next_line_at:
            with self._changed:
                lines, slips = len(self.paper.lines), len(self.paper.slips)
                done, answer = self.paper.step()
                if not done:
                    return
                if len(self.paper.lines) > lines:
                    self._next_line_at = time.monotonic() + self.line_s
                    self._use_paper()
                torn = self.paper.slips[slips:]
                self._changed.notify_all()
            for slip in torn:
                self._on_slip(slip.text)
            if answer:
                self._say(answer)

    def _use_paper(self) -> None:
        if self.lines_left is not None:
            self.lines_left -= 1
            self.paper_end = self.lines_left <= 0
        if self.hush_after is not None:
            self.hush_after -= 1
            self.silent = self.hush_after <= 0

    def _say(self, data: bytes) -> None:
        if self.silent:
            return
        try:
            if self._fds:
                os.write(self._fds[0], self.chatter + data)
            elif self._connection is not None:
                self._connection.send(self.chatter + data)
        except OSError:
            return  # Nobody reads it any more.


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A printer on a serial line, whose roll ends and whose cover is opened."""
    printer = EscPosPrinter(folder / "printer")
    printer.plug()
    try:
        acts = (
            Act("the roll comes to its end", lambda: printer.set("paper_end"), stay_s=4.0),
            Act("a new roll is put in", lambda: printer.set("paper_end", on=False), stay_s=4.0),
            Act("the cover is opened", lambda: printer.set("cover"), stay_s=4.0),
            Act("the cover is closed", lambda: printer.set("cover", on=False), stay_s=4.0),
        )
        options = {"port": str(folder / "printer"), "flow": "none", "poll_s": 1.0}
        yield Simulated(options, acts, printer.unplug, printer.plug)
    finally:
        printer.unplug()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.escpos", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--link", type=Path, help="where the printer is to be found")
    where.add_argument("--tcp", type=int, help="its TCP port on this machine, 0 for any")
    given = parser.parse_args(argv)
    printer = EscPosPrinter(given.link, given.tcp or 0, on_slip=lambda text: control.emit("slip", text=text))
    printer.plug()
    try:
        commands: dict[str, Callable[..., Any]] = {
            "paper": lambda: [slip.text for slip in printer.paper.slips],
            "set": printer.set,
            "unplug": printer.unplug,
            "plug": printer.plug,
        }
        control.serve({"path": str(given.link)} if given.link else {"port": printer.port}, commands)
    finally:
        printer.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
