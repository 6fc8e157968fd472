"""What a printer of slips does: texts that are no receipt (coupons, balances, confirmations).

A fiscal printer can be one too (a non-fiscal document). A slip books nothing: it may be printed again when somebody
asks for it, and is never printed again by itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec


class Align(StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class SlipText(msgspec.Struct, frozen=True, omit_defaults=True, tag="text", tag_field="part"):
    """One or more lines of text; too long ones are wrapped at words."""

    text: Annotated[str, msgspec.Meta(max_length=2000)]
    bold: bool = False
    large: bool = False
    align: Align = Align.LEFT


class SlipCode(msgspec.Struct, frozen=True, tag="code", tag_field="part"):
    """A QR code. A printer that has none prints its text."""

    data: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


SlipPart = SlipText | SlipCode


class Slip(msgspec.Struct, frozen=True, tag="slip", tag_field="call"):
    """Print a slip and cut. Answered by `SlipPrinted` when the printer has all of it."""

    key: str
    parts: Annotated[tuple[SlipPart, ...], msgspec.Meta(min_length=1, max_length=64)]


class SlipPrinted(msgspec.Struct, frozen=True, tag="slip_printed", tag_field="result", omit_defaults=True):
    """`sure`: the printer confirmed it; false where it has no way to say so."""

    key: str
    sure: bool = True


SlipCall = Slip
SlipResult = SlipPrinted
