"""Configuration of the relay driver."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

BoardName = Literal["waveshare", "lctech", "gpio"]
Offset = Annotated[int, msgspec.Meta(ge=0, le=511)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A relay board on a serial line, or relays on lines of a GPIO chip. Times in milliseconds and seconds as their
    names say."""

    port: Annotated[
        str,
        msgspec.Meta(
            min_length=1, description="Serial port, best its stable name in /dev/serial/by-id; with gpio the chip"
        ),
    ]
    board: Annotated[
        BoardName, msgspec.Meta(description="How the board takes a timed pulse: see drivers/relay/boards.py")
    ] = "waveshare"
    unit: Annotated[int, msgspec.Meta(ge=1, le=255, description="Modbus address of the board")] = 1
    baud: Annotated[int, msgspec.Meta(ge=1200, le=115200, description="Speed of the line")] = 9600
    parity: Annotated[Literal["N", "E", "O"], msgspec.Meta(description="None, even or odd")] = "N"
    outputs: Annotated[int, msgspec.Meta(ge=1, le=32, description="Relays on the board")] = 2
    inputs: Annotated[int, msgspec.Meta(ge=0, le=32, description="Inputs on the board; 0: never asked")] = 0
    input_ms: Annotated[
        int, msgspec.Meta(ge=10, le=5000, description="Between two looks at the inputs after a pulse")
    ] = 50
    idle_input_ms: Annotated[
        int, msgspec.Meta(ge=10, le=60000, description="Between two looks at the inputs otherwise")
    ] = 250
    watch_s: Annotated[int, msgspec.Meta(ge=0, le=600, description="How long after a pulse input_ms holds")] = 10
    answer_ms: Annotated[int, msgspec.Meta(ge=20, le=5000, description="How long the board may take to answer")] = 300
    closed_at_start: Annotated[
        Literal["leave", "open"],
        msgspec.Meta(description="An output that is closed when the board becomes ready: leave it, or open it"),
    ] = "leave"
    longest_pulse_ms: Annotated[
        int, msgspec.Meta(ge=100, le=600000, description="A longer pulse is refused: a gate left open")
    ] = 10000
    lines: Annotated[
        tuple[Offset, ...], msgspec.Meta(max_length=32, description="With gpio: the line of each output")
    ] = ()
    input_lines: Annotated[
        tuple[Offset, ...], msgspec.Meta(max_length=32, description="With gpio: the line of each input")
    ] = ()
    active_low: Annotated[bool, msgspec.Meta(description="With gpio: a pulse drives its line low")] = False
    pull_up: Annotated[
        bool, msgspec.Meta(description="With gpio: the chip's pull-ups at the inputs; a contact to ground is active")
    ] = True
    stopped: Annotated[
        Literal["rest", "pulsed"],
        msgspec.Meta(description="With gpio: what outputs are left at when the driver stops in order"),
    ] = "rest"

    def __post_init__(self) -> None:
        """Lines and numbers must fit: a station names outputs and inputs by number."""
        if self.board != "gpio":
            if self.lines or self.input_lines or self.active_low or self.stopped != "rest":
                raise ValueError("lines, input_lines, active_low and stopped go with board = gpio only")
            return
        if len(self.lines) != self.outputs or len(self.input_lines) != self.inputs:
            raise ValueError("give a line for each of outputs, and an input_line for each of inputs")
        if len({*self.lines, *self.input_lines}) != self.outputs + self.inputs:
            raise ValueError("a line is given twice")
        if self.closed_at_start != "leave":
            raise ValueError("closed_at_start is for serial boards: lines are at rest when they are taken")
