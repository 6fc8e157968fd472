"""Slips, to the contract's words and back."""

from __future__ import annotations

import msgspec

from drivers.contract import slip
from drivers.contract.codec import BadMessage, decode_body, raw
from gateway.model.slip import SlipCode, SlipJob, SlipPart, SlipText

_slip = msgspec.json.Decoder(slip.Slip)
_printed = msgspec.json.Decoder(slip.SlipPrinted)


def slip_call(job: SlipJob) -> slip.Slip:
    """Raises `BadMessage`, without a word of the text, for what the contract cannot say."""
    # The contract's own bounds (how many parts, how long) are in its types: only decoding checks them.
    try:
        return decode_body(raw(slip.Slip(job.key, tuple(map(_part, job.parts)))), _slip)
    except UnicodeEncodeError:
        raise BadMessage("a text with half a character") from None


def slip_printed(job: SlipJob, body: msgspec.Raw) -> bool:
    """Whether the printer has confirmed this very slip; it has all of it either way."""
    said = decode_body(body, _printed)
    if said.key != job.key:
        raise BadMessage("a word on another slip")
    return said.sure


def _part(part: SlipPart) -> slip.SlipPart:
    match part:
        case SlipText(text=text, bold=bold, large=large, align=align):
            return slip.SlipText(text, bold, large, slip.Align(align.value))
        case SlipCode(data=data):
            return slip.SlipCode(data)
