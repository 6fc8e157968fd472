"""One driver process and what it says, from its start to its end.

Order: hello (within `HELLO_S`, of our contract), then our options, then everything else. Whatever comes that
is not of the contract is counted and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping

import msgspec

from drivers.contract import core
from drivers.contract.codec import BadMessage, decode_for_gateway, encode
from gateway.config.types import DeviceSection
from gateway.devices import convert
from gateway.devices.intake import Intake
from gateway.devices.link import Answer, Link, OnStep
from gateway.devices.process import Process, how_it_ended
from gateway.devices.troubles import Trouble, problem
from gateway.model.errors import DeadlineMissed, InputRefused

HELLO_S = 20.0
"""From the start of a driver to its hello: a camera driver on a slow Pi loads numpy for many seconds."""
REOPEN_MS = 5000
EXIT_BAD_OPTIONS = 9
"""Exit code of a driver that refuses its options (docs/driver-contract.md): starting it again is no use."""
TERM_AFTER_S, KILL_AFTER_S, GIVE_UP_AFTER_S = 0.6, 0.4, 0.4
"""Stopping: Stop and end of input, then SIGTERM, then SIGKILL. Together below the 1.5 s that a stop may take."""

log = logging.getLogger("gateway.devices")


class _AnyHello(msgspec.Struct, frozen=True, tag="hello", tag_field="t"):
    """What a driver of any contract says first."""

    contract: int


_any_hello = msgspec.json.Decoder(_AnyHello)


class Session:
    """`environment`: all that the driver gets. `on_life`: the device has answered. `on_state`: the driver tells of its
    device. `on_end`: the process has ended, why, and whether that is final because a new start would end the same
    way."""

    def __init__(
        self,
        section: DeviceSection,
        intake: Intake,
        environment: Mapping[str, str],
        *,
        on_log: Callable[[bytes], None],
        on_life: Callable[[], None],
        on_state: Callable[[core.State], None],
        on_end: Callable[[core.Problem, bool], None],
    ) -> None:
        self._section = section
        self._intake = intake
        self._on_life = on_life
        self._on_state = on_state
        self._on_end = on_end
        self._process = Process(
            section.command or (sys.executable, "-m", f"drivers.{section.driver}"),
            environment,
            on_line=self._line,
            on_garbage=intake.garbage,
            on_log=on_log,
            on_stuck=lambda: self.end(problem(Trouble.HUNG, "it does not read, or has closed its pipes")),
            on_end=self._ended,
        )
        self._link = Link(section.id, self._process.send, self._waits_for_ever)
        self._hello: core.Hello | None = None
        self._bad_options = "see the log lines of this device"
        self._why: core.Problem | None = None
        self._final = False
        self.state: core.DeviceState | None = None
        """What the driver said last of its device."""

    @property
    def _kinds(self) -> tuple[core.Kind, ...]:
        """What sorts of device it is, the one that it is first of all before the others."""
        return () if self._hello is None else (self._hello.kind, *self._hello.also)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def watched(self) -> bool:
        """Whether it has said hello, so that life may be expected of its device."""
        return self._hello is not None

    @property
    def stepping(self) -> bool:
        """Whether a call with durable points is under way."""
        return self._link.stepping

    def start(self) -> None:
        """Spawn the driver. Raises `OSError`."""
        self._process.start()
        self._no_hello = asyncio.get_running_loop().call_later(
            HELLO_S, lambda: self.end(problem(Trouble.NO_HELLO, HELLO_S))
        )

    def end(self, why: core.Problem) -> None:
        """Kill it. The reason that came first is the one that counts."""
        if self._why is None:
            self._why = why
        self._process.kill()

    async def stop(self) -> None:
        """Stop it: kindly, firmly, by force. At most 1.4 s; calls under way end with an error."""
        process = self._process
        process.send(encode(core.Stop()))
        process.close_input()
        if not await process.wait(TERM_AFTER_S):
            process.kill(signal.SIGTERM)
            if not await process.wait(KILL_AFTER_S):
                process.kill()
                if not await process.wait(GIVE_UP_AFTER_S):
                    log.error("%s: process %d cannot be ended, it hangs in the kernel", self._section.id, self.pid)
        self._link.close("was stopped")

    async def call(
        self,
        kind: core.Kind,
        body: msgspec.Struct,
        deadline_ms: int,
        on_step: OnStep | None = None,
        *,
        of_device: bool = True,
    ) -> msgspec.Raw:
        """Ask the driver; see `Link`. A driver that has not even read the question by its deadline hangs."""
        if kind not in self._kinds:
            raise InputRefused(
                f"it is no {kind}", "Correct the device's id", where=self._section.id, code="wrong_device"
            )
        try:
            return await self._link.call(body, deadline_ms, on_step, of_device=of_device)
        except DeadlineMissed:
            if self._process.unread():
                self.end(problem(Trouble.HUNG, "it does not read what it is asked"))
            raise

    def reopen(self) -> None:
        """Ask the driver to close its device and open it again. Whether it worked, its states will tell."""
        self._link.tell(core.Reopen(), REOPEN_MS)

    # What the driver says --------------------------------------------------------------------------------

    def _line(self, line: bytes) -> None:
        try:
            message = decode_for_gateway(line)
        except BadMessage:
            self._not_understood(line)
            return
        if self._hello is None:
            if isinstance(message, core.Hello):
                self._greet(message)
            else:
                self._intake.garbage(1)
            return
        match message:
            case core.Reading():
                if self._intake.reading(self._kinds, message):
                    self._on_life()
            case core.Alive(mono_ns=mono_ns):
                if self._intake.fresh(mono_ns, self._section.silence_s * 1000):
                    self._on_life()
            case core.State():
                self._told(message)
            case core.Step():
                self._link.step(message)
            case core.Reply():
                match self._link.reply(message):
                    case Answer.RESULT:
                        self._process.earn()
                        self._on_life()
                    case Answer.BY_DRIVER:
                        self._process.earn()
                    case Answer.NEVER_ASKED:
                        self._intake.garbage(1)
                    case Answer.OTHER:
                        pass
            case core.Hello():
                self._intake.garbage(1)

    def _greet(self, hello: core.Hello) -> None:
        if hello.contract != core.CONTRACT:
            self._refuse_contract(hello.contract)
            return
        try:
            line = convert.options_line(self._section)
        except BadMessage as error:
            self._final = True
            self.end(problem(Trouble.BAD_OPTIONS, error))
            return
        self._hello = hello
        self._no_hello.cancel()
        self._process.send(line)

    def _not_understood(self, line: bytes) -> None:
        """Garbage, unless it is the hello of a driver from another time."""
        if self._hello is None:
            try:
                self._refuse_contract(_any_hello.decode(line).contract)
                return
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass
        self._intake.garbage(1)

    def _refuse_contract(self, number: int) -> None:
        self._final = True
        what = f"it speaks version {number}, the gateway version {core.CONTRACT}"
        if number == core.CONTRACT:
            what = f"its hello is not one of version {number}"
        self.end(problem(Trouble.WRONG_CONTRACT, what))

    def _told(self, state: core.State) -> None:
        self.state = state.state
        if state.state is core.DeviceState.LOST:
            self._link.lost()
            if state.problem is not None:
                self._bad_options = state.problem.cause
        self._on_state(state)

    def _waits_for_ever(self) -> None:
        self.end(problem(Trouble.HUNG, "it waits at a step that was not stored in time"))

    def _ended(self, code: int) -> None:
        self._no_hello.cancel()
        how = how_it_ended(code)
        self._link.close(how)
        why = self._why or problem(Trouble.ENDED, how)
        if code == EXIT_BAD_OPTIONS:
            self._final = True
            why = problem(Trouble.BAD_OPTIONS, self._bad_options)
        self._on_end(why, self._final)
