"""The library card that was presented just now, typed into the librarian's program at a desk that names a keyboard.

There is nothing else that could be typed: only digests are kept (docs/decisions/0032-what-may-be-typed.md). The number
goes from the reading to that one device, after the entry is on disk, and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from gateway.model.errors import DeadlineMissed, InputRefused, NotFound, NotReady
from gateway.model.identification import CredentialKind, Identification, Refusal
from gateway.model.reading import CodeReading, Presented
from gateway.wire.credentials import barcode

log = logging.getLogger("stations")

TYPING_MS = 2000
"""For all of it: a person waits with a card in hand."""

TypeText = Callable[[str, bytes, int], Awaitable[None]]
"""Device, text, deadline in ms. Raises `NotReady`, `InputRefused`, `DeadlineMissed` or `NotFound`."""


def may_be_typed(who: Identification) -> bool:
    """A barcode that was accepted, or that the city does not know: the library may."""
    credential = who.credential
    if credential is None or credential.kind is not CredentialKind.BARCODE:
        return False
    return who.accepted or who.refusal is Refusal.UNKNOWN


async def type_code(device: str, type_text: TypeText, reading: Presented, who: Identification) -> None:
    """Type what was read, if it may be typed. What a keyboard cannot do is for the log and the librarian: the visitor
    was served already."""
    code = barcode(reading.data) if isinstance(reading, CodeReading) else None
    if code is None or not may_be_typed(who):
        return
    try:
        await type_text(device, code, TYPING_MS)
    except (NotReady, InputRefused, DeadlineMissed, NotFound) as error:
        # Its code only: the number is in nobody's log.
        log.warning("%s: a library card was not typed: %s", device, error.code)
