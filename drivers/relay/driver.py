"""The relay driver: pulses on a board that ends them by itself (or on GPIO lines), its inputs, its proof of life.

A pulse is sent once. When its echo does not come, the pulse may have happened: the problem says so, and
whether to ask again is the gateway's decision, never this driver's.
"""

from __future__ import annotations

import time
from typing import ClassVar

import msgspec

from drivers.contract.core import Kind
from drivers.contract.relay import InputEdge, InputStates, Outputs, Pulse, Pulsed, ReadOutputs
from drivers.driver import CallRefused, DeviceError, Driver, Port
from drivers.relay.boards import BOARDS, Board
from drivers.relay.errors import Code, problem
from drivers.relay.gpio import GpioBoard, open_lines
from drivers.relay.line import Line, NoAnswer, PortLost, open_line
from drivers.relay.modbus import (
    ExceptionAnswer,
    ModbusError,
    Request,
    answer_length,
    character_s,
    decode_answer,
    encode,
    silence_s,
)
from drivers.relay.options import Options

PROOF_S = 2.0
"""Between two read-backs of the outputs: the proof of life, and the check that a pulse has ended."""

READ_TRIES = 3
"""A read is harmless, so one lost answer on a noisy line is not absence: three are."""

SETTLE_S = 0.5
"""From the time that a pulse should end to the time that a closed output is a fault."""

TURNAROUND_S = 0.005
"""Least time a board needs between request and answer; less time left than that is not worth a try."""


class RelayDriver(Driver[Options]):
    """One relay board."""

    name: ClassVar[str] = "relay"
    kind: ClassVar[Kind] = Kind.RELAY
    options_type: ClassVar[type[msgspec.Struct]] = Options
    calls: ClassVar[tuple[type[msgspec.Struct], ...]] = (Pulse, ReadOutputs)

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._line: Line | None = None
        self._gpio: GpioBoard | None = None
        self._options: Options
        self._board: Board
        self._inputs: tuple[bool, ...] | None = None
        self._proof_at = 0.0
        self._watch_until = 0.0
        self._ends: dict[int, float] = {}

    def open(self, options: Options) -> dict[str, str]:
        """Open the port, read the outputs back, take the inputs as the baseline: what changes from `ready` on
        is an edge, what was before is not."""
        self._options = options
        self._inputs = None
        if options.board == "gpio":
            self._gpio = GpioBoard(open_lines(options), options)
        else:
            self._board = BOARDS[options.board]
            self._line = open_line(options.port, options.baud, options.parity)
        self._prove()
        if options.closed_at_start == "open":
            self._open_outputs()
        if options.inputs:
            self._look_at_inputs()
        return {
            "port": options.port,
            "board": options.board,
            "unit": str(options.unit),
            "outputs": str(options.outputs),
            "inputs": str(options.inputs),
        }

    def poll(self) -> float:
        """Look at the inputs each time, at the outputs every `PROOF_S` and when a pulse should be over."""
        if self._options.inputs:
            self._look_at_inputs()
        now = time.monotonic()
        if now >= self._proof_at:
            self._prove()
        return max(0.0, self._next_look(now) - time.monotonic())

    def handle(self, call: msgspec.Struct, deadline: float) -> msgspec.Struct:
        match call:
            case Pulse(channel=channel, ms=ms):
                return self._pulse(channel, ms, deadline)
            case ReadOutputs():
                return Outputs(self._read_outputs())
            case _:
                return super().handle(call, deadline)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._gpio is not None:
            self._gpio.close()
            self._gpio = None

    # Pulse -----------------------------------------------------------------------------------------------

    def _pulse(self, channel: int, ms: int, deadline: float) -> Pulsed:
        """One write with its echo checked. Everything that can be refused is refused before the write."""
        options = self._options
        if not 0 <= channel < options.outputs:
            raise CallRefused(problem(Code.NO_SUCH_OUTPUT, channel=channel, outputs=options.outputs))
        longest = options.longest_pulse_ms
        if self._gpio is None:
            longest = min(longest, self._board.longest_ms())
        if not 1 <= ms <= longest:
            raise CallRefused(problem(Code.BAD_PULSE, ms=ms, longest=longest))
        if self._gpio is None:
            return self._pulse_by_request(channel, ms, deadline)
        self._expect_end(channel, ms / 1000)
        self._gpio.pulse(channel, ms / 1000)
        self.alive()
        return Pulsed(time.monotonic_ns())

    def _pulse_by_request(self, channel: int, ms: int, deadline: float) -> Pulsed:
        options, board = self._options, self._board
        units = board.units(ms)
        request = board.pulse(channel, units)
        left = deadline - time.monotonic()
        line_s = (len(encode(1, request)) + answer_length(request)) * character_s(options.baud)
        if left < silence_s(options.baud) + line_s + TURNAROUND_S:
            raise CallRefused(problem(Code.TOO_LATE, left=max(0, round(left * 1000))))
        self._expect_end(channel, units * board.unit_ms / 1000)
        try:
            answer = self._open_line().exchange(options.unit, request, min(left, options.answer_ms / 1000))
            decode_answer(options.unit, request, answer)
        except (NoAnswer, PortLost) as error:
            raise DeviceError(problem(Code.NO_ECHO, channel=channel, why=_seen(error))) from error
        except ExceptionAnswer as error:
            raise CallRefused(problem(Code.REFUSED, what="the pulse", why=error)) from error
        except ModbusError as error:
            raise DeviceError(problem(Code.WRONG_ECHO, channel=channel, why=error)) from error
        done = time.monotonic_ns()
        self.alive()
        return Pulsed(done)

    def _expect_end(self, channel: int, seconds: float) -> None:
        """Before the write, so that it holds for a pulse without an echo too."""
        now = time.monotonic()
        self._watch_until = now + self._options.watch_s
        self._ends[channel] = now + seconds + SETTLE_S
        self._proof_at = min(self._proof_at, self._ends[channel])

    # Looks -----------------------------------------------------------------------------------------------

    def _look_at_inputs(self) -> None:
        """Report what changed since the last look; the first one after opening is the baseline, told as
        it is."""
        count = self._options.inputs
        if self._gpio is not None:
            seen = self._gpio.inputs()
        else:
            seen = self._exchange(self._board.read_inputs(count), "to read its inputs")[:count]
        now = time.monotonic_ns()
        before, self._inputs = self._inputs, seen
        if before is None:
            self.reading(InputStates(seen), now)
        for channel, (was, on) in enumerate(zip(before or seen, seen, strict=True)):
            if was != on:
                self.reading(InputEdge(channel, on), now)

    def _prove(self) -> None:
        """Read the outputs back. A pulse that is over must show, or a gate stands open unseen.

        An output that should be open keeps the board `lost`: what it is told it does not do.
        """
        closed = self._read_outputs()
        now = time.monotonic()
        for channel, end in sorted(self._ends.items()):
            if now < end:
                continue
            if channel < len(closed) and closed[channel]:
                raise DeviceError(problem(Code.STAYS_CLOSED, channel=channel, ms=round(SETTLE_S * 1000)))
            del self._ends[channel]
        self._proof_at = min([now + PROOF_S, *self._ends.values()])

    def _open_outputs(self) -> None:
        """Open every output that is closed, and look that it did. Raises `DeviceError`."""
        closed = [channel for channel, on in enumerate(self._read_outputs()) if on]
        for channel in closed:
            self._exchange(self._board.open_coil(channel), f"to open output {channel}")
            self._ends[channel] = time.monotonic()
        if closed:
            self._prove()

    def _next_look(self, now: float) -> float:
        if not self._options.inputs:
            return self._proof_at
        watched = now < self._watch_until
        every = self._options.input_ms if watched else self._options.idle_input_ms
        return min(self._proof_at, now + every / 1000)

    def _read_outputs(self) -> tuple[bool, ...]:
        count = self._options.outputs
        if self._gpio is not None:
            closed = self._gpio.outputs()
            self.alive()
            return closed
        return self._exchange(self._board.read_coils(count), "to read its outputs")[:count]

    def _exchange(self, request: Request, what: str) -> tuple[bool, ...]:
        """Ask what may be asked again, with `READ_TRIES`; each answer is a proof of life. Raises `DeviceError`."""
        options = self._options
        unit, port = options.unit, options.port
        for left in reversed(range(READ_TRIES)):
            try:
                answer = self._open_line().exchange(unit, request, options.answer_ms / 1000)
                bits = decode_answer(unit, request, answer)
            except PortLost as error:
                raise DeviceError(problem(Code.PORT_LOST, port=port, why=error)) from error
            except ExceptionAnswer as error:
                raise DeviceError(problem(Code.REFUSED, what=what, why=error)) from error
            except NoAnswer as error:
                if not left:
                    code = Code.GARBLED if error.garbled else Code.SILENT
                    raise DeviceError(problem(code, unit=unit, port=port)) from error
            except ModbusError as error:
                if not left:
                    raise DeviceError(problem(Code.WRONG_ANSWER, unit=unit, port=port, why=error)) from error
            else:
                self.alive()
                return bits
        raise AssertionError("unreachable: the last try returns or raises")

    def _open_line(self) -> Line:
        if self._line is None:
            raise DeviceError(problem(Code.PORT_LOST, port=self._options.port, why="it is not open"))
        return self._line


def _seen(error: NoAnswer | PortLost) -> str:
    match error:
        case NoAnswer(garbled=True):
            return "only garbled bytes came"
        case NoAnswer():
            return "nothing came"
        case PortLost():
            return f"the port was lost ({error})"
