"""The code reader ZBar, for who asks for it (`decoder = "zbar"`); imported by nobody else.

It guesses a character set for what a QR code holds (measured: 100 of 100 random payloads came out changed), so a pass
that is not plain text is not read with it. It knows no Data Matrix and no Aztec.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from drivers.camera.decode import Decoder, Found
from drivers.camera.options import Symbology

if TYPE_CHECKING:
    from drivers.camera.decode import Grey

_ZBAR = {
    Symbology.QR: "QRCODE",
    Symbology.CODE_128: "CODE128",
    Symbology.CODE_39: "CODE39",
    Symbology.CODABAR: "CODABAR",
    Symbology.EAN_13: "EAN13",
    Symbology.EAN_8: "EAN8",
    Symbology.ITF: "I25",
}
_NAMES = {name: symbology for symbology, name in _ZBAR.items()}


def load() -> Decoder:
    """The reader. Raises `ImportError` when pyzbar or the library libzbar is not there."""
    from pyzbar import pyzbar

    def decode(grey: Grey, formats: Iterable[Symbology] = (Symbology.QR,)) -> list[Found]:
        wanted = [getattr(pyzbar.ZBarSymbol, _ZBAR[one]) for one in formats if one in _ZBAR]
        if not wanted:
            return []
        return [
            Found(_NAMES[code.type], bytes(code.data), tuple((int(x), int(y)) for x, y in code.polygon))
            for code in pyzbar.decode(grey, symbols=wanted)
            if code.data and code.type in _NAMES
        ]

    return decode
