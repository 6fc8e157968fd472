"""Codes in a picture: from the bytes of an image to symbology and payload. No device, no state.

Payloads are taken as bytes and never as text: a decoder that guesses a character set spoils binary passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from drivers.camera.options import Symbology

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
}


def decode_image(grey: Grey, formats: Iterable[Symbology] = (Symbology.QR,)) -> list[tuple[Symbology, bytes]]:
    """All codes of these symbologies in a grey picture (height × width, one byte a pixel), as read.

    Only codes whose check digits or error correction agree; in no promised order; one code may be in the
    picture twice. An empty payload is left out.
    """
    import zxingcpp

    # Made anew each time (microseconds): the library complains at exit about what was kept.
    members = {getattr(zxingcpp.BarcodeFormat, _ZXING[wanted]): wanted for wanted in formats}
    families = {member.symbology: wanted for member, wanted in members.items()}
    found = []
    for code in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(list(members))):
        symbology = members.get(code.format) or families.get(code.symbology)
        if code.valid and code.bytes and symbology is not None:
            found.append((symbology, bytes(code.bytes)))
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
