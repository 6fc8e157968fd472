"""Options of the camera driver."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class Symbology(StrEnum):
    """The codes that a camera may be told to look for; the value is a reading's `symbology`."""

    QR = "qr"
    DATA_MATRIX = "data-matrix"
    AZTEC = "aztec"
    CODE_128 = "code-128"
    CODE_39 = "code-39"
    CODABAR = "codabar"
    EAN_13 = "ean-13"
    EAN_8 = "ean-8"
    ITF = "itf"


class DecoderName(StrEnum):
    """What looks for codes in a picture."""

    ZXING = "zxing"
    ZBAR = "zbar"


Source = Annotated[
    str,
    Meta(
        pattern=r"^((https?|rtsps?)://|/).",
        max_length=2048,
        description="http(s):// or rtsp(s):// URL, a device such as /dev/video0, or the path of a video file",
    ),
]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one camera is reached and what is looked for in its picture."""

    source: Source
    formats: Annotated[
        tuple[Symbology, ...],
        Meta(min_length=1, max_length=9, description="Codes to look for; each further one costs time"),
    ] = (Symbology.QR,)
    max_fps: Annotated[float, Meta(ge=1, le=30, description="Most frames per second in which a code is looked for")] = (
        8.0
    )
    rest_ms: Annotated[
        int,
        Meta(ge=0, le=2000, description="Milliseconds between two looks at a picture where nothing moves; 0: no rest"),
    ] = 500
    gone_ms: Annotated[
        int, Meta(ge=200, le=60_000, description="A code out of sight for this long counts as taken away")
    ] = 1500
    timeout_ms: Annotated[
        int, Meta(ge=500, le=20_000, description="A camera without a picture for this long is lost")
    ] = 5000

    decoder: Annotated[
        DecoderName, Meta(description="zxing; zbar (the part `zbar`) spoils passes that are not text")
    ] = DecoderName.ZXING

    def __repr__(self) -> str:
        # The source may hold a password.
        return f"Options(formats={self.formats}, max_fps={self.max_fps})"
