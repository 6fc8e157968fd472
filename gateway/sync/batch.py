"""Entries as one message: as many consecutive ones as fit. What the broker will not take is held, the rest goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from gateway.model.entry import Stream
from gateway.sync.ranges import Range
from gateway.sync.strand import Strand
from gateway.wire.envelope import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, encode_entry, join_batch
from gateway.wire.topics import Topics

OVERHEAD_BYTES = 16
"""Of a PUBLISH packet, beside topic and payload (MQTT 5, 3.3): header, length, packet id, empty properties."""
STRIKES = 3
"""A large entry that was on its way so many times when the link broke, and never arrived, is held for `HOLD_S`: some
brokers hang up on what is too large for them and never say why."""
HOLD_S = 600.0


class Batch(msgspec.Struct, frozen=True):
    """Entries `first` to `last` as one payload."""

    first: int
    last: int
    payload: bytes


class TooLarge(msgspec.Struct, frozen=True):
    """An entry above what the broker said it takes; sizes in bytes."""

    epoch: str
    stream: Stream
    seq: int
    size: int
    limit: int


class Batcher:
    """`limit`: bytes of the largest packet that the broker takes, None when it did not say."""

    def __init__(self, topics: Topics, on_too_large: Callable[[TooLarge], None]) -> None:
        self.limit: int | None = None
        self._topics = topics
        self._on_too_large = on_too_large
        self._strikes: Counter[tuple[str, Stream, int]] = Counter()
        self._held_until = 0.0

    def make(self, strand: Strand, wanted: Range, most: int, now: float) -> Batch | None:
        """Consecutive entries of this range: as many as fit, at most `most`, at least one. None when there is nothing
        to send of it or of its beginning; the strand has been told, and asks for something else next."""
        room = self._room(strand.stream)
        events: list[bytes] = []
        size, first, last = 2, wanted[0], wanted[0] - 1
        for entry in strand.source.read(strand.stream, last, min(most, MAX_BATCH_ENTRIES)):
            seq = entry.header.id.seq
            if seq > wanted[1] or (events and seq != last + 1):
                break
            event = encode_entry(self._topics.city, entry)
            if not events:
                # Numbers below the first one that is there were dropped, with an entry that says so.
                strand.done(wanted[0], seq - 1)
                if self._must_hold(strand, seq, len(event) + 2, room, now):
                    return None
                first = seq
            elif size + len(event) + 1 > min(room, MAX_BATCH_BYTES):
                break
            events.append(event)
            size += len(event) + 1
            last = seq
        if not events:
            strand.done(*wanted)
            return None
        return Batch(first, last, join_batch(events))

    def arrived(self, epoch: str, stream: Stream, batch: Batch) -> None:
        """The broker has it."""
        self._strikes.pop((epoch, stream, batch.first), None)

    def broke(self, epoch: str, stream: Stream, batch: Batch, now: float) -> None:
        """The link broke while it was on its way."""
        if len(batch.payload) > MAX_BATCH_BYTES:
            self._strikes[epoch, stream, batch.first] += 1
            self._held_until = now + HOLD_S

    def _room(self, stream: Stream) -> int:
        if self.limit is None:
            return MAX_BATCH_BYTES
        return self.limit - len(self._topics.events(stream)) - OVERHEAD_BYTES

    def _must_hold(self, strand: Strand, seq: int, size: int, room: int, now: float) -> bool:
        if self.limit is not None:
            if size <= room:
                return False
            strand.hold(seq)
            self._on_too_large(TooLarge(strand.source.epoch, strand.stream, seq, size, self.limit))
            return True
        key = (strand.source.epoch, strand.stream, seq)
        if size <= MAX_BATCH_BYTES or self._strikes[key] < STRIKES or now >= self._held_until:
            return False
        strand.hold(seq)
        return True
