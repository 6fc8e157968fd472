"""The gateway's ends of a driver's pipes. Neither ever blocks the loop, neither holds more than it is told.

A flood is answered by reading more slowly: the pipe fills and the driver waits in its own write.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import termios
from collections.abc import Callable

from drivers.contract.codec import LineSplitter
from drivers.contract.core import MAX_LINE
from gateway.devices.budget import Bucket

CHUNK = 4096
"""Bytes in one read: at worst 2,048 lines of garbage, some milliseconds of the loop on a slow Pi."""
LINES_PER_S, LINES_BURST = 200, 400
"""Above this a pipe is read more slowly. A read without the end of a line counts as one."""
REST_LINES = 50
"""Reading goes on when so many lines are allowed again: four wake-ups a second in a flood, not two hundred."""
STUCK_S = 5.0
"""A line that could not be written for so long: the driver does not read."""
HELD_MAX = 4 * MAX_LINE
"""Bytes that wait for a driver that does not read, at most."""


class LineReader:
    """Lines from a pipe. `on_line` gets each, `on_skipped` how many were too long, `on_end` the end."""

    def __init__(
        self,
        fd: int,
        on_line: Callable[[bytes], None],
        on_skipped: Callable[[int], None],
        on_end: Callable[[], None],
    ) -> None:
        self._fd = fd
        self._on_line = on_line
        self._on_skipped = on_skipped
        self._on_end = on_end
        self._splitter = LineSplitter()
        self._skipped = 0
        self._bucket = Bucket(LINES_PER_S, LINES_BURST)
        self._pause: asyncio.TimerHandle | None = None
        self._open = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        os.set_blocking(self._fd, False)
        self._loop = loop
        self._open = True
        loop.add_reader(self._fd, self._readable)

    def stop(self) -> None:
        """No more lines. The descriptor is its owner's to close."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            if self._pause is not None:
                self._pause.cancel()

    def earn(self) -> None:
        """The last line was one that we have asked for: it does not count as a part of a flood."""
        self._bucket.spend(self._loop.time(), -1, 0)

    def drain(self) -> None:
        """Take what is still in the pipe of a driver that has ended, unless it was being slowed."""
        for _ in range(MAX_LINE // CHUNK):
            if not self._open or self._pause is not None:
                return
            self._readable()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.stop()
            self._on_end()
            return
        for line in self._splitter.feed(data):
            self._on_line(line)
            if not self._open:
                return
        if self._splitter.skipped != self._skipped:
            self._on_skipped(self._splitter.skipped - self._skipped)
            self._skipped = self._splitter.skipped
        pause = self._bucket.spend(self._loop.time(), max(1, data.count(b"\n")), REST_LINES)
        if pause > 0:
            self._loop.remove_reader(self._fd)
            self._pause = self._loop.call_later(pause, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._fd, self._readable)


class LineWriter:
    """Lines into a pipe. `on_stuck` is called once when the other end does not read, or is closed."""

    def __init__(self, fd: int, on_stuck: Callable[[], None]) -> None:
        self._fd = fd
        self._on_stuck = on_stuck
        self._held = bytearray()
        self._stuck: asyncio.TimerHandle | None = None
        self._open = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        os.set_blocking(self._fd, False)
        self._loop = loop
        self._open = True

    def stop(self) -> None:
        """Nothing more is written. The descriptor is its owner's to close."""
        if self._open:
            self._open = False
            self._released()

    def write(self, line: bytes) -> None:
        """Write, or hold what the pipe does not take. Never blocks, never raises."""
        if not self._open:
            return
        waiting = bool(self._held)
        self._held += line
        if not waiting:
            self._writable()
        elif len(self._held) > HELD_MAX:
            self._give_up()

    def unread(self) -> int:
        """Bytes that the other end has not read yet (FIONREAD counts a pipe from either end, pipe(7))."""
        if not self._open:
            return 0
        count = array.array("i", [0])
        fcntl.ioctl(self._fd, termios.FIONREAD, count)
        return count[0] + len(self._held)

    def _writable(self) -> None:
        try:
            written = os.write(self._fd, self._held)
        except BlockingIOError:
            written = 0
        except OSError:
            self._give_up()
            return
        del self._held[:written]
        if not self._held:
            self._released()
        elif self._stuck is None:
            self._stuck = self._loop.call_later(STUCK_S, self._give_up)
            self._loop.add_writer(self._fd, self._writable)

    def _released(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
            self._loop.remove_writer(self._fd)

    def _give_up(self) -> None:
        self.stop()
        self._held.clear()
        self._on_stuck()
