"""Entries as a gateway makes them: chained, salted, encoded by the wire's own code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, Stream
from gateway.wire.envelope import encode_entry, join_batch

CITY = "jelgava"
GATEWAY = "museum-1"
EPOCH = "a1" * 16


class Chain:
    """One strand of one gateway, growing."""

    def __init__(self, gateway: str = GATEWAY, epoch: str = EPOCH, stream: Stream = Stream.RECEIPT) -> None:
        self.gateway, self.epoch, self.stream = gateway, epoch, stream
        self.entries: list[Entry] = []
        self.boot = "b" * 32
        self.mono_ns: int | None = None

    def add(self, body: bytes, kind: EntryKind = EntryKind.RECEIPT) -> Entry:
        seq = len(self.entries) + 1
        header = Header(
            EntryId(self.gateway, self.epoch, self.stream, seq),
            kind,
            Stamp(
                1_795_424_400_000 + seq,
                seq * 10**9 if self.mono_ns is None else self.mono_ns,
                self.boot,
                ClockQuality.NTP,
            ),
        )
        previous = self.entries[-1].digest if self.entries else chain.genesis(self.gateway, self.epoch, self.stream)
        salt = hashlib.sha256(b"%d" % seq).digest()[:16]
        committed = chain.commitment(salt, body)
        entry = Entry(header, previous, committed, chain.digest(previous, header, committed), salt, body)
        self.entries.append(entry)
        return entry

    def grow(self, count: int) -> list[Entry]:
        """Add so many entries, which say their own number."""
        return [self.add(b'{"n":%d}' % (len(self.entries) + 1)) for _ in range(count)]


def chain_of(count: int, gateway: str = GATEWAY, epoch: str = EPOCH, stream: Stream = Stream.RECEIPT) -> list[Entry]:
    """The first `count` entries of a strand."""
    return Chain(gateway, epoch, stream).grow(count)


def batch(entries: Sequence[Entry]) -> bytes:
    """These entries as one message."""
    return join_batch([encode_entry(CITY, entry) for entry in entries])


def altered(entry: Entry, body: bytes) -> Entry:
    """The same key with another content, honestly computed: what a restored copy of a card would send."""
    assert entry.salt is not None
    committed = chain.commitment(entry.salt, body)
    return Entry(
        entry.header,
        entry.previous,
        committed,
        chain.digest(entry.previous, entry.header, committed),
        entry.salt,
        body,
    )
