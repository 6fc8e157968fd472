"""A child process in its own session: pipes, no other descriptors of ours, and its end by pidfd.

pidfd (pidfd_open(2), Linux 5.3) instead of asyncio's child watchers: no thread, no signal handler, the same on
every Python, and a moment between the end and the reaping in which the process group's number is surely ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence


class Child:
    """Started by the constructor's caller with `start`; `on_gone` is called once, before it is reaped."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], on_gone: Callable[[], None]) -> None:
        self._argv = list(argv)
        self._environment = environment
        self._on_gone = on_gone
        self._fds: list[int] = []
        self.pid = 0
        self.stdin = self.stdout = self.stderr = -1
        """Our ends of its pipes."""

    def start(self, *, listen: bool) -> None:
        """Spawn it. With `listen` its stdout and stderr are pipes, else nowhere. Raises `OSError`; nothing is
        left behind then."""
        self._loop = asyncio.get_running_loop()
        theirs: list[int] = []
        try:
            self._spawn(theirs, listen)
        except OSError:
            self._close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._gone)

    def signal(self, number: signal.Signals = signal.SIGKILL) -> None:
        """A signal to the whole process group, as long as its leader is not reaped."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: a setuid program
                os.killpg(self.pid, number)

    def close_input(self) -> None:
        """End of its input stream."""
        if self.stdin in self._fds:
            self._fds.remove(self.stdin)
            os.close(self.stdin)

    async def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within that time."""
        await asyncio.wait({self.ended}, timeout=timeout_s)
        return self.ended.done()

    def _spawn(self, theirs: list[int], listen: bool) -> None:
        for_stdin, self.stdin = os.pipe()
        theirs.append(for_stdin)
        self._fds.append(self.stdin)
        outputs = [subprocess.DEVNULL, subprocess.DEVNULL]
        if listen:
            self.stdout, for_stdout = os.pipe()
            theirs.append(for_stdout)
            self._fds.append(self.stdout)
            self.stderr, for_stderr = os.pipe()
            theirs.append(for_stderr)
            self._fds.append(self.stderr)
            outputs = [for_stdout, for_stderr]
        self._popen = subprocess.Popen(
            self._argv,
            stdin=for_stdin,
            stdout=outputs[0],
            stderr=outputs[1],
            env=self._environment,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:
            os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()
            raise
        self._fds.append(self._pidfd)

    def _gone(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.signal()  # what it has left in its group
        self._on_gone()
        code = self._popen.wait()
        self._close()
        self.ended.set_result(code)

    def _close(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
