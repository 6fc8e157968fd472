"""One driver process: lines in, lines out, its log, and its end with all that it has started."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable, Mapping, Sequence

from gateway.devices.child import Child
from gateway.devices.pipe import LineReader, LineWriter

NO_CORE = (1, 1)
"""RLIMIT_CORE of a driver, whose memory holds clear card ids. 1 byte also turns off handlers that the kernel
pipes dumps to, which a limit of 0 does not (core(5); fs/coredump.c)."""

DEAF_S = 1.0
"""A driver that ends closes its pipes first, its end follows. One that closes them and lives on is hung."""


class Process:
    """A program that is started once. `on_stuck`: it does not read its input or has closed its output.
    `on_end` is called once with the exit code (or the negative number of a signal), when its process group is
    killed and what it had written is read."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_line: Callable[[bytes], None],
        on_garbage: Callable[[int], None],
        on_log: Callable[[bytes], None],
        on_stuck: Callable[[], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._child = Child(argv, environment, self._gone)
        self._on_line = on_line
        self._on_garbage = on_garbage
        self._on_log = on_log
        self._on_stuck = on_stuck
        self._on_end = on_end
        self._deaf: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> None:
        """Spawn it. Raises `OSError` when that cannot be done; nothing is left behind then."""
        child = self._child
        child.start(listen=True)
        with contextlib.suppress(ProcessLookupError):  # it has ended already: the pidfd says so in a moment
            _forbid_core(child.pid)
        loop = self._loop = asyncio.get_running_loop()
        self._writer = LineWriter(child.stdin, self._closed)
        self._out = LineReader(child.stdout, self._on_line, self._on_garbage, self._closed)
        self._err = LineReader(child.stderr, self._on_log, lambda _: None, lambda: None)
        for part in (self._writer, self._out, self._err):
            part.start(loop)
        child.ended.add_done_callback(lambda ended: self._on_end(ended.result()))

    def send(self, line: bytes) -> None:
        """One line to the program. Never blocks; a program that does not read is told by `on_stuck`."""
        self._writer.write(line)

    def earn(self) -> None:
        """The last line was asked for: it is no part of a flood."""
        self._out.earn()

    def unread(self) -> int:
        """Bytes sent that the program has not taken."""
        return self._writer.unread()

    def close_input(self) -> None:
        """End of the program's input stream."""
        self._writer.stop()
        self._child.close_input()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """A signal to the whole process group."""
        self._child.signal(number)

    async def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within that time."""
        return await self._child.wait(timeout_s)

    def _closed(self) -> None:
        if self._deaf is None:
            self._deaf = self._loop.call_later(DEAF_S, self._on_stuck)

    def _gone(self) -> None:
        self._writer.stop()
        self._out.drain()
        self._err.drain()
        self._out.stop()
        self._err.stop()
        if self._deaf is not None:
            self._deaf.cancel()


def how_it_ended(code: int) -> str:
    """For people: `ended with exit code 3`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _forbid_core(pid: int) -> None:
    """No core dump: a driver's memory holds card ids. A limit that is lower already stays (raising it needs root)."""
    _soft, hard = resource.prlimit(pid, resource.RLIMIT_CORE)
    if hard == resource.RLIM_INFINITY or hard >= NO_CORE[1]:
        resource.prlimit(pid, resource.RLIMIT_CORE, NO_CORE)
