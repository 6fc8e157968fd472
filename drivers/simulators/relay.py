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
import heapq
import itertools
import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from drivers.simulators import control
from drivers.simulators.relay_frames import Effect, Refused, answer, checked, refusal, take
from drivers.simulators.simulated import Act, Simulated

PASS_MS = 400
"""How long a person stands in a passage sensor's beam."""
SEEN_S = 0.002
"""Between two looks of somebody who waits to be seen."""
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


class Queue:
    """People who walk through one sensor's beam, one after each pulse; `people` of them (0: without end). `seen`: each
    steps in, and out, as soon as the board's inputs have been read in between, as fast as can be counted."""

    def __init__(self, delay_s: float, people: int, seen: bool) -> None:
        self.delay_s = delay_s
        self.seen = seen
        self._left = people if people else None

    def next(self) -> bool:
        """Whether there is one more."""
        if self._left is not None:
            self._left -= 1
        return self._left is None or self._left >= 0


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
        self._unit, self._board, self._link, self._on_event = unit, board, link, on_event
        self._outputs = [False] * outputs
        self._inputs = [False] * inputs
        self._effects = [0] * outputs  # counts effects on an output: only the newest one may end it
        self._auto: dict[int, Queue] = {}
        self._told = [True] * inputs  # whether somebody has read what each input is now
        self._fault, self._slow_s, self._code = Fault.NONE, 0.0, 4
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._pty: tuple[int, int] | None = None
        self._held = b""
        self._running = False

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> RelayBoard:
        """Plug in and switch on."""
        self._woken, self._wake = os.pipe()
        self._plug()
        self._running = True
        self._thread = threading.Thread(target=self._run, name="relay-board", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Switch off and take the port away."""
        self._do(self._end)
        self._thread.join()
        self._unplug()
        os.close(self._wake)
        os.close(self._woken)

    def __enter__(self) -> RelayBoard:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @property
    def path(self) -> str:
        """Where to connect: the link, or the pty itself when there is none."""
        return str(self._link) if self._link else os.ttyname(self._pty[1]) if self._pty else ""

    # What a person does at the board ---------------------------------------------------------------------

    def input(self, channel: int, on: bool) -> None:
        """An input goes active or idle. Raises `ValueError` when there is no such input."""
        self._there(channel)
        self._do(lambda: self._set_input(channel, on))

    def walk(self, channel: int, ms: int = PASS_MS) -> None:
        """Someone walks through: the input goes active now and idle after `ms`."""
        self.input(channel, True)
        self._later(ms / 1000, lambda: self._set_input(channel, False))

    def auto_pass(
        self, channel: int, delay_ms: int = 800, on: bool = True, people: int = 0, seen: bool = False
    ) -> None:
        """From now on someone walks through input `channel` after each pulse; `on` false: no longer. `people`, `seen`:
        see `Queue`."""
        self._there(channel)
        self._do(lambda: self._set_auto(channel, Queue(delay_ms / 1000, people, seen) if on else None))

    def outputs(self) -> list[bool]:
        """Which outputs are closed now."""
        return list(self._outputs)

    def fault(self, kind: str = "none", ms: int = 0, code: int = 4) -> None:
        """Break something, or mend everything with `none`. Raises `ValueError` for an unknown kind."""
        fault = Fault(kind)
        self._do(lambda: self._break(fault, ms / 1000, code))

    def close_output(self, channel: int) -> None:
        """Somebody else has closed an output, for good."""
        self._do(partial(self._switch, Effect(channel, True, 0), time.monotonic_ns()))

    def power_cycle(self) -> None:
        """Cut the power for a moment: all outputs open, nothing else is changed."""
        for channel in range(len(self._outputs)):
            self._do(partial(self._switch, Effect(channel, False, 0), time.monotonic_ns()))

    def noise(self, data: bytes) -> None:
        """Bytes on the line that nobody asked for."""
        self._do(lambda: self._write(data))

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

    def _run(self) -> None:
        while self._running:
            port = [self._pty[0]] if self._pty else []
            with self._changed:
                pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready = select.select([self._woken, *port], [], [], pause)[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
            if port and port[0] in ready:
                self._hear(os.read(port[0], 4096))
            self._do_due()

    def _do_due(self) -> None:
        while True:
            with self._changed:
                if not self._due or self._due[0][0] > time.monotonic():
                    return
                action = heapq.heappop(self._due)[2]
            action()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))
        os.write(self._wake, b".")

    def _do(self, action: Callable[[], None]) -> None:
        done = threading.Event()

        def both() -> None:
            action()
            done.set()

        self._later(0, both)
        if not done.wait(10):
            raise TimeoutError("the simulated board does not run")

    def _end(self) -> None:
        self._running = False

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
            reply, effect = answer(request, self._board, self._outputs, self._inputs)
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
                self._later(self._slow_s, lambda: self._write(late))
                return
            case _:
                pass
        self._write(reply)
        if request[1] == READ_INPUTS:
            self._told = [True] * len(self._told)

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
            for sensor, queue in self._auto.items():
                if queue.next():
                    self._later(queue.delay_s, partial(self._walk, sensor, queue.seen))
        if effect.ms and self._fault is not Fault.STUCK:
            self._later(effect.ms / 1000, lambda: self._end_effect(effect, number))
        elif not effect.ms and not effect.closed:
            self._emit("closed", channel=channel, mono_ns=now_ns)

    def _end_effect(self, effect: Effect, number: int) -> None:
        if self._effects[effect.channel] != number:
            return
        self._outputs[effect.channel] = not effect.closed
        name = "closed" if effect.closed else "opened"
        self._emit(name, channel=effect.channel, mono_ns=time.monotonic_ns())

    def _walk(self, channel: int, seen: bool) -> None:
        if not seen:
            self._set_input(channel, True)
            self._later(PASS_MS / 1000, lambda: self._set_input(channel, False))
        elif not self._told[channel]:
            self._later(SEEN_S, partial(self._walk, channel, seen))
        else:
            self._set_input(channel, True)
            self._leave(channel)

    def _leave(self, channel: int) -> None:
        if self._told[channel]:
            self._set_input(channel, False)
        else:
            self._later(SEEN_S, partial(self._leave, channel))

    def _set_input(self, channel: int, on: bool) -> None:
        if self._inputs[channel] != on:
            self._inputs[channel], self._told[channel] = on, False
            self._emit("input", channel=channel, on=on, mono_ns=time.monotonic_ns())

    def _set_auto(self, channel: int, queue: Queue | None) -> None:
        self._auto.pop(channel, None)
        if queue is not None:
            self._auto[channel] = queue

    def _there(self, channel: int) -> None:
        if not 0 <= channel < len(self._inputs):
            raise ValueError(f"there is no input {channel}: they are 0 to {len(self._inputs) - 1}")

    # The port --------------------------------------------------------------------------------------------

    def _break(self, fault: Fault, slow_s: float, code: int) -> None:
        self._fault, self._slow_s, self._code = fault, slow_s, code
        if fault is Fault.UNPLUGGED:
            self._unplug()
        elif self._pty is None:
            self._plug()

    def _plug(self) -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._pty, self._held = (master, slave), b""
        if self._link:
            control.link(os.ttyname(slave), self._link)

    def _unplug(self) -> None:
        if self._link:
            self._link.unlink(missing_ok=True)
        if self._pty:
            for end in self._pty:
                os.close(end)
        self._pty = None

    def _write(self, data: bytes) -> None:
        """A reader that does not read loses bytes, as on a wire."""
        if self._pty:
            try:
                os.write(self._pty[0], data)
            except BlockingIOError:
                return

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
