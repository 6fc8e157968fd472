"""A relay board on a pty: pulses with its own timer, inputs, faults. The other end of `drivers.relay`.

The pulse's clock runs in this simulator, as on a board with its own power supply: it goes on when the line
is silent, when the cable is pulled and when the driver is killed.

    python -m drivers.simulators.relay --link PATH [--board waveshare] [--outputs 2] [--inputs 2] [--unit 1]

Commands: `input` {channel, on}, `pass` {channel, ms} (someone walks through), `outputs` {},
`fault` {kind, ms, code}, `auto_pass` {channel, delay_ms, on, people, seen} (walks through after each pulse).
Events: `opened` {channel, ms, mono_ns}, `closed` {channel, mono_ns}, `input` {channel, on, mono_ns}.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.own_thread import OwnThread
from drivers.simulators.plugs import Pty
from drivers.simulators.relay_frames import Effect, Refused, answer, checked, refusal, take
from drivers.simulators.relay_inputs import PASS_MS, Inputs, Queue
from drivers.simulators.simulated import Act, Simulated

READ_INPUTS = 0x02
"""Function of a request that reads inputs (V1.1b3, 6.2)."""


class Fault(StrEnum):
    """What is wrong with the board or its line, until the next `fault`."""

    NONE = "none"
    SILENT = "silent"  # hears nothing: the board has no power
    MUTE = "mute"  # does what it is told, the answer is lost
    GARBAGE = "garbage"  # does what it is told, the answer is noise
    WRONG_ECHO = "wrong_echo"  # does what it is told, the echo of a write is another one
    EXCEPTION = "exception"  # refuses everything with `code`
    SLOW = "slow"  # does what it is told, answers after `ms`
    STUCK = "stuck"  # a pulse does not end
    WELDED = "welded"  # a contact that is closed does not open
    UNPLUGGED = "unplugged"  # the adapter is out: the port is gone until the next fault


class RelayBoard:
    """The board. `start` opens the pty, `stop` closes it; `path` is where to connect.

    Everything happens in the board's own thread; the methods may be called from any other and have done
    their work when they return. `on_event` hears each event; `events` keeps them for `wait`.
    """

    def __init__(
        self,
        outputs: int = 2,
        inputs: int = 2,
        unit: int = 1,
        board: str = "waveshare",
        link: Path | None = None,
        on_event: Callable[..., None] | None = None,
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests = 0
        self._unit, self._board, self._on_event = unit, board, on_event
        self._outputs = [False] * outputs
        self._effects = [0] * outputs  # counts effects on an output: only the newest one may end it
        self._fault, self._slow_s, self._code = Fault.NONE, 0.0, 4
        self._changed = threading.Condition()
        self._held = b""
        self._pty = Pty(link)
        self._thread = OwnThread("relay-board", self._pty, self._hear)
        self._inputs = Inputs(inputs, self._thread.later, self._tell_input)

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> RelayBoard:
        """Plug in and switch on."""
        self._plug_in()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Switch off and take the port away."""
        self._thread.stop()
        self._pty.unplug()

    def __enter__(self) -> RelayBoard:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def path(self) -> str:
        """Where to connect: the link, or the pty itself when there is none."""
        return self._pty.name

    # What a person does at the board ---------------------------------------------------------------------

    def input(self, channel: int, on: bool) -> None:
        """An input goes active or idle. Raises `ValueError` when there is no such input."""
        self._inputs.check(channel)
        self._thread.do(partial(self._inputs.set, channel, on))

    def walk(self, channel: int, ms: int = PASS_MS) -> None:
        """Someone walks through: the input goes active now and idle after `ms`. Raises `ValueError` as `input` does."""
        self._inputs.check(channel)
        self._thread.do(partial(self._inputs.walk, channel, ms))

    def auto_pass(
        self, channel: int, delay_ms: int = 800, on: bool = True, people: int = 0, seen: bool = False
    ) -> None:
        """From now on someone walks through input `channel` after each pulse; `on` false: no longer. `people`, `seen`:
        see `Queue`."""
        self._inputs.check(channel)
        self._thread.do(partial(self._inputs.line_up, channel, Queue(delay_ms / 1000, people, seen) if on else None))

    def outputs(self) -> list[bool]:
        """Which outputs are closed now."""
        return list(self._outputs)

    def fault(self, kind: str = "none", ms: int = 0, code: int = 4) -> None:
        """Break something, or mend everything with `none`. Raises `ValueError` for an unknown kind."""
        fault = Fault(kind)
        self._thread.do(partial(self._break, fault, ms / 1000, code))

    def close_output(self, channel: int) -> None:
        """Somebody else has closed an output, for good."""
        self._thread.do(partial(self._switch, Effect(channel, True, 0), time.monotonic_ns()))

    def power_cycle(self) -> None:
        """Cut the power for a moment: all outputs open, nothing else is changed."""
        for channel in range(len(self._outputs)):
            self._thread.do(partial(self._switch, Effect(channel, False, 0), time.monotonic_ns()))

    def noise(self, data: bytes) -> None:
        """Bytes on the line that nobody asked for."""
        self._thread.do(partial(self._pty.write, data))

    def wait(self, event: str, count: int = 1, timeout: float = 15.0) -> dict[str, Any]:
        """The `count`-th event of this name, awaited. Raises `TimeoutError` when it does not come."""
        with self._changed:
            if self._changed.wait_for(lambda: len(self.named(event)) >= count, timeout):
                return self.named(event)[count - 1]
        raise TimeoutError(f"no {count} x {event} within {timeout} s; came {self.events}")

    def wait_requests(self, count: int, timeout: float = 15.0) -> None:
        """Until `count` requests have come since the start. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.requests >= count, timeout):
                raise TimeoutError(f"{self.requests} requests within {timeout} s, not {count}")

    def named(self, event: str) -> list[dict[str, Any]]:
        """The events of this name so far."""
        return [one for one in self.events if one["event"] == event]

    # The board's thread ----------------------------------------------------------------------------------

    def _hear(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        self._held = (self._held + data)[-512:]
        while True:
            request, self._held = take(self._held)
            if not request:
                return
            with self._changed:
                self.requests += 1
                self._changed.notify_all()
            if request[0] == self._unit and self._fault is not Fault.SILENT:
                self._serve(request, now_ns)

    def _serve(self, request: bytes, now_ns: int) -> None:
        effect = None
        try:
            if self._fault is Fault.EXCEPTION:
                raise Refused(self._code)
            reply, effect = answer(request, self._board, self._outputs, self._inputs.states)
        except Refused as error:
            reply = refusal(request, error.code)
        if effect:
            self._switch(effect, now_ns)
        match self._fault:
            case Fault.MUTE:
                return
            case Fault.GARBAGE:
                reply = bytes(byte ^ 0x5A for byte in reply)
            case Fault.WRONG_ECHO if effect:
                reply = checked(reply[:3] + bytes((reply[3] ^ 1,)) + reply[4:-2])
            case Fault.SLOW:
                late = reply
                self._thread.later(self._slow_s, lambda: self._pty.write(late))
                return
            case _:
                pass
        self._pty.write(reply)
        if request[1] == READ_INPUTS:
            self._inputs.told()

    def _switch(self, effect: Effect, now_ns: int) -> None:
        """An output changes; a timed effect ends by itself unless a newer one came."""
        channel = effect.channel
        if self._fault is Fault.WELDED and not effect.closed:
            return
        self._effects[channel] += 1
        number = self._effects[channel]
        self._outputs[channel] = effect.closed
        if effect.closed:
            self._emit("opened", channel=channel, ms=effect.ms, mono_ns=now_ns)
            self._inputs.pulsed()
        if effect.ms and self._fault is not Fault.STUCK:
            self._thread.later(effect.ms / 1000, lambda: self._end_effect(effect, number))
        elif not effect.ms and not effect.closed:
            self._emit("closed", channel=channel, mono_ns=now_ns)

    def _end_effect(self, effect: Effect, number: int) -> None:
        if self._effects[effect.channel] != number:
            return
        self._outputs[effect.channel] = not effect.closed
        name = "closed" if effect.closed else "opened"
        self._emit(name, channel=effect.channel, mono_ns=time.monotonic_ns())

    def _tell_input(self, channel: int, on: bool) -> None:
        self._emit("input", channel=channel, on=on, mono_ns=time.monotonic_ns())

    def _break(self, fault: Fault, slow_s: float, code: int) -> None:
        self._fault, self._slow_s, self._code = fault, slow_s, code
        if fault is Fault.UNPLUGGED:
            self._pty.unplug()
        elif not self._pty.there:
            self._plug_in()

    def _plug_in(self) -> None:
        self._held = b""
        self._pty.plug_in()

    def _emit(self, event: str, **fields: Any) -> None:
        with self._changed:
            self.events.append({"event": event, **fields})
            del self.events[:-1000]
            self._changed.notify_all()
        if self._on_event:
            self._on_event(event, **fields)


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A board with a passage sensor through whose beam somebody walks."""
    with RelayBoard(link=folder / "board") as board:
        acts = (
            Act("somebody steps into the passage", lambda: board.input(0, True), 0.5, reads=True),
            Act("the passage is free", lambda: board.input(0, False), reads=True),
        )
        pull = partial(board.fault, Fault.UNPLUGGED)
        yield Simulated({"port": board.path, "inputs": 2}, acts, pull, board.fault, settle_s=0.4)


def main() -> None:
    """The simulator as a program, steered by JSON lines."""
    parser = argparse.ArgumentParser(prog="python -m drivers.simulators.relay")
    parser.add_argument("--link", type=Path)
    parser.add_argument("--board", choices=("waveshare", "lctech"), default="waveshare")
    parser.add_argument("--outputs", type=int, default=2)
    parser.add_argument("--inputs", type=int, default=2)
    parser.add_argument("--unit", type=int, default=1)
    given = parser.parse_args()
    board = RelayBoard(given.outputs, given.inputs, given.unit, given.board, given.link, control.emit)
    with board:
        commands: dict[str, control.Command] = {
            "input": board.input,
            "pass": board.walk,
            "outputs": board.outputs,
            "fault": board.fault,
            "auto_pass": board.auto_pass,
        }
        control.serve({"port": board.path}, commands)


if __name__ == "__main__":
    main()
