"""A bundle on its way, and how patient one is with it."""

from __future__ import annotations

import msgspec

from gateway.identity.staging import Offer
from gateway.wire import chunks
from gateway.wire.bundle import BundleKind, Manifest

REASK_S = 20.0
"""A chunk that has not come for so long is asked for again."""
GIVE_UP_S = 1800.0
"""Connected for so long without one more chunk: the content is not there. The next birth brings it up again."""


class Fetching(msgspec.Struct, frozen=True):
    """For status pages: which bundle is on its way, and how many of its chunks are here."""

    kind: BundleKind
    number: int
    have: int
    of: int


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How patient fetching is, in s; tests are in a hurry."""

    jitter_s: float = 600.0
    reask_s: float = REASK_S
    give_up_s: float = GIVE_UP_S


class Fetch:
    """One bundle on its way."""

    def __init__(self, manifest: Manifest, offer: Offer, have: set[int], now: float, not_before: float) -> None:
        self.manifest = manifest
        self.offer = offer
        self.have = have
        self.asked: dict[int, float] = {}
        self.not_before = not_before
        self.progress = max(now, not_before)
        self.tries = 0
        self.settling = False

    @property
    def of(self) -> int:
        return chunks.count(self.manifest.size)

    @property
    def complete(self) -> bool:
        return len(self.have) == self.of
