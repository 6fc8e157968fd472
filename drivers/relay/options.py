"""Configuration of the relay driver."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

BoardName = Literal["waveshare", "lctech"]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A relay board on a serial line. Times in milliseconds and seconds as their names say."""

    port: Annotated[
        str,
        msgspec.Meta(min_length=1, description="Serial port, best its stable name in /dev/serial/by-id"),
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
