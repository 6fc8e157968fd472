"""Runs one driver process by hand: spawns it, gives it its options, prints what it says, and ends it properly."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

import click
import msgspec

from drivers.contract.codec import BadMessage, LineSplitter, decode_for_gateway, encode
from drivers.contract.core import CONTRACT, DeviceState, Hello, Options, Problem, Reading, State, Stop
from gateway.cli.exits import Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import line, talk
from gateway.cli.simulation import Simulation
from gateway.cli.tell import Teller, sentence
from gateway.devices.environment import environment
from gateway.devices.process import NO_CORE, how_it_ended
from gateway.model.errors import GatewayError

EXIT_BAD_OPTIONS = 9
"""Of a driver whose options are not its own (docs/driver-contract.md)."""

LEAVE_S = 3.0
"""From the request to stop to the end by force; a driver has one second of its own to close its device."""


def watch(
    argv: Sequence[str],
    device: str,
    options: Mapping[str, Any],
    *,
    count: int | None,
    timeout: float | None,
    as_json: bool,
    time_zone: str = "",
    simulation: Simulation | None = None,
) -> Exit:
    """Run the driver until it ends, `count` readings have come, or `timeout` seconds have passed. `time_zone`: the
    place's, empty where none is known. A `simulation` is played from when the driver is ready.

    Ctrl-C raises `KeyboardInterrupt`, once the driver has ended. Raises `GatewayError` when it cannot be run.
    """
    # Its memory and, for a moment, ours hold clear card ids.
    _no_core()
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment(os.environ, time_zone) | ({} if simulation is None else simulation.env),
            start_new_session=True,
        )
    except OSError as error:
        raise GatewayError(f"cannot be run: {error.strerror or error}", where=argv[0]) from error
    stdin, stdout = _pipes(process)
    try:
        _send(stdin, encode(Options(device, msgspec.Raw(msgspec.json.encode(options)))))
        watcher = _Watcher(stdout, count, timeout, as_json=as_json, simulation=simulation)
        ended = watcher.run()
    finally:
        code = _end(process)
    return ended if ended is not None else watcher.verdict(code)


class _Watcher:
    """Reads one driver's lines until there is a reason to stop."""

    def __init__(
        self,
        stream: IO[bytes],
        count: int | None,
        timeout: float | None,
        *,
        as_json: bool,
        simulation: Simulation | None,
    ) -> None:
        self._stream = stream
        self._simulation = simulation
        self._left = count
        self._until = None if timeout is None else time.monotonic() + timeout
        self._as_json = as_json
        self._teller = Teller()
        self._began = time.monotonic()
        self._refused = False
        self._problem: Problem | None = None

    def run(self) -> Exit | None:
        """Why watching ended: enough readings, time-out, wrong contract; None when the driver ended."""
        lines = LineSplitter()
        with selectors.DefaultSelector() as ready:
            ready.register(self._stream, selectors.EVENT_READ)
            if self._simulation is not None:
                ready.register(self._simulation.stream, selectors.EVENT_READ)
            while True:
                left = None if self._until is None else self._until - time.monotonic()
                if left is not None and left <= 0:
                    return self._too_late()
                found = [key.fileobj for key, _ in ready.select(left)]
                if self._simulation is not None and self._simulation.stream in found and not self._played():
                    ready.unregister(self._simulation.stream)
                if self._stream not in found:
                    continue
                data = os.read(self._stream.fileno(), 65536)
                if not data:
                    return None
                for text in lines.feed(data):
                    if (ended := self._line(text)) is not None:
                        return ended

    def verdict(self, code: int) -> Exit:
        """The exit code for a driver that ended by itself."""
        if code == EXIT_BAD_OPTIONS:
            return Exit.BAD_FILE
        if code == 0:
            return Exit.DONE
        talk(f"error: the driver {how_it_ended(code)}. What it said before is above")
        return Exit.FAILED

    def _too_late(self) -> Exit:
        if self._problem is not None:
            talk(f"error: the device is not ready: {self._problem.cause}. {self._problem.advice}")
            return Exit.NOT_READY
        talk("time is up")
        return Exit.TIMED_OUT

    def _played(self) -> bool:
        """Tell what has been played; false when nothing will be any more."""
        heard = None if self._simulation is None else self._simulation.heard()
        if heard is None:
            talk("the simulator has ended: nothing happens at the device any more")
            return False
        for what in heard:
            self._tell({"message": "played", "what": what})
        return True

    def _line(self, text: bytes) -> Exit | None:
        try:
            message = decode_for_gateway(text)
        except BadMessage as error:
            talk(f"not a message of the contract ({len(text)} bytes): {error}")
            return None
        told = self._teller.fields(message)
        self._tell(told)
        match message:
            case Hello(contract=contract) if contract != CONTRACT:
                talk(f"error: it speaks contract {contract}, this is {CONTRACT}. Install both of one version")
                return Exit.FAILED
            case State(state=state, problem=problem):
                self._problem = problem if state is DeviceState.LOST else None
                if self._simulation is not None and state is DeviceState.READY:
                    self._simulation.play()
            # What the inputs are when a board becomes ready is nothing that has happened: it is not waited for.
            case Reading() if self._left is not None and told["reading"] != "inputs":
                self._left -= 1
                return Exit.DONE if self._left == 0 else None
            case _:
                pass
        return None

    def _tell(self, told: dict[str, Any]) -> None:
        at = time.monotonic() - self._began
        if self._as_json:
            line(at_s=round(at, 3), **told)
        else:
            click.echo(f"{at:8.3f}  {told['message']:<8}  {one_line(sentence(told))}")


def _send(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended already: the end of its output says so
        stream.write(data)


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ask it to stop, close its input, then end what is left of its process group. Its exit code."""
    stdin, stdout = _pipes(process)
    _send(stdin, encode(Stop()))
    with contextlib.suppress(BrokenPipeError):
        stdin.close()
    pidfd = os.pidfd_open(process.pid)
    select.select([pidfd], [], [], LEAVE_S)
    os.close(pidfd)
    # Before it is reaped: as long as it is not, the number of its group is surely its own.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    stdout.close()
    return process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a driver is spawned with pipes")
    return process.stdin, process.stdout


def _no_core() -> None:
    """No core dump of this process and its children. A limit that is lower already stays."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == resource.RLIM_INFINITY or hard >= NO_CORE[1]:
        resource.setrlimit(resource.RLIMIT_CORE, NO_CORE)
