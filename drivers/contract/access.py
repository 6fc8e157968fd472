"""Options that every reader of access cards has (osdp, wiegand): what its bits mean. See `reader.AccessCard`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Bits = Annotated[int, Meta(ge=24, le=128)]
Cards = Annotated[
    Literal["number", "uid", "uid_backwards"],
    Meta(description="What a card's bits are: its number, or the UID, first or last byte first"),
]
Unchecked = Annotated[
    tuple[Bits, ...],
    Meta(max_length=16, description="Lengths whose parity is not looked at, for cards of another layout"),
]
RepeatMs = Annotated[
    int, Meta(ge=0, le=60_000, description="The same card again within so many milliseconds is not reported")
]
