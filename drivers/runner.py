"""Runs one driver on one byte stream: `run(NfcDriver)` in the driver's `__main__`.

Guarantees: nothing but contract lines leaves on the stream, whatever a library prints; a call that has
passed its deadline is not begun; the end of the stream and `Stop` end the process within `stream.GRACE_S`, however
the device hangs; a lost device is reported once and opened again with a capped back-off.
"""

from __future__ import annotations

import os
import queue
import sys
import time
from types import FrameType
from typing import Any, BinaryIO

import msgspec

from drivers.contract.codec import BadMessage, decode_body, raw
from drivers.contract.core import (
    CONTRACT,
    Alive,
    Call,
    DeviceState,
    Done,
    Hello,
    Options,
    Problem,
    Reading,
    Reopen,
    Reply,
    State,
    Step,
)
from drivers.driver import CallRefused, Detail, DeviceError, Driver, GatewayGone
from drivers.stream import Stream

ALIVE_EVERY_S = 4.0
"""Least time between two `alive`: three of them fit into the shortest silence a gateway tolerates."""

EXIT_BAD_OPTIONS = 9
"""Exit code when the options are not the driver's: a new start would not help."""

REOPEN_FIRST_S, REOPEN_CAP_S = 0.25, 5.0
"""Back-off between attempts to open. A cable that is put back works again within the cap; a device that was
well for as long as the cap starts from the first pause again, one that opens and fails at once does not."""


class Runner:
    """One driver's life. `run` returns the exit code."""

    def __init__(self, driver: type[Driver[Any]], inward: BinaryIO, outward: BinaryIO) -> None:
        self._type = driver
        self._stream = Stream(inward, outward)
        self._ended, self._calls = self._stream.ended, self._stream.calls
        self._alive_at = -ALIVE_EVERY_S
        self._pause = REOPEN_FIRST_S
        self._steps = 0
        self._in_call = 0
        self._state: State | None = None
        self._detail: dict[str, str] = {}
        self._driver = driver(self)
        self._bodies: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union((Reopen, *driver.calls, *driver.asides)))
        self._asides: msgspec.json.Decoder[Any] | None = (
            msgspec.json.Decoder(_union(driver.asides)) if driver.asides else None
        )

    # Port: what the driver says --------------------------------------------------------------------------

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        self._stream.send(Reading(mono_ns, raw(body)))

    def alive(self) -> None:
        now = time.monotonic()
        if now - self._alive_at >= ALIVE_EVERY_S:
            self._alive_at = now
            self._stream.send(Alive(time.monotonic_ns()))

    def concern(self, problem: Problem | None, detail: Detail | None = None) -> None:
        state = self._state
        if state is not None and state.state is DeviceState.READY and state.problem != problem:
            self._tell(State(DeviceState.READY, problem, self._detail if detail is None else detail()))

    def step(self, body: msgspec.Struct) -> None:
        self._steps += 1
        self._stream.send(Step(self._steps, self._in_call, raw(body)))
        self._stream.until_stored(self._steps)

    # Life ------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Speak the contract until `Stop` or the end of the stream."""
        try:
            said = self._type
            self._stream.send(Hello(CONTRACT, said.name, said.version, said.kind, said.also))
            self._stream.listen(self._answered_aside)
            options = self._first_options()
            if options is None:
                return 0 if self._ended.is_set() else EXIT_BAD_OPTIONS
            self._live(options)
        except GatewayGone:
            pass
        return 0

    def _live(self, options: msgspec.Struct) -> None:
        try:
            while not self._ended.is_set():
                self._session(options)
        finally:
            self._driver.close()

    def _first_options(self) -> msgspec.Struct | None:
        match self._calls.get():
            case Options(options=given):
                try:
                    return msgspec.json.decode(given, type=self._type.options_type)
                except msgspec.DecodeError as error:
                    advice = f"Correct the options of driver {self._type.name} in the configuration"
                    self._tell(State(DeviceState.LOST, Problem("bad_options", str(error), advice)))
            case _:
                pass
        return None

    def _session(self, options: msgspec.Struct) -> None:
        """Open the device, use it until it is lost or has to be opened again."""
        while not self._ended.is_set():
            if self._state is None or self._state.state is DeviceState.READY:
                self._tell(State(DeviceState.OPENING))
            try:
                self._detail = self._driver.open(options)
                break
            except DeviceError as error:
                self._away(error.problem)
        else:
            return
        self._tell(State(DeviceState.READY, detail=self._detail))
        self._alive_at = -ALIVE_EVERY_S
        self.alive()
        ready_at = time.monotonic()
        try:
            self._serve()
        except DeviceError as error:
            if time.monotonic() - ready_at >= REOPEN_CAP_S:
                self._pause = REOPEN_FIRST_S
            self._away(error.problem)
        else:
            self._driver.close()

    def _away(self, problem: Problem) -> None:
        """The device is lost: say so, let go of it, wait before the next attempt.

        `lost` follows the reply to a call that lost the device at once, before a close that may take long:
        so the gateway can tell "something may have happened" from a mere refusal.
        """
        self._tell(State(DeviceState.LOST, problem))
        self._driver.close()
        self._refuse_calls(problem, self._pause)
        self._pause = min(self._pause * 2, REOPEN_CAP_S)

    def _serve(self) -> None:
        """Poll and answer calls. Returns when the device is to be opened again."""
        while not self._ended.is_set():
            pause_until = time.monotonic() + self._driver.poll()
            while (left := pause_until - time.monotonic()) > 0 or not self._calls.empty():
                try:
                    item = self._calls.get(timeout=max(left, 0))
                except queue.Empty:
                    break
                if item is None:
                    return
                if isinstance(item, tuple) and self._answer(*item):
                    return

    def _answer(self, call: Call, deadline: float) -> bool:
        """Do one call; true when the device is to be opened again. A lost device is answered, then raised."""
        if time.monotonic() >= deadline:
            self._refuse(call, Problem("too_late", "its deadline passed before it could begin", "Ask again"))
            return False
        try:
            body = decode_body(call.body, self._bodies)
        except BadMessage as error:
            self._refuse(call, Problem("bad_call", str(error), "Install gateway and driver of one version"))
            return False
        if isinstance(body, Reopen):
            self._stream.send(Reply(call.id, raw(Done())))
            return True
        self._in_call = call.id
        try:
            self._stream.send(Reply(call.id, raw(self._driver.handle(body, deadline))))
        except CallRefused as error:
            self._refuse(call, error.problem)
        except DeviceError as error:
            self._refuse(call, error.problem)
            raise
        return False

    def _refuse_calls(self, problem: Problem, seconds: float) -> None:
        """While the device is away every call is answered at once with the reason."""
        until = time.monotonic() + seconds
        while not self._ended.is_set() and (left := until - time.monotonic()) > 0:
            try:
                item = self._calls.get(timeout=left)
            except queue.Empty:
                return
            if isinstance(item, tuple):
                self._refuse(item[0], problem)

    def _refuse(self, call: Call, problem: Problem) -> None:
        self._stream.send(Reply(call.id, problem=problem))

    def _tell(self, state: State) -> None:
        """States on change only: the tenth failed attempt is no news."""
        if state != self._state:
            self._state = state
            self._stream.send(state)

    def _answered_aside(self, call: Call) -> bool:
        """Whether it was one of the driver's asides: those wait for no other call. Raises `GatewayGone`."""
        if self._asides is None:
            return False
        try:
            body = decode_body(call.body, self._asides)
        except BadMessage:
            return False  # another call, or one that is refused in its turn
        try:
            answer = self._driver.aside(body)
        except CallRefused as error:
            self._refuse(call, error.problem)
        else:
            self._stream.send(Reply(call.id, raw(answer)))
        return True


def _union(types: tuple[type[msgspec.Struct], ...]) -> Any:
    union: Any = types[0]
    for further in types[1:]:
        union = union | further
    return union


def run(driver: type[Driver[Any]]) -> None:
    """Run `driver` on stdio and end the process. Takes the real stdin and stdout away from everyone else:
    what a library prints goes to stderr, what a child process reads is empty."""
    inward, outward = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    _stop_on_sigterm()
    sys.exit(Runner(driver, inward, outward).run())


def _stop_on_sigterm() -> None:
    import signal

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
