"""The centre's word on what it has stored: believed only where it can be true. What cannot be changes nothing."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, Stream
from gateway.model.errors import LedgerError
from gateway.sync.batch import TooLarge
from gateway.sync.notes import Notes, Suspicion, refused_entry
from gateway.sync.pump import Pump
from gateway.sync.strand import Strand
from gateway.wire.messages import Ack

LATE_WORDS = 32
"""Acks of a stream that are known again when they come late or twice: no reason to suspect anybody."""


class Quarantine(msgspec.Struct, frozen=True):
    """Effect: these wait here for a person; the centre will not store them, or the broker not carry them."""

    stream: Stream
    seqs: tuple[int, ...]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        rows = [(self.stream, seq, now.wall_ms) for seq in self.seqs]
        db.executemany("INSERT OR IGNORE INTO quarantine VALUES (?,?,?)", rows)


def fault_of(ack: Ack, strand: Strand, *, present: bool) -> tuple[Suspicion, int] | None:
    """Why this word cannot be true, and the number that shows it; None when it can.

    Of an older epoch the centre may well know more than our file does: a backup that was restored is drained that far.
    """
    highest = max((last for _, last in ack.missing), default=0)
    if present and not strand.could_be(ack.through):
        return Suspicion.ACK_NEVER_SENT, ack.through
    if any(first > last or first <= ack.through for first, last in ack.missing):
        return Suspicion.ACK_MISSING_ABOVE, highest
    if present and highest and not strand.could_be(highest):
        return Suspicion.ACK_MISSING_ABOVE, highest
    if (most := max(ack.refused, default=0)) and present and not strand.could_be(most):
        return Suspicion.ACK_REFUSED_ABOVE, most
    if ack.through < strand.word:  # Not `acked`: what was dropped here is settled there a little later.
        return Suspicion.ACK_WENT_BACK, ack.through
    return None


class AckIntake:
    """Takes acks in. `on_behind(epoch, stream, through)` hears, once a connection, that the centre has more of the
    present epoch than we do: this card has lost entries, or an old copy of it is in use."""

    def __init__(
        self, ledger: Ledger, pump: Pump, notes: Notes, topic: str, on_behind: Callable[[str, Stream, int], None]
    ) -> None:
        self._ledger = ledger
        self._pump = pump
        self._notes = notes
        self._topic = topic
        self._on_behind = on_behind
        self._behind = ""
        self._words: dict[tuple[str, Stream], deque[int]] = {}
        self._quarantined: dict[tuple[str, Stream], set[int]] = {}

    def connected(self) -> None:
        """A new connection: what it says of being behind is to be heard again."""
        self._behind = ""

    def take(self, ack: Ack) -> tuple[int, ...]:
        """One word. Returns the numbers that the centre newly refuses, for `quarantine`."""
        if (strand := self._pump.strand(ack.epoch, ack.stream)) is None:
            if not self._pump.was_sent(ack.epoch):  # A late word on an epoch that has drained is none.
                self._notes.suspect(Suspicion.ACK_UNKNOWN_EPOCH, f"{ack.epoch}/{ack.stream} through {ack.through}")
            return ()
        present = ack.epoch == self._ledger.epoch
        words = self._words.setdefault((ack.epoch, ack.stream), deque(maxlen=LATE_WORDS))
        if (fault := fault_of(ack, strand, present=present)) is not None:
            what, number = fault
            if what is Suspicion.ACK_WENT_BACK and ack.through in words:
                return ()
            self._notes.suspect(what, f"{ack.epoch}/{ack.stream} {number}: last is {strand.last}, acked {strand.acked}")
            if present and number > strand.last and self._behind != ack.epoch:
                self._behind = ack.epoch
                self._on_behind(ack.epoch, ack.stream, number)
            return ()
        if not words or words[-1] != ack.through:
            words.append(ack.through)
        self._pump.acked(ack)
        return self._fresh(ack, strand.last) if ack.refused else ()

    def _fresh(self, ack: Ack, last: int) -> tuple[int, ...]:
        known = self._known(ack.epoch, ack.stream)
        return tuple(sorted({seq for seq in ack.refused if 0 < seq <= last} - known))

    def _known(self, epoch: str, stream: Stream) -> set[int]:
        if (known := self._quarantined.get((epoch, stream))) is None:
            rows = self._ledger.query("SELECT seq FROM quarantine WHERE stream=?", (stream,))
            known = {row[0] for row in rows} if epoch == self._ledger.epoch else set()
            self._quarantined[epoch, stream] = known
        return known

    async def quarantine(self, epoch: str, stream: Stream, seqs: tuple[int, ...]) -> None:
        """The centre repeats its refusals with every ack: one entry for each is enough."""
        reason = f"the centre refused {epoch}/{stream} {', '.join(map(str, seqs[:10]))}"
        await self._put(epoch, stream, seqs, reason)

    async def too_large(self, entry: TooLarge) -> None:
        """It stays here, and goes once a broker takes it; a person should know."""
        what = f"{entry.epoch}/{entry.stream} {entry.seq} has {entry.size} bytes"
        reason = f"{what}, the broker takes packets of {entry.limit}"
        await self._put(entry.epoch, entry.stream, (entry.seq,), reason)

    async def _put(self, epoch: str, stream: Stream, seqs: tuple[int, ...], reason: str) -> None:
        known = self._known(epoch, stream)
        fresh = tuple(seq for seq in seqs if seq not in known)
        if not fresh:
            return
        known.update(fresh)
        # The table speaks of this file's numbers only; an older epoch's are told by the entry.
        effects = [Quarantine(stream, fresh)] if epoch == self._ledger.epoch else []
        try:
            await self._ledger.commit([refused_entry(self._topic, reason, len(fresh))], effects)
        except LedgerError:
            known.difference_update(fresh)  # With the next ack, then.
            raise
