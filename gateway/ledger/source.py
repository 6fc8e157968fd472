"""What goes up to the centre comes from a source: the ledger, or the file of an older epoch that still drains."""

from __future__ import annotations

from typing import Protocol

from gateway.model.entry import Entry, Stream


class Source(Protocol):
    """Entries of one epoch. Numbers count from 1 without gaps, but for ranges that a `dropped` entry names."""

    @property
    def epoch(self) -> str: ...

    def last(self, stream: Stream) -> int:
        """Number of the newest committed entry, 0 when there is none."""
        ...

    def acked(self, stream: Stream) -> int:
        """Through which number nothing is left to send: the centre has settled it, or it was dropped."""
        ...

    def ack(self, stream: Stream, through: int) -> None:
        """The centre has settled everything through this number. Never goes back."""
        ...

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Committed entries from `after` + 1 on, in order."""
        ...
