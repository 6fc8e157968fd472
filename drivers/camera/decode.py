"""Codes in a picture: from the bytes of an image to symbology and payload. No device, no state.

Payloads are taken as bytes and never as text: a decoder that guesses a character set spoils binary passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from drivers.camera.options import DecoderName, Symbology

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

_ZXING = {
    Symbology.QR: "QRCodeModel2",  # without Micro QR and rMQR: no pass is one, and less is found by mistake
    Symbology.DATA_MATRIX: "DataMatrix",
    Symbology.AZTEC: "AztecCode",
    Symbology.CODE_128: "Code128",
    Symbology.CODE_39: "Code39Std",
    Symbology.CODABAR: "Codabar",
    Symbology.EAN_13: "EAN13",
    Symbology.EAN_8: "EAN8",
    Symbology.ITF: "ITF",
}

_LINEAR = {
    Symbology.CODE_128,
    Symbology.CODE_39,
    Symbology.CODABAR,
    Symbology.EAN_13,
    Symbology.EAN_8,
    Symbology.ITF,
}
"""Bars. The library looks for light on dark by itself among the others only."""

MAX_CODE_BYTES = 2048
"""A longer payload is refused: no pass and no label is that long."""


class Found(NamedTuple):
    """One code: its symbology, its very bytes, and its corners in pixels from the upper left."""

    symbology: Symbology
    data: bytes
    corners: tuple[tuple[int, int], ...] = ()


Decoder = Callable[["Grey", Iterable[Symbology]], list[Found]]


def decoder(name: DecoderName) -> Decoder:
    """The code reader of this name, loaded now. Raises `ImportError` when it is not installed."""
    match name:
        case DecoderName.ZXING:
            import zxingcpp  # noqa: F401  loaded now, so that what is missing is told now

            return decode_image
        case DecoderName.ZBAR:
            from drivers.camera.zbar import load

            return load()


def decode_image(grey: Grey, formats: Iterable[Symbology] = (Symbology.QR,)) -> list[Found]:
    """All codes of these symbologies in a grey picture (height × width, one byte a pixel), as read: dark on light
    or light on dark, at whatever angle.

    Only codes whose check digits or error correction agree; in no promised order; one code may be in the
    picture twice, and at most 255 are told. An empty payload is left out.
    """
    wanted = list(formats)
    found = _read(grey, wanted)
    if not found and (bars := [one for one in wanted if one in _LINEAR]):
        found = _read(255 - grey, bars)  # a telephone in its dark mode
    return found


def _read(grey: Grey, formats: Iterable[Symbology]) -> list[Found]:
    import zxingcpp

    # Made anew each time (microseconds): the library complains at exit about what was kept.
    members = {getattr(zxingcpp.BarcodeFormat, _ZXING[wanted]): wanted for wanted in formats}
    families = {member.symbology: wanted for member, wanted in members.items()}
    found = []
    for code in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(list(members))):
        symbology = members.get(code.format) or families.get(code.symbology)
        if code.valid and code.bytes and symbology is not None:
            at = code.position
            corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
            found.append(Found(symbology, bytes(code.bytes), tuple((point.x, point.y) for point in corners)))
    return found


def grey_image(image: bytes | NDArray[np.uint8]) -> Grey | None:
    """The brightness of an encoded image (JPEG, PNG …), or nothing when it is none. Never raises for content.

    A JPEG holds its brightness apart: the colours are not even decoded.
    """
    import cv2
    import numpy as np

    data = np.frombuffer(image, np.uint8) if isinstance(image, bytes) else image
    if data.size == 0:
        return None
    try:
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # too many pixels
        return None
    return None if grey is None else grey.astype(np.uint8, copy=False)
