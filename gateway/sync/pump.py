"""Entries up: which batch goes next, what is on its way, what has to be sent again. No I/O of its own.

An entry leaves the ledger's care only by the centre's ack. PUBACK frees a place in the window, nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import msgspec

from gateway.ledger.source import Source
from gateway.model.entry import BULK_LANE, FIRST_LANE, Stream
from gateway.model.errors import NotReady
from gateway.sync.batch import Batch, Batcher, TooLarge
from gateway.sync.pace import Bucket
from gateway.sync.ranges import Range
from gateway.sync.strand import Strand
from gateway.wire.envelope import MAX_BATCH_ENTRIES
from gateway.wire.messages import MAX_OLDER, Ack, OlderEpoch
from gateway.wire.topics import Topics

WINDOW_BYTES = 256 * 1024


class Flight(msgspec.Struct, frozen=True):
    """A batch between publish and PUBACK."""

    epoch: str
    stream: Stream
    batch: Batch
    at: float


class Pump:
    """Feeds the link. `sources` are what there is to send, the oldest epoch first, the present ledger last; `publish`
    sends one batch and returns its number; `now` counts seconds. `on_wait` hears in how many seconds `fill` has more
    to do; `on_too_large` hears, once a connection, of an entry that the broker will not take."""

    def __init__(
        self,
        sources: Callable[[], Sequence[Source]],
        topics: Topics,
        publish: Callable[[str, bytes], int],
        now: Callable[[], float],
        *,
        per_s: float,
        on_wait: Callable[[float], None] = lambda _seconds: None,
        on_too_large: Callable[[TooLarge], None] = lambda _entry: None,
    ) -> None:
        self._sources = sources
        self._topics = topics
        self._publish = publish
        self._now = now
        self._bucket = Bucket(per_s, now())
        self._on_wait = on_wait
        self._batcher = Batcher(topics, on_too_large)
        self._window = 0
        self._flights: dict[int, Flight] = {}
        self._bytes = 0
        self._moved = 0.0
        self._turn = 0
        self._strands: dict[str, dict[Stream, Strand]] = {}
        self._seen: set[str] = set()

    # Life of the link -------------------------------------------------------------------------------------

    def connected(self, window: int, limit: int | None = None) -> None:
        """A new connection: everything unacked is to be sent (again). `limit`: bytes of the largest packet that the
        broker takes, None when it did not say."""
        self._window = window
        self._batcher.limit = limit
        self._flights.clear()
        self._bytes = 0
        self._moved = now = self._now()
        self._look()
        for strand in self._all():
            strand.begin(now)
        self.fill()

    def lost(self) -> None:
        """No connection: nothing may be sent."""
        for flight in self._flights.values():
            self._batcher.broke(flight.epoch, flight.stream, flight.batch, self._now())
        self._flights.clear()
        self._window = 0

    def published(self, message: int) -> None:
        """The broker has this batch."""
        if (flight := self._flights.pop(message, None)) is not None:
            self._bytes -= len(flight.batch.payload)
            self._moved = self._now()
            self._batcher.arrived(flight.epoch, flight.stream, flight.batch)
            if (strand := self.strand(flight.epoch, flight.stream)) is not None:
                strand.arrived(self._moved)
            self.fill()

    @property
    def stuck_s(self) -> float:
        """How long the broker has confirmed nothing although something is on its way."""
        if not self._flights:
            return 0.0
        return self._now() - max(self._moved, next(iter(self._flights.values())).at)

    @property
    def problem(self) -> str:
        """What cannot be sent on this connection, in words; empty when all can."""
        held = [f"{s.stream} {seq}" for s in self._all() for seq in sorted(s.held)]
        if not held:
            return ""
        limit = self._batcher.limit
        why = f"takes packets of at most {limit} bytes" if limit else "hangs up on them"
        return f"too large for the broker, which {why}: {', '.join(held[:5])}{' …' if len(held) > 5 else ''}"

    # The centre's word ------------------------------------------------------------------------------------

    def strand(self, epoch: str, stream: Stream) -> Strand | None:
        """What is sent of this epoch and stream, if anything."""
        self._look()
        of = self._strands.get(epoch)
        return of[stream] if of is not None else None

    def was_sent(self, epoch: str) -> bool:
        """Whether this epoch is, or was since the start, one of ours."""
        self._look()
        return epoch in self._seen

    def acked(self, ack: Ack) -> None:
        """The centre's word on one stream of one of our epochs; whether it can be true was checked before."""
        if (strand := self.strand(ack.epoch, ack.stream)) is not None:
            strand.settle(ack.through, ack.missing, self._now())
            self.fill()

    def resend_overdue(self, after_s: float) -> bool:
        """Send again what has waited for the centre's ack too long. True when there was something."""
        now = self._now()
        found = [strand.overdue(now, after_s) for strand in self._all()]
        if any(found):
            self.fill()
        return any(found)

    def resend(self, epoch: str, stream: Stream, first: int, last: int) -> int | None:
        """Send this range again, acked or not, as far as it is there. How many numbers; None: no such epoch."""
        if (strand := self.strand(epoch, stream)) is None:
            return None
        numbers = strand.resend(first, last)
        self.fill()
        return numbers

    def pace(self, per_s: float) -> None:
        """So many backlog entries a second from now on."""
        self._bucket.change(per_s, self._now())
        self.fill()

    # What there is ----------------------------------------------------------------------------------------

    @property
    def backlog(self) -> dict[Stream, int]:
        """Entries not yet acked by the centre, per stream, of all epochs."""
        self._look()
        owed = dict.fromkeys(Stream, 0)
        for strand in self._all():
            owed[strand.stream] += strand.last - strand.acked
        return owed

    @property
    def older(self) -> tuple[OlderEpoch, ...]:
        """The older epochs that still drain, for the birth: as many of them as it holds."""
        draining = (s for s in self._sources()[:-1] if any(s.acked(stream) < s.last(stream) for stream in Stream))
        return tuple(
            OlderEpoch(source.epoch, {s: source.last(s) for s in Stream}, {s: source.acked(s) for s in Stream})
            for source in islice(draining, MAX_OLDER)
        )

    def _all(self) -> list[Strand]:
        return [strand for of in self._strands.values() for strand in of.values()]

    def _look(self) -> None:
        """Take up an epoch that has come, let go of one that has drained."""
        sources = self._sources()
        if [source.epoch for source in sources] == list(self._strands):
            return
        before, now = self._strands, self._now()
        self._strands = {}
        for source in sources:
            old = before.get(source.epoch)
            if old is not None and next(iter(old.values())).source is source:
                self._strands[source.epoch] = old
                continue
            # A file that was the ledger until now has another face as an older source: its numbers are the same.
            fresh = {stream: Strand(source, stream) for stream in Stream}
            for strand in fresh.values():
                strand.begin(now)
            self._strands[source.epoch] = fresh
        self._seen.update(self._strands)

    # Sending ----------------------------------------------------------------------------------------------

    def fill(self) -> None:
        """Publish batches while the window has room: the first lane before the bulk lane, in each what is live before
        the backlog, in that older epochs before the present one."""
        if not self._window:
            return
        self._look()
        now = self._now()
        for strand in next(reversed(self._strands.values())).values():
            strand.mark(now)
        while len(self._flights) < self._window and self._bytes < WINDOW_BYTES:
            now = self._now()
            if (chosen := self._choose(now)) is None:
                return
            strand, wanted, paced = chosen
            batch = self._batcher.make(strand, wanted, self._bucket.room(now) if paced else MAX_BATCH_ENTRIES, now)
            if batch is None:
                continue
            if not self._send(strand, batch, now):
                return
            if paced:
                self._bucket.take(batch.last - batch.first + 1)

    def _choose(self, now: float) -> tuple[Strand, Range, bool] | None:
        present = next(reversed(self._strands.values()))
        paced = not self._bucket.room(now)
        waiting = False
        for lane in (FIRST_LANE, BULK_LANE):
            order = [lane[(self._turn + step) % len(lane)] for step in range(len(lane))]
            for stream in order:
                if (live := present[stream].live(now)) is not None:
                    self._turn += 1
                    return present[stream], live, False
            for of in self._strands.values():
                for stream in order:
                    if (wanted := of[stream].backlog()) is None:
                        continue
                    if not paced:
                        self._turn += 1
                        return of[stream], wanted, True
                    waiting = True
        if waiting:
            self._on_wait(self._bucket.wait_s(now))
        return None

    def _send(self, strand: Strand, batch: Batch, now: float) -> bool:
        strand.known = max(strand.known, batch.last)
        try:
            number = self._publish(self._topics.events(strand.stream), batch.payload)
        except NotReady:
            # The link has just gone; its owner hears of it and connects again.
            self._window = 0
            return False
        strand.sent(batch.first, batch.last, now)
        self._flights[number] = Flight(strand.source.epoch, strand.stream, batch, now)
        self._bytes += len(batch.payload)
        return True
