"""A gateway without a clock battery: it records with whatever clock it has, and learns the time later."""

from __future__ import annotations

import hashlib

import msgspec

from gateway.model import chain
from gateway.model.bodies import AnchorBody
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from tests.centre.chains import EPOCH, GATEWAY

NOON_MS = 1_795_435_200_000
"""2026-11-23 12:00 UTC."""
DAWN_OF_UNIX_MS = 7_000
BOOT, NEXT = "b" * 32, "c" * 32


class Box:
    """One gateway that records with whatever clock it has."""

    def __init__(self, gateway: str = GATEWAY, epoch: str = EPOCH) -> None:
        self.gateway, self.epoch = gateway, epoch
        self._newest: dict[Stream, Entry] = {}

    def record(
        self, at: Stamp, stream: Stream = Stream.RECEIPT, body: bytes = b"{}", *, forgotten: bool = False
    ) -> Entry:
        before = self._newest.get(stream)
        seq = 1 if before is None else before.header.id.seq + 1
        kind = EntryKind.ANCHOR if stream is Stream.AUDIT else EntryKind.RECEIPT
        header = Header(EntryId(self.gateway, self.epoch, stream, seq), kind, at)
        previous = chain.genesis(self.gateway, self.epoch, stream) if before is None else before.digest
        salt = hashlib.sha256(b"%d" % seq).digest()[:16]
        committed = chain.commitment(salt, body)
        kept = (None, None) if forgotten else (salt, body)
        entry = Entry(header, previous, committed, chain.digest(previous, header, committed), *kept)
        self._newest[stream] = entry
        return entry

    def anchor(self, mono_s: float, wall_ms: int, boot: str = BOOT, *, forgotten: bool = False) -> Entry:
        mono_ns = round(mono_s * 10**9)
        body = AnchorBody(boot=boot, mono_ns=mono_ns, wall_ms=wall_ms, quality=ClockQuality.NTP)
        at = Stamp(wall_ms, mono_ns, boot, ClockQuality.NTP)
        return self.record(at, Stream.AUDIT, msgspec.json.encode(body), forgotten=forgotten)


def guessed(mono_s: float, wall_ms: int = DAWN_OF_UNIX_MS, boot: str = BOOT) -> Stamp:
    return Stamp(wall_ms, round(mono_s * 10**9), boot, ClockQuality.GUESS)


def known(wall_ms: int, boot: str = BOOT) -> Stamp:
    return Stamp(wall_ms, 10**9, boot, ClockQuality.NTP)
