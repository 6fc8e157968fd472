"""The other end of a driver, simulated beside it: a child process that plays something there."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

from gateway.model.errors import GatewayError

READY_S = 60.0
"""A slow machine imports OpenCV for a while; pcscd takes some seconds."""
END_S = 10.0
"""From the end of its input to the end by force."""
MODULE = "drivers.simulators.play"


class CannotBePlayed(GatewayError):
    """This machine cannot simulate that device."""

    code = "cannot_simulate"


class Simulation:
    """Starts when it is entered and is gone, with all it started, when it is left. Raises `CannotBePlayed`.

    `options` and `env` lead a driver to the simulated device; `stream` is readable when there is something to hear.
    """

    def __init__(self, driver: str) -> None:
        self._driver = driver
        self._held = b""
        self.options: dict[str, Any] = {}
        self.env: dict[str, str] = {}

    def __enter__(self) -> Simulation:
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, self._driver],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C reaches us, not it.
        )
        self._stdin, self.stream = _pipes(self._process)
        with contextlib.ExitStack() as undo:
            undo.callback(self._end)
            self._begin()
            undo.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end()

    def play(self) -> None:
        """From now on something happens at the device every few seconds."""
        with contextlib.suppress(BrokenPipeError):  # it has ended: the end of its output says so
            self._stdin.write(b'{"do": "play"}\n')

    def heard(self) -> list[str] | None:
        """What has been played since, in words; None when it has ended. Waits when nothing has come."""
        data = os.read(self.stream.fileno(), 65536)
        if not data:
            return None
        return [str(message["what"]) for message in self._messages(data) if message.get("event") == "played"]

    def _begin(self) -> None:
        until = time.monotonic() + READY_S
        while select.select([self.stream], [], [], max(0.0, until - time.monotonic()))[0]:
            data = os.read(self.stream.fileno(), 65536)
            for message in self._messages(data):
                if failed := message.get("failed"):
                    raise CannotBePlayed(failed["cause"], failed["advice"], where=f"driver {self._driver}")
                if ready := message.get("ready"):
                    self.options, self.env = ready["options"], ready["env"]
                    return
            if not data:
                what = f"the simulator ended with {self._process.wait()}"
                raise CannotBePlayed(what, "What it said is above", where=f"driver {self._driver}")
        raise CannotBePlayed(f"the simulator was not ready within {READY_S:.0f} s", where=f"driver {self._driver}")

    def _messages(self, data: bytes) -> Iterator[dict[str, Any]]:
        *lines, self._held = (self._held + data).split(b"\n")
        return (json.loads(line) for line in lines)

    def _end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.stream.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a simulation is spawned with pipes")
    return process.stdin, process.stdout
