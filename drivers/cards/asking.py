"""In which order a card that takes commands is asked what it is, so that ours is used and a foreign one is not."""

from __future__ import annotations

from collections.abc import Callable

from drivers.cards.apdu import Transmit
from drivers.cards.foreign import recognised
from drivers.cards.phone import pass_of
from drivers.contract.reader import NFC, Code, Recognised


def is_random(uid: bytes) -> bool:
    """Drawn anew each time: 08 and three bytes (ISO/IEC 14443-3, 6.5.4)."""
    return len(uid) == 4 and uid[0] == 0x08


def ask(uid: bytes, transmit: Transmit, ndef: Callable[[], bytes]) -> bytes | Code | Recognised:
    """Its NDEF message (empty: it has nothing of ours and nothing foreign), the pass that it hands over, or what it was
    recognised as. Raises what `transmit` and `ndef` raise.

    What is ours comes first: a phone with our pass also pays, and another application on it may show an NDEF message.
    Phones have random UIDs and are asked for the pass at once. Other cards are asked for NDEF first, which is all that
    a genuine one is ever asked: each further question would cost its owner time.
    """
    phone = is_random(uid)
    if phone and (text := pass_of(transmit)):
        return Code(NFC, text)
    if message := ndef():
        return message
    if not phone and (text := pass_of(transmit)):
        return Code(NFC, text)
    return recognised(transmit) or b""
