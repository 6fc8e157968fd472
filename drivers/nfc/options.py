"""The nfc driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from drivers.contract.desfire import DesfireOptions

Port = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(/[A-Za-z0-9_./:,+=@-]+"
        r"|usb:([0-9a-fA-F]{4}:[0-9a-fA-F]{4}(:[A-Za-z0-9_.-]+)?|[0-9]+-[0-9]+(\.[0-9]+)*|/[A-Za-z0-9_./:,+=@-]+))$",
        description="Serial port of a PN532, best one that stays, such as /dev/serial/by-id/...; or a reader on USB: "
        "usb:VENDOR:PRODUCT (four hex digits each), usb:VENDOR:PRODUCT:SERIAL, or its USB socket, such as usb:1-1.2",
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
Baud = Annotated[
    Literal[115200, 230400, 460800, 921600],
    msgspec.Meta(description="Bits per second that the chip is switched to; a plain UART (/dev/ttyS*) stays at 115200"),
]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the reader is, how often it looks, how fast the line is.

    150 ms: a card waits 75 ms on average and 150 at most before it is seen, which with the reading feels
    immediate (a quarter of a second in all), at a CPU cost that a Pi does not notice (figures in
    docs/drivers/nfc.md); the radio field is off in between, so it also saves the module's power.

    460800: reading a card's pass moves 1.3 kB over the line, 115 ms at 115200 and 29 ms at this rate, and it
    is pulled too early less often. Not 921600: a Pi's UART holds 16 bytes, 0.17 ms of line at that rate. Of no meaning
    on USB.

    `desfire`, when cards are asked to prove that they are genuine.
    """

    port: Port
    poll_ms: PollMs = 150
    baud: Baud = 460800
    desfire: DesfireOptions | None = None
