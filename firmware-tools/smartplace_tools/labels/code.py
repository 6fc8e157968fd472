"""The QR code of a payload, refused when its squares would be too small to print and read."""

from __future__ import annotations

import segno

SMALLEST_MODULE_MM = 0.33
"""Four dots of a 300 dpi printer: with less, one dot too much or too little spoils a square."""

QUIET_ZONE = 4
"""White squares around the code (ISO/IEC 18004, quiet zone of a QR code)."""


def qr_code(payload: str, side_mm: float) -> tuple[tuple[bool, ...], ...]:
    """Rows of dark squares, without the quiet zone, at error level M or better.

    Raises ValueError when the squares, quiet zone included, would be smaller than `SMALLEST_MODULE_MM` on a
    side of `side_mm`. Text beyond ASCII is UTF-8 and says so (ECI 26), so that no reader has to guess.
    """
    try:
        if payload.isascii():
            code = segno.make_qr(payload, error="m", boost_error=True)
        else:
            code = segno.make_qr(payload, error="m", boost_error=True, encoding="utf-8", eci=True)
    except segno.DataOverflowError as error:
        raise ValueError(f"payload of {len(payload)} characters fits into no QR code") from error
    squares = code.symbol_size(border=QUIET_ZONE)[0]
    if side_mm / squares < SMALLEST_MODULE_MM:
        module = f"{side_mm / squares:.2f} mm"
        raise ValueError(
            f"payload of {len(payload)} characters needs squares of {module} on this label, smaller than"
            f" {SMALLEST_MODULE_MM} mm; shorten it or take larger labels (--layout)"
        )
    return tuple(tuple(bool(square) for square in row) for row in code.matrix)
