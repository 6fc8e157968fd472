"""One stream of one epoch on its way up: what is to be sent, what was sent, what the centre has said. No I/O.

Two ends are sent from. The backlog is what was there when the connection began, what has waited too long since, and
what is to be sent again; it goes from its oldest number up. Live is what was stored a moment ago; it goes ahead of the
backlog, so that the city sees today's tap while last week is still on its way. The centre orders by number.
"""

from __future__ import annotations

from collections import deque

from gateway.ledger.source import Source
from gateway.model.entry import Stream
from gateway.sync.ranges import Range, Ranges, add, count, cut

LIVE_S = 3.0
"""An entry that could not be sent for so long is backlog like any other."""
MARK_S = 0.5
"""How finely ages are known."""
REWIND_S = 2.0
"""So long what was sent last may be on its way, and is not believed missing."""
PATIENCE = 10
"""How many times the wait for the centre's word may grow while the broker goes on confirming."""
MAX_PIECES = 64
"""With so many gaps behind it a stream sends no more ahead: a centre keeps account of every gap."""


class Strand:
    """`begin` with each connection, then `live` or `backlog` says what to send next and `sent` hears that it went."""

    def __init__(self, source: Source, stream: Stream) -> None:
        self.source = source
        self.stream = stream
        self.known = source.last(stream)
        """Up to this number entries may have been sent, in this life or an earlier one; above it none was."""
        self.word = 0
        """The highest number through which the centre has said, since the start, that all is settled."""
        self.held: set[int] = set()
        """Not to be sent on this connection: the broker takes nothing of this size."""
        self._todo: Ranges = ()
        self._again: Ranges = ()
        self._next = self.known + 1
        self._marks: deque[tuple[float, int]] = deque()
        self._recent: deque[tuple[float, Range]] = deque()
        self._progress = self._heard = self._went = self._arrived = 0.0

    def could_be(self, number: int) -> bool:
        """Whether the centre can know of this number: it was sent, or nothing up to it is left that could be."""
        if number <= max(self.known, self.acked):
            return True
        if number > self.last:
            return False
        unsent = self.source.read(self.stream, self.known, 1)
        return not unsent or unsent[0].header.id.seq > number

    @property
    def acked(self) -> int:
        return self.source.acked(self.stream)

    @property
    def last(self) -> int:
        return self.source.last(self.stream)

    def begin(self, now: float) -> None:
        """A new connection: everything unacked is to be sent (again)."""
        last = self.last
        self._todo = add((), self.acked + 1, last)
        self._next = last + 1
        self._marks = deque([(now, last)])
        self._recent.clear()
        self.held.clear()
        self._progress = self._heard = self._went = self._arrived = now

    # What is next -----------------------------------------------------------------------------------------

    def live(self, now: float) -> Range | None:
        """Numbers stored a moment ago and not sent yet."""
        last = self.last
        if last < self._next:
            return None
        self._age(now)
        if self._next > last or len(self._todo) >= MAX_PIECES:
            return None
        return self._next, last

    def backlog(self) -> Range | None:
        """The oldest numbers that wait."""
        if self._todo:
            return self._todo[0]
        return self._again[0] if self._again else None

    def mark(self, now: float) -> None:
        """Note how far the stream has come by now: ages are known from this."""
        if now - (at := self._marks[-1][0]) >= MARK_S:
            self._marks.append((now, self.last))
        else:
            self._marks[-1] = (at, self.last)

    def _age(self, now: float) -> None:
        """Move what has waited for `LIVE_S` into the backlog."""
        marks = self._marks
        while len(marks) > 1 and marks[1][0] <= now - LIVE_S:
            marks.popleft()
        if marks[0][0] <= now - LIVE_S and marks[0][1] >= self._next:
            self._todo = add(self._todo, self._next, marks[0][1])
            self._next = marks[0][1] + 1

    # What happened ----------------------------------------------------------------------------------------

    def sent(self, first: int, last: int, now: float) -> None:
        """These went, or (a range that was dropped) are nothing that can go."""
        if not self.outstanding:
            self._progress = now
        self.done(first, last)
        self._recent.append((now, (first, last)))
        while self._recent[0][0] <= now - REWIND_S:
            self._recent.popleft()
        self._went = now

    def done(self, first: int, last: int) -> None:
        """Nothing of this waits to be sent any more."""
        if first > last:
            return
        if last >= self._next:
            self._next = last + 1
        self._todo = cut(self._todo, first, last)
        self._again = cut(self._again, first, last)

    def hold(self, seq: int) -> None:
        """This one cannot go on this connection; the others go on."""
        self.done(seq, seq)
        self.held.add(seq)

    def settle(self, through: int, missing: Ranges, now: float) -> None:
        """The centre's word, checked before: settled through this number, and lacking these ranges above it."""
        self._heard = now
        self.word = max(self.word, through)
        if through > self.acked:
            self._progress = now
            self.source.ack(self.stream, through)
        acked = self.acked
        self._next = max(self._next, acked + 1)
        if self._todo and self._todo[0][0] <= acked:
            self._todo = cut(self._todo, 1, acked)
        if missing:
            self._rewind(missing, acked, now)

    def _rewind(self, missing: Ranges, acked: int, now: float) -> None:
        """Believe what is missing, but for what may still be on its way: a broker keeps the order of a connection, so
        a batch is lost when the centre has one that went after it, and only late when it went last itself."""
        lacking: Ranges = ()
        recent = [entry for entry in self._recent if entry[0] > now - REWIND_S]
        for first, last in missing:
            believed = add((), max(first, acked + 1), min(last, self._next - 1))
            stored = max((at for at, (_, (low, high)) in enumerate(recent) if low <= last + 1 <= high), default=-1)
            for _, (low, high) in recent[stored + 1 :]:
                believed = cut(believed, low, high)
            for low, high in believed:
                lacking = add(lacking, low, high)
        for seq in self.held:
            lacking = cut(lacking, seq, seq)
        for first, last in lacking:
            self._todo = add(self._todo, first, last)

    def resend(self, first: int, last: int) -> int:
        """Send these again, acked or not. How many numbers that are, as far as they exist."""
        last = min(last, self._next - 1)
        self._again = add(self._again, first, last)
        return max(0, last - first + 1)

    @property
    def outstanding(self) -> int:
        """Sent, without the centre's word."""
        acked = self.acked
        return self._next - 1 - acked - count(self._todo) - sum(seq > acked for seq in self.held)

    def arrived(self, now: float) -> None:
        """The broker has confirmed a batch of it."""
        self._arrived = now

    def overdue(self, now: float, after_s: float) -> bool:
        """Whether the centre's word has been due for too long; then everything unacked is to be sent again. On a thin
        line a full window takes longer than that to arrive: the time counts from the broker's last PUBACK then, up to
        `PATIENCE` times as long in all."""
        if self.outstanding <= 0:
            self._progress = now
            return False
        if now - max(self._progress, min(self._arrived, self._progress + (PATIENCE - 1) * after_s)) < after_s:
            return False
        if self.held and self._heard > self._went:
            return False  # Its watermark cannot pass what is held; what it lacks beyond that it says by itself.
        self._progress = now
        self._todo = add((), self.acked + 1, self._next - 1)
        for seq in self.held:
            self._todo = cut(self._todo, seq, seq)
        return True
