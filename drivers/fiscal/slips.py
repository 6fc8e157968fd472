"""A slip on a fiscal printer, as a non-fiscal document: its lines, wrapped to the paper. Pure.

Fiscal printers print a code as its text: a QR code is not among the commands that all of them have. They have one code
page: Russian is printed in Latin letters where it is another one.
"""

from __future__ import annotations

import textwrap

from drivers.contract.slip import Align, Slip, SlipCode, SlipText
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.text import TextRefused, printable, transcribed

MOST_LINES = 200
"""As many as an ESC/POS printer is given: some 80 cm of paper, in the time that a call has."""


def slip_lines(slip: Slip, encoding: str, width: int) -> tuple[bytes, ...]:
    """The lines in the code page, at most `width` bytes each. Raises `Refusal`."""
    lines: list[bytes] = []
    for index, part in enumerate(slip.parts):
        where = f"parts[{index}]"
        match part:
            case SlipText(text=text, align=align):
                rows = _wrapped(transcribed(text, encoding), width)
                lines += [_encoded(row, align, encoding, width, f"{where}.text") for row in rows]
            case SlipCode(data=data):
                lines += [_encoded(row, Align.LEFT, encoding, width, f"{where}.data") for row in _wrapped(data, width)]
        if len(lines) > MOST_LINES:
            raise Refusal(Reason.TOO_LARGE, f"more than {MOST_LINES} lines", where)
    return tuple(lines)


def _wrapped(text: str, width: int) -> list[str]:
    """An empty line stays one: it is how a slip is spaced."""
    rows: list[str] = []
    for line in text.split("\n"):
        rows += textwrap.wrap(line, width, drop_whitespace=True) or [""]
    return rows


def _encoded(row: str, align: Align, encoding: str, width: int, where: str) -> bytes:
    if not row.strip():
        return b" "
    try:
        # A letter may become several (`€` is printed as EUR where the code page lacks it): cut at the paper's edge.
        encoded = printable(row, encoding, 4 * width)[:width]
    except TextRefused as error:
        raise Refusal(Reason.BAD_TEXT, str(error), where) from error
    match align:
        case Align.CENTRE:
            return encoded.center(width).rstrip()
        case Align.RIGHT:
            return encoded.rjust(width)
        case Align.LEFT:
            return encoded
