"""The base class that a driver fills in. `drivers.runner.run` does the rest: stream, states, deadlines.

A driver may block freely: it has its process to itself. It never prints (the runner keeps the real stdout
for the contract) and never retries on its own account what moves money or opens a door.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from drivers.contract.core import Kind, Problem

OptionsT = TypeVar("OptionsT", bound=msgspec.Struct)


class DriverError(Exception):
    """Root of what a driver raises on purpose.

    DriverError
    ├── DeviceError   the device is gone or does not answer: closed, reported `lost`, opened again
    ├── CallRefused   this call cannot be done; the device is well
    └── GatewayGone   the stream has ended: stop where you are, touch nothing more
    """


class DeviceError(DriverError):
    """The device does not answer as it should. Carries what a person needs."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.cause}")
        self.problem = problem


class CallRefused(DriverError):
    """The call is refused and nothing was done."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.cause}")
        self.problem = problem


class GatewayGone(DriverError):
    """The gateway's end of the stream is closed."""


Detail = Callable[[], dict[str, str]]
"""What the device says of itself now."""


class Port(Protocol):
    """What a driver may say while it runs; the runner provides it."""

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None: ...
    def alive(self) -> None: ...
    def concern(self, problem: Problem | None, detail: Detail | None = None) -> None: ...
    def step(self, body: msgspec.Struct) -> None: ...


class Driver(Generic[OptionsT]):
    """One device. Fill in the class fields and `open`, `poll`, `close`; `handle` where the kind has calls.

    The constructor does nothing that can fail. Order of calls: `open`, then any number of `poll` and
    `handle`, then `close`; after a `DeviceError`, `close` and, with a back-off, `open` again.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind]
    also: ClassVar[tuple[Kind, ...]] = ()
    options_type: ClassVar[type[msgspec.Struct]]
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = ()
    asides: ClassVar[tuple[type[msgspec.Struct], ...]] = ()
    """Calls that `aside` answers, out of turn."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def open(self, options: OptionsT) -> dict[str, str]:
        """Open the device and prove that it answers. Returns what it says of itself (model, firmware).

        Raises `DeviceError`. What was opened before the error is closed by `close`.
        """
        raise NotImplementedError

    def poll(self) -> float:
        """One look at the device; reports readings and `alive`. Returns seconds until the next look.

        Raises `DeviceError` when the device does not answer.
        """
        raise NotImplementedError

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        """Do one call and return its result. `deadline` is in `time.monotonic()` seconds: do not begin
        what cannot end by then. Raises `CallRefused` or `DeviceError`."""
        cause = f"{self.name} takes no {type(call).__name__}"
        raise CallRefused(Problem("no_such_call", cause, "See docs/drivers.md"))

    def aside(self, call: msgspec.Struct) -> msgspec.Struct:
        """Answer one of `asides`, at once and in another thread, whatever the driver does meanwhile: in the middle of
        `open` or `handle`, and before the first `open`. So it touches no device, waits for nothing and changes nothing.
        Raises `CallRefused`."""
        cause = f"{self.name} takes no {type(call).__name__}"
        raise CallRefused(Problem("no_such_call", cause, "See docs/drivers.md"))

    def close(self) -> None:
        """Let go of the device. Called after errors too: must not fail because the device is gone."""
        raise NotImplementedError

    # What a driver says ----------------------------------------------------------------------------------

    def reading(self, body: msgspec.Struct, mono_ns: int | None = None) -> None:
        """Report what was seen, stamped with the moment it was seen (now, when not given)."""
        self._port.reading(body, time.monotonic_ns() if mono_ns is None else mono_ns)

    def alive(self) -> None:
        """The device itself has just answered. Call it as often as that happens; it is sent seldom."""
        self._port.alive()

    def concern(self, problem: Problem | None, detail: Detail | None = None) -> None:
        """The device works, and yet a person should see to something; None when that is over. Call it as often as you
        look: it is sent on change only, with what `detail` says then, or what `open` said. Only inside `poll`, or
        inside a call that waits for that person."""
        self._port.concern(problem, detail)

    def step(self, body: msgspec.Struct) -> None:
        """A durable point: returns when the gateway has it on disk. Raises `GatewayGone` when it is gone.
        Only inside `handle`."""
        self._port.step(body)

    @staticmethod
    def log(text: str) -> None:
        """One line for the gateway's log. Never a card id. A log that nobody reads any more is no error: a
        driver must still hear that its gateway has gone."""
        try:
            # Past Python's buffer: what stays in it at the end would turn the exit code into a failure.
            os.write(2, text.encode(errors="replace") + b"\n")
        except OSError:
            return
