"""The scanner driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[
    str,
    Meta(
        pattern=r"^/[A-Za-z0-9_./:,+=@-]+$(?!\n)",
        description='Where the scanner is: a serial port such as /dev/serial/by-id/..., or with `mode = "keyboard"` '
        "an input device such as /dev/input/by-id/...-event-kbd",
    ),
]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the scanner is and how it ends what it sends.

    300 ms: a scanner sends a code without pause, at the slowest (9600 baud) a character each millisecond; what stops
    for longer was cut off.
    """

    port: Port
    mode: Annotated[
        Literal["serial", "keyboard"],
        Meta(description="How it is set: as a serial port (better), or as a keyboard with the layout US"),
    ] = "serial"
    baud: Annotated[
        Literal[9600, 19200, 38400, 57600, 115200],
        Meta(description="Bits per second of a real serial line; USB scanners (CDC ACM) take any"),
    ] = 9600
    ends: Annotated[
        Literal["enter", "silence"],
        Meta(description="What ends a code: Enter (CR, LF or both), or no character for `gap_ms`"),
    ] = "enter"
    gap_ms: Annotated[
        int, Meta(ge=50, le=2000, description="Milliseconds without a character after which a code is over, or torn")
    ] = 300
    aim: Annotated[
        bool, Meta(description="The scanner is set to send AIM identifiers (]C1, ]Q1 ...): they name the symbology")
    ] = False
    repeat_ms: Annotated[
        int, Meta(ge=0, le=60_000, description="The same code again within so many milliseconds is not reported")
    ] = 1000
