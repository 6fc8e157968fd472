"""Bundles and chunks that were refused, as audit entries: each told, and no flood of them fills the card."""

from __future__ import annotations

import logging
from collections import deque

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import BundleBody, SecurityBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import GatewayError
from gateway.sync.notes import is_told
from gateway.wire.bundle import Manifest

log = logging.getLogger("bundles")

SAME = 16
"""Refusals that are remembered so as not to be told twice: a centre repeats a bundle at each birth."""


class Refusals:
    """What nobody trusted has signed gets one entry for the first, then one for each tenfold; so does a chunk that
    nobody asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._told: deque[bytes] = deque(maxlen=SAME)
        self._strangers = 0
        self._unasked = 0
        self.last = ""
        """What the last refused bundle was refused for."""

    async def bundle(self, manifest: Manifest | None, error: GatewayError) -> None:
        """Record that a bundle was refused. Raises `LedgerError`."""
        kind = manifest.kind.value if manifest else "unknown"
        number = manifest.number if manifest else 0
        self.last = f"{kind} {number}: {error}"[:300]
        encoded = msgspec.json.encode(BundleBody(bundle=kind, number=number, reason=str(error)[:300]))
        if manifest is None:
            self._strangers += 1
            if not is_told(self._strangers):
                return
        elif encoded in self._told:
            return
        else:
            self._told.append(encoded)
        log.warning("bundle %s %d refused: %s", kind, number, error)
        await self._ledger.commit([NewEntry(Stream.AUDIT, EntryKind.BUNDLE_REFUSED, encoded)])

    def chunk(self, reason: str) -> None:
        """Count a chunk that is none, or that nobody asked for."""
        self._unasked += 1
        if is_told(self._unasked):
            log.warning("%d chunks refused, the last one: %s", self._unasked, reason)
            body = SecurityBody(what="unasked_chunk", source=reason[:100], count=self._unasked)
            self._ledger.ride(NewEntry(Stream.AUDIT, EntryKind.SECURITY, msgspec.json.encode(body)))
