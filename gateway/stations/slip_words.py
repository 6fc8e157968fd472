"""What a page or a POS asks of a station's printer of slips and is answered."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.model.slip import MOST_PARTS, SlipPart, SlipState


class SlipRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`balance`: what is left for the person who is at the station, in their language; it has no parts. `text`: these
    parts, a coupon of the caller's own."""

    kind: Literal["balance", "text"]
    parts: Annotated[tuple[SlipPart, ...], msgspec.Meta(max_length=MOST_PARTS)] = ()


class SlipAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it ended. `advice` when a person must look."""

    state: SlipState
    reason: str = ""
    advice: str = ""
