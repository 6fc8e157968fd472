"""Whatever a line does to answers: a pulse goes out once and never again, done means that the board has done it,
refused that it has not, and what was told of inputs is what the board has said last.

The driver itself with its line, on a serial port whose other end is here: what it answers is written apart from the
driver's codec (`drivers.simulators.relay_frames`), and each answer may be lost, cut, damaged, late or somebody else's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args
from unittest import mock

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.contract.core import Problem
from drivers.contract.relay import InputEdge, InputStates, Pulse, Pulsed, ReadOutputs
from drivers.driver import CallRefused, DeviceError
from drivers.relay.driver import RelayDriver
from drivers.relay.errors import Code
from drivers.relay.options import BoardName, Options
from drivers.simulators.relay_frames import Refused, answer, checked, refusal

OUTPUTS, INPUTS, UNIT, LONGEST_MS = 2, 8, 7, 10_000
PULSE_MS = 100
Line = Literal["good", "unheard", "mute", "noise before", "late before", "flipped", "cut", "other unit", "other echo",
               "refused"]  # fmt: skip
HEARD: tuple[Line, ...] = ("good", "noise before", "late before")
"""With which the answer gets through."""
Step = tuple[Literal["pulse", "poll", "read", "input", "bad channel", "bad time"], int, list[Line]]


class Board:
    """A board and its line. `ways` is what becomes of the next answers; when it is empty, all is well."""

    def __init__(self, kind: BoardName) -> None:
        self._kind = kind
        self.ways: list[Line] = []
        self.asked_pulses = 0
        self.pulses: list[tuple[int, int]] = []
        self.inputs = [False] * INPUTS
        self.told_inputs: tuple[bool, ...] = ()
        self._ends = [0.0] * OUTPUTS

    def hear(self, request: bytes) -> bytes:
        way = self.ways.pop(0) if self.ways else "good"
        writes = request[1] in (0x05, 0x10)
        self.asked_pulses += writes
        if way == "unheard":
            return b""
        if way == "refused":
            return refusal(request, 6)
        try:
            said, effect = answer(request, self._kind, [time.monotonic() < end for end in self._ends], self.inputs)
        except Refused as error:
            return refusal(request, error.code)
        if effect is not None:
            self.pulses.append((effect.channel, effect.ms))
            self._ends[effect.channel] = time.monotonic() + effect.ms / 1000
        if request[1] == 0x02 and way in HEARD:
            self.told_inputs = tuple(self.inputs)
        match way:
            case "mute":
                return b""
            case "noise before":
                return b"\x00\xff\x07" + said
            case "late before":
                other = 0x01 if request[1] != 0x01 else 0x02
                return checked(bytes((UNIT, other, 1, 0xFF))) + said
            case "cut":
                return said[:-1]
            case "other unit":
                return checked(bytes((UNIT + 1,)) + said[1:-2])
            case "other echo" if writes:
                return checked(said[:3] + bytes((said[3] ^ 1,)) + said[4:-2])
            case "flipped" | "other echo":
                return said[:-3] + bytes((said[-3] ^ 0x10,)) + said[-2:]
            case _:
                return said


class Wire:
    """A serial port (of pyserial's kind) at the board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._ours, self._theirs = os.pipe()

    def fileno(self) -> int:
        return self._ours

    def reset_input_buffer(self) -> None:
        os.set_blocking(self._ours, False)
        try:
            os.read(self._ours, 65536)
        except BlockingIOError:
            return

    @property
    def in_waiting(self) -> int:
        return 4096

    def read(self, most: int) -> bytes:
        return os.read(self._ours, most)

    def write(self, request: bytes) -> None:
        os.write(self._theirs, self._board.hear(request))

    def close(self) -> None:
        for end in (self._ours, self._theirs):
            os.close(end)


class Said:
    """What the driver says while it runs."""

    def __init__(self) -> None:
        self.inputs: list[bool] = []
        self.twice = 0

    def reading(self, body: msgspec.Struct, mono_ns: int) -> None:
        match body:
            case InputStates(on=states):
                self.inputs = list(states)
            case InputEdge(channel=channel, on=on):
                self.twice += self.inputs[channel] is on
                self.inputs[channel] = on

    def alive(self) -> None: ...
    def concern(self, problem: Problem | None, detail: Any = None) -> None: ...
    def step(self, body: msgspec.Struct) -> None: ...


@contextmanager
def opened(kind: BoardName) -> Iterator[tuple[Board, RelayDriver, Said, Options]]:
    board, said = Board(kind), Said()
    options = Options(
        port="wire", board=kind, unit=UNIT, baud=115200, outputs=OUTPUTS, inputs=INPUTS, answer_ms=40, watch_s=0
    )
    with mock.patch("serial.Serial", side_effect=lambda *_, **__: Wire(board)):
        driver = RelayDriver(said)
        driver.open(options)
        try:
            yield board, driver, said, options
        finally:
            driver.close()


def pulse(board: Board, driver: RelayDriver, call: Pulse) -> str:
    """The answer: done, or the problem's code. What must hold of either is looked at here."""
    before, asked, way = len(board.pulses), board.asked_pulses, (board.ways or ["good"])[0]
    try:
        result = driver.handle(call, time.monotonic() + 5)
    except CallRefused as refused:
        assert board.pulses[before:] == [], "refused, and done"
        said = refused.problem.code
    except DeviceError as failed:
        said = failed.problem.code
        if board.asked_pulses != asked + 1 or said not in (Code.NO_ECHO, Code.WRONG_ECHO):
            raise AssertionError(f"not known ({said}), and sent {board.asked_pulses - asked} times") from failed
        raise
    else:
        assert isinstance(result, Pulsed)
        assert board.pulses[before:] == [(call.channel, PULSE_MS)], "done, and not as asked"
        assert way in HEARD, "done, and nobody has said so"
        said = "done"
    assert board.asked_pulses <= asked + 1
    return said


def step(board: Board, driver: RelayDriver, said: Said, what: Step) -> None:
    kind, number, ways = what
    board.ways = list(ways)
    match kind:
        case "pulse":
            pulse(board, driver, Pulse(number % OUTPUTS, PULSE_MS))
        case "bad channel" | "bad time":
            asked = board.asked_pulses
            call = Pulse(OUTPUTS + number, PULSE_MS) if kind == "bad channel" else Pulse(0, LONGEST_MS + 1)
            assert pulse(board, driver, call) in (Code.NO_SUCH_OUTPUT, Code.BAD_PULSE)
            assert board.asked_pulses == asked
        case "poll":
            driver.poll()
            assert tuple(said.inputs) == board.told_inputs
        case "read":
            driver.handle(ReadOutputs(), time.monotonic() + 5)
        case "input":
            board.inputs[number] = not board.inputs[number]
    board.ways = []


STEPS = st.tuples(
    st.sampled_from(["pulse", "pulse", "poll", "read", "input", "bad channel", "bad time"]),
    st.integers(0, INPUTS - 1),
    st.lists(st.sampled_from(get_args(Line)), max_size=3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["waveshare", "lctech"]), st.lists(STEPS, max_size=12))
def test_a_pulse_goes_out_once_and_is_called_done_only_when_it_is(kind: BoardName, steps: list[Step]) -> None:
    with opened(kind) as (board, driver, said, options):
        for what in steps:
            pulses = len(board.pulses)
            try:
                step(board, driver, said, what)
            except DeviceError:
                # The runner's part: close, and open again. Nothing is sent again on the way.
                asked, board.ways = board.asked_pulses, []
                driver.close()
                driver.open(options)
                assert board.asked_pulses == asked
                assert tuple(said.inputs) == tuple(board.inputs), "told anew as they are"
            assert said.twice == 0, "an edge to what was told already"
            assert len(board.pulses) <= pulses + 1
