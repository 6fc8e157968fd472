"""The wiegand driver's own options."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from drivers.contract.access import Cards, RepeatMs, Unchecked

Pin = Annotated[int, Meta(ge=0, le=511)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the two wires are, and what the numbers on them mean.

    25 ms: within a card pulses are at most 20 ms apart (SIA AC-01). 100 µs: at least 200 µs apart, and a pulse that
    rings does so within its own width, 100 µs at most.
    """

    chip: Annotated[
        str,
        Meta(
            pattern=r"^(/dev/[A-Za-z0-9_./-]+|[A-Za-z0-9_.,:@-]{1,31})$(?!\n)",
            description="GPIO chip: its label, such as pinctrl-rp1, which stays with it; or its device file",
        ),
    ] = "/dev/gpiochip0"
    d0: Annotated[Pin, Meta(description="Line of the chip that DATA0 (green wire) is on")] | None = None
    d1: Annotated[Pin, Meta(description="Line of the chip that DATA1 (white wire) is on")] | None = None
    edges: (
        Annotated[
            str,
            Meta(
                pattern=r"^/[A-Za-z0-9_./:,+=@-]+$(?!\n)",
                description="Instead of `d0` and `d1`: a pipe that brings the edges, for simulators and other hardware",
            ),
        ]
        | None
    ) = None
    pull_up: Annotated[bool, Meta(description="Switch the chip's own pull-ups on (3.3 V, weak)")] = True
    inverted: Annotated[bool, Meta(description="A pulse is high: there is an inverting stage before the pins")] = False
    gap_ms: Annotated[int, Meta(ge=20, le=500, description="Milliseconds without a pulse that end a card")] = 25
    apart_us: Annotated[
        int, Meta(ge=10, le=1000, description="A pulse sooner than so many microseconds after the last is none")
    ] = 100
    cards: Cards = "number"
    unchecked: Unchecked = ()
    repeat_ms: RepeatMs = 1000

    def __post_init__(self) -> None:
        if (self.d0 is None) != (self.d1 is None) or (self.d0 is None) == (self.edges is None):
            raise ValueError("give either `d0` and `d1`, or `edges`")
        if self.d0 is not None and self.d0 == self.d1:
            raise ValueError("`d0` and `d1` are the same line")
