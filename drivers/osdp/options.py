"""The osdp driver's own options."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from drivers.contract.access import Cards, RepeatMs, Unchecked
from drivers.contract.core import Kind

Path = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9_./:,+=@-]+$(?!\n)")]


class Reader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reader on the bus."""

    address: Annotated[int, Meta(ge=0, le=126, description="Its address on the bus, as it is set in the reader")]
    key: Annotated[
        Path, Meta(description="File with its secure channel key (SCBK): 32 hex digits, mode 0600, an absolute path")
    ]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bus and the readers on it."""

    also: ClassVar[tuple[Kind, ...]] = (Kind.RELAY,)
    """The outputs of the readers: a gate may name the device as its `relay` too."""

    port: Annotated[Path, Meta(description="Serial port of the RS-485 adapter, best its name in /dev/serial/by-id")]
    readers: Annotated[tuple[Reader, ...], Meta(min_length=1, max_length=8, description="The readers on the bus")]
    baud: Annotated[
        Literal[9600, 19200, 38400, 57600, 115200, 230400],
        Meta(description="Bits per second, the same in every reader of the bus"),
    ] = 9600
    outputs: Annotated[
        int, Meta(ge=0, le=8, description="Outputs counted for each reader: output 0 of the second reader comes after")
    ] = 1
    light: Annotated[bool, Meta(description="A pulse turns the reader's light green for as long, where it has one")] = (
        True
    )
    inputs: Annotated[int, Meta(ge=0, le=8, description="Inputs counted for each reader, in the same way")] = 0
    longest_pulse_ms: Annotated[
        int, Meta(ge=100, le=25_500, description="A longer pulse is refused: a gate left open")
    ] = 10_000
    cards: Cards = "number"
    unchecked: Unchecked = ()
    repeat_ms: RepeatMs = 1000

    def __post_init__(self) -> None:
        if len({reader.address for reader in self.readers}) != len(self.readers):
            raise ValueError("two readers have one address")
