"""Slips: texts on paper that are no receipt. They book nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

MOST_PARTS = 64


class SlipAlign(StrEnum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class SlipText(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="text", tag_field="part"
):
    """Lines of text, `\\n` between them; too long ones are wrapped at words. `large`: twice as high and wide."""

    text: Annotated[str, msgspec.Meta(max_length=2000)]
    bold: bool = False
    large: bool = False
    align: SlipAlign = SlipAlign.LEFT


class SlipCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="code", tag_field="part"):
    """A QR code. A printer that draws none prints its text."""

    data: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


SlipPart = SlipText | SlipCode


class SlipJob(msgspec.Struct, frozen=True):
    """One slip to be printed, 1 to `MOST_PARTS` parts."""

    key: str
    parts: tuple[SlipPart, ...]


class SlipState(StrEnum):
    """How a slip ended."""

    PRINTED = "printed"
    """The printer has confirmed it."""
    SENT = "sent"
    """The printer has all of it, and cannot say whether it stands on paper."""
    NOT_PRINTED = "not_printed"
    """Nothing of it was sent."""
    UNKNOWN = "unknown"
    """Part of it may stand on paper."""
