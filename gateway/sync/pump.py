"""Entries up: which batch goes next, what is on its way, what has to be sent again. No I/O of its own.

An entry leaves the ledger's care only by the centre's ack. PUBACK frees a place in the window, nothing more.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.entry import BULK_LANE, FIRST_LANE, Stream
from gateway.model.errors import NotReady
from gateway.wire.envelope import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, encode_entry, join_batch
from gateway.wire.messages import Ack
from gateway.wire.topics import Topics

WINDOW_BYTES = 256 * 1024
REWIND_S = 2.0
"""The centre may report a gap while what fills it is still on its way: not more often than this is believed."""


class Flight(msgspec.Struct, frozen=True):
    """A batch between publish and PUBACK."""

    stream: Stream
    size: int


class Pump:
    """Feeds the link. `publish` sends one batch and returns its number; the owner calls the `on_…` methods."""

    def __init__(self, ledger: Ledger, topics: Topics, publish: Callable[[str, bytes], int]) -> None:
        self._ledger = ledger
        self._topics = topics
        self._publish = publish
        self._window = 0
        self._flights: dict[int, Flight] = {}
        self._bytes = 0
        self._sent: dict[Stream, int] = {}
        self._progress: dict[Stream, float] = {}
        self._rewound: dict[Stream, float] = {}
        self._turn = 0

    def connected(self, window: int, now: float) -> None:
        """A new connection: everything unacked is to be sent (again)."""
        self._window = window
        self._flights.clear()
        self._bytes = 0
        self._sent = {stream: self._ledger.acked(stream) for stream in Stream}
        self._progress = dict.fromkeys(Stream, now)
        self._rewound = dict.fromkeys(Stream, float("-inf"))
        self.fill()

    def lost(self) -> None:
        """No connection: nothing may be sent."""
        self._window = 0

    def published(self, message: int) -> None:
        """The broker has this batch."""
        if (flight := self._flights.pop(message, None)) is not None:
            self._bytes -= flight.size
            self.fill()

    def acked(self, ack: Ack, now: float) -> None:
        """The centre's word on one stream of the current epoch."""
        stream = ack.stream
        if ack.through > self._ledger.acked(stream):
            self._progress[stream] = now
        self._ledger.ack(stream, ack.through)
        self._sent[stream] = max(self._sent.get(stream, 0), self._ledger.acked(stream))
        # What was dropped is missed there until the entry that says so arrives: it is neither sent nor waited for.
        missing = [first for first, last in ack.missing if last > self._ledger.acked(stream)]
        if missing and now - self._rewound.get(stream, now) >= REWIND_S:
            self._rewound[stream] = now
            self._sent[stream] = max(min(missing[0] - 1, self._sent[stream]), self._ledger.acked(stream))
        self.fill()

    def resend_overdue(self, now: float, after_s: float) -> bool:
        """Send again what has waited for the centre's ack too long. True when there was something."""
        found = False
        for stream, sent in self._sent.items():
            acked = self._ledger.acked(stream)
            if sent <= acked:
                self._progress[stream] = now
            elif now - self._progress[stream] >= after_s:
                self._progress[stream] = now
                self._sent[stream] = acked
                found = True
        if found:
            self.fill()
        return found

    @property
    def backlog(self) -> dict[Stream, int]:
        """Entries not yet acked by the centre, per stream."""
        return {stream: self._ledger.last(stream) - self._ledger.acked(stream) for stream in Stream}

    def fill(self) -> None:
        """Publish batches while the window has room: the first lane before the bulk lane."""
        while len(self._flights) < self._window and self._bytes < WINDOW_BYTES:
            stream = self._next_stream()
            if stream is None:
                return
            last, payload = self._batch(stream)
            try:
                number = self._publish(self._topics.events(stream), payload)
            except NotReady:
                # The link has just gone; its owner hears of it and connects again.
                self._window = 0
                return
            self._sent[stream] = last
            self._flights[number] = Flight(stream, len(payload))
            self._bytes += len(payload)

    def _next_stream(self) -> Stream | None:
        for lane in (FIRST_LANE, BULK_LANE):
            for step in range(len(lane)):
                stream = lane[(self._turn + step) % len(lane)]
                if self._ledger.last(stream) > self._sent[stream]:
                    self._turn += 1
                    return stream
        return None

    def _batch(self, stream: Stream) -> tuple[int, bytes]:
        """Consecutive entries after what was sent: as many as fit, at least one."""
        events: list[bytes] = []
        size, last = 2, self._sent[stream]
        for entry in self._ledger.read(stream, last, MAX_BATCH_ENTRIES):
            event = encode_entry(self._topics.city, entry)
            if events and size + len(event) + 1 > MAX_BATCH_BYTES:
                break
            events.append(event)
            size += len(event) + 1
            last = entry.header.id.seq
        return last, join_batch(events)
