"""The slip driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

CodePage = Literal[
    "cp437", "cp775", "cp850", "cp852", "cp855", "cp858", "cp866", "cp1250", "cp1251", "cp1252", "cp1257"
]
"""Code pages of one byte for each letter, by their Python names."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the printer is and what it can do."""

    port: Annotated[
        str,
        Meta(
            pattern=r"^(?:/[A-Za-z0-9_./:,+=@-]+|tcp://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5})$(?!\n)",
            description="Where the printer is: a serial port such as /dev/serial/by-id/..., the file of a USB printer, "
            "or tcp://HOST:9100",
        ),
    ]
    line: Annotated[
        Literal["serial", "usb"],
        Meta(description="What `port` is when it is a file: a serial port, or a USB printer (the kernel's usblp)"),
    ] = "serial"
    baud: Annotated[
        Literal[9600, 19200, 38400, 57600, 115200], Meta(description="Bits per second of a serial port, 8N1")
    ] = 9600
    flow: Annotated[
        Literal["none", "xonxoff", "rtscts"],
        Meta(description="How a serial printer says that it takes no more for now, as it is set itself"),
    ] = "rtscts"
    status: Annotated[
        bool,
        Meta(description="Whether the printer answers on this line; false: nothing is ever known of paper and cover"),
    ] = True
    profile: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_.-]{1,40}$(?!\n)",
            description="The printer's model, as python-escpos names it: its columns, code pages, cutter, QR codes",
        ),
    ] = "default"
    columns: Annotated[int, Meta(ge=0, le=96, description="Letters that fit on a line; 0: as the model has them")] = 0
    code_pages: Annotated[
        dict[CodePage, Annotated[int, Meta(ge=0, le=255)]],
        Meta(description="Code pages that the printer has and their numbers (ESC t); {}: as the model has them"),
    ] = {}
    double_byte: Annotated[
        bool, Meta(description="A model that takes two bytes for a letter when it is switched on: it is told not to")
    ] = False
    qr: Annotated[
        Literal["model", "printer", "text"],
        Meta(description="Who draws a QR code: as the model says, the printer, or nobody: its text is printed"),
    ] = "model"
    cut: Annotated[Literal["full", "part", "none"], Meta(description="How a slip is cut off")] = "full"
    answer_ms: Annotated[int, Meta(ge=50, le=10_000, description="Milliseconds that an answer may take")] = 1000
    confirm_ms: Annotated[
        int,
        Meta(ge=100, le=60_000, description="Milliseconds that printing may take after the printer has a slip's end"),
    ] = 5000
    poll_s: Annotated[float, Meta(ge=0.1, le=4, description="Seconds between two looks at the printer")] = 2.0

    def __post_init__(self) -> None:
        _, _, number = self.port.rpartition(":")
        if self.port.startswith("tcp://") and not 1 <= int(number) <= 65535:
            raise ValueError("`port`: a TCP port is 1 to 65535")
