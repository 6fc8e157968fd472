"""The library's own word on a library card, at a desk that names a link to it.

Asked only about a barcode, and only what it is: its number goes to that one device. The registry identifies people; the
library's word may take an acceptance back (the card was reported lost there) and never gives one. Without an answer the
registry alone decides. What both have said is recorded, so that a difference can be seen.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec

from gateway.identity.identify import Identified
from gateway.model.errors import DeadlineMissed, InputRefused, NotFound, NotReady
from gateway.model.identification import CredentialKind, Identification, Refusal
from gateway.model.library import LibraryWord
from gateway.model.reading import CodeReading, Presented
from gateway.wire.credentials import barcode

log = logging.getLogger("stations")

PATIENCE_MS = 3000
"""A visitor waits so long for the library's system, and no longer."""

Ask = Callable[[str, bytes, int], Awaitable[LibraryWord]]
"""Device, barcode, deadline in ms → word. Raises `NotReady`, `InputRefused`, `DeadlineMissed` or `NotFound`."""


class Library:
    """One desk's link."""

    def __init__(self, device: str, ask: Ask) -> None:
        self._device = device
        self._ask = ask

    def concerns(self, reading: Presented, who: Identification) -> bool:
        """Whether the library is to be asked about this."""
        credential = who.credential
        return isinstance(reading, CodeReading) and credential is not None and credential.kind is CredentialKind.BARCODE

    async def word(self, reading: Presented) -> LibraryWord:
        """What the library says of this barcode; never raises for what a library's system may do."""
        number = barcode(reading.data) if isinstance(reading, CodeReading) else None
        if number is None:
            return LibraryWord.UNKNOWN
        try:
            return await self._ask(self._device, number, PATIENCE_MS)
        except (NotReady, InputRefused, DeadlineMissed, NotFound) as error:
            # Its code only: what a driver says of a question is not for the log.
            log.info("%s: no word on a library card (%s); the registry decides", self._device, error.code)
            return LibraryWord.NO_ANSWER


def both(identified: Identified, word: LibraryWord) -> Identified:
    """What stands when the library has spoken, too."""
    who = identified.identification
    if word is not LibraryWord.LOST or not who.accepted:
        return identified
    refused = Identification(credential=who.credential, refusal=Refusal.BLOCKED, language=who.language)
    return msgspec.structs.replace(identified, identification=refused)


def asks_for_staff(who: Identification, word: LibraryWord | None) -> bool:
    """Recognised, and the library sees it otherwise: a word between people, and none on a screen."""
    return who.accepted and word in (LibraryWord.BARRED, LibraryWord.UNKNOWN)
