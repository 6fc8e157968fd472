"""The nfc driver's own options."""

from __future__ import annotations

from typing import Annotated

import msgspec

Port = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^/[A-Za-z0-9_./:,+=@-]+$",
        description="Serial port of the PN532; best a name that stays, such as /dev/serial/by-id/...",
    ),
]
PollMs = Annotated[
    int,
    msgspec.Meta(
        ge=20,
        le=1000,
        description="Milliseconds between two looks into the field; a card is gone after three empty ones",
    ),
]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the reader is and how often it looks.

    150 ms: a card waits 75 ms on average and 150 at most before it is seen, which with some 50 ms for
    reading feels immediate (under a quarter of a second), at a CPU cost that a Pi does not notice (figures
    in docs/drivers/nfc.md); the radio field is off in between, so it also saves the module's power.
    """

    port: Port
    poll_ms: PollMs = 150
