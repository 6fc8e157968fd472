"""How much may wait for the centre. Pure bookkeeping: sizes in, the number through which has to go out."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from enum import StrEnum

from gateway.config.types import LedgerSection
from gateway.model.entry import Stream

HEADER_BYTES = 150
"""What a row has beside its body: clocks, boot id, digest, salt. Counts against the bound."""
STEP = 16
"""When a bound is reached, a sixteenth of it goes at once: a long outage writes an entry `dropped` now and then, not
one with every tap."""
DROPPABLE = (Stream.TELEMETRY, Stream.IDENTIFICATION)
"""What may go before the centre has it, in this order when the card is short of room."""


class DropReason(StrEnum):
    """Why entries went (`why` of an entry `dropped`)."""

    BYTES = "bytes"
    AGE = "age"
    NO_ROOM = "no_room"


def limit_of(limits: LedgerSection, stream: Stream) -> int:
    """Bytes of a droppable stream that may wait."""
    return limits.telemetry_bytes if stream is Stream.TELEMETRY else limits.identification_bytes


class Waiting:
    """A stream's entries that are neither acked nor dropped, as far as their sizes are known: those after `after`. Four
    bytes of memory each."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._sizes = array("I")
        self._gone = 0
        self.bytes = 0

    @property
    def last(self) -> int:
        """The newest entry's number."""
        return self.after + len(self._sizes) - self._gone

    def learn(self, sizes: Iterable[int]) -> None:
        """The sizes of the entries just before, through `after`."""
        found = array("I", sizes)
        self.bytes += sum(found)
        self.after -= len(found)
        self._sizes = found + self._sizes[self._gone :]
        self._gone = 0

    def add(self, size: int) -> None:
        """One more entry, of so many bytes."""
        self._sizes.append(size)
        self.bytes += size

    def back_to(self, last: int) -> None:
        """The commit of what came after `last` has failed."""
        while self.last > last:
            self.bytes -= self._sizes.pop()

    def settle(self, through: int) -> None:
        """What is acked or dropped waits no longer."""
        count = min(through, self.last) - self.after
        if count <= 0:
            return
        self.bytes -= sum(self._sizes[self._gone : self._gone + count])
        self.after += count
        self._gone += count
        if self._gone > 4096:
            del self._sizes[: self._gone]
            self._gone = 0

    def step(self, limit: int, *, forced: bool = False) -> int:
        """Through which number has to go so that the rest is a step below the limit; `after` when nothing has to.
        `forced`: a step in any case. The newest entry always stays."""
        goal = limit - limit // STEP
        if forced:
            goal = min(goal, self.bytes - limit // STEP)
        elif self.bytes <= limit:
            return self.after
        left, through = self.bytes, self.after
        while left > goal and through < self.last - 1:
            left -= self._sizes[self._gone + through - self.after]
            through += 1
        return through
