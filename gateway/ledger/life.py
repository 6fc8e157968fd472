"""What may stay and what goes: bounds, retention, room on the card. Runs inside the writer's transactions.

Rows are never deleted with a tap: a floor moves, and the rows below it go in chunks when the writer is idle. Only a
card that is short of room makes it do so at once.
"""

from __future__ import annotations

import sqlite3

from gateway.config.types import LedgerSection
from gateway.ledger.ages import Ages
from gateway.ledger.ballast import Ballast
from gateway.ledger.bounds import DROPPABLE, HEADER_BYTES, STEP, DropReason, Waiting, limit_of
from gateway.ledger.draft import Draft, Streams
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryKind, NewEntry, Stream

DAY_MS = 24 * 3600 * 1000
CHUNK_ROWS = 500
"""Rows deleted in one transaction."""
LAST_BYTES = 1 << 20
"""With less room than this nothing new is begun: a large group of entries with its log has to fit."""
_BEGINS = frozenset({EntryKind.RECEIPT, EntryKind.ADMISSION, EntryKind.FISCAL_WORK})


def keep_days(limits: LedgerSection, stream: Stream) -> int:
    """How long an acked entry stays."""
    match stream:
        case Stream.RECEIPT:
            return limits.keep_receipt_days
        case Stream.IDENTIFICATION:
            return limits.keep_identification_days
        case Stream.AUDIT:
            return limits.keep_audit_days
        case Stream.DOCUMENT:
            return limits.keep_document_days
        case Stream.TELEMETRY:
            return limits.keep_telemetry_days


def may_use_the_reserve(entry: NewEntry) -> bool:
    """Audit, and what happens to a receipt that is recorded already. Nothing that begins something new."""
    return entry.stream is Stream.AUDIT or (entry.stream is Stream.RECEIPT and entry.kind not in _BEGINS)


class Life:
    """Of one file. `load` first; then, for each transaction, `enforce` before its end and `committed` or `undone`."""

    def __init__(self, limits: LedgerSection, ballast: Ballast) -> None:
        self._limits = limits
        self._ballast = ballast
        self._kept, self._unacked = Ages(), Ages()
        self._room = 0
        self._waiting: dict[Stream, Waiting] = {}

    def load(self, streams: Streams) -> None:
        """Begin with this file. What waits in it is looked at in the steps of `tidy`: after a long outage it may take
        seconds, and nobody shall wait for that."""
        self._waiting = {stream: Waiting(streams.heads[stream].seq) for stream in DROPPABLE}

    def waiting_bytes(self, stream: Stream) -> int:
        """What of a droppable stream waits for the centre."""
        return self._waiting[stream].bytes

    # Room ------------------------------------------------------------------------------------------------

    def look(self, db: sqlite3.Connection) -> bool:
        """Look at the room: free on the card beside the ballast, and free inside the file. False when only what may
        use the reserve may be stored."""
        self._room = self._ballast.free()
        if self._room < max(self._limits.min_free_bytes, LAST_BYTES):
            pages, page = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("freelist_count", "page_size"))
            self._room += pages * page
        return self._room >= LAST_BYTES

    def give_up_ballast(self) -> bool:
        """SQLite says that the card is full. True when there was a ballast to give up."""
        self._room = 0  # whatever the file system says: the next transaction makes room
        return self._ballast.release()

    def make_ballast(self) -> None:
        """Once there is room for it again."""
        self._ballast.make(self._limits.min_free_bytes)

    # In a transaction ------------------------------------------------------------------------------------

    def enforce(self, draft: Draft, now: Stamp) -> bool:
        """Keep the bounds with what this transaction has added. True when rows wait to be deleted for want of room."""
        for stream, size in draft.sizes:
            if (waiting := self._waiting.get(stream)) is not None:
                waiting.add(size)
        draft.sizes.clear()
        for stream in DROPPABLE:
            waiting = self._waiting[stream]
            waiting.settle(draft.streams.acked[stream])  # the centre has it, whether this transaction commits or not
            through = waiting.step(limit_of(self._limits, stream))
            if through > waiting.after and self._is_known(draft, stream):
                draft.drop(stream, through, DropReason.BYTES, now)
        self._drop_old(draft, now)
        return self._room < self._limits.min_free_bytes and self._make_room(draft, now)

    def tidy(self, draft: Draft, now: Stamp) -> bool:
        """One small step for an idle moment: what waits is looked at, floors move past what was kept long enough, a
        chunk of rows goes. True when there is more to do."""
        if more := self._learn(draft):
            return more
        for stream in Stream:
            if (cutoff := self._before(now, keep_days(self._limits, stream))) is not None:
                floor = draft.streams.floors[stream].seq
                last = min(draft.streams.acked[stream], draft.streams.heads[stream].seq - 1)
                through = self._kept.older(draft.db, stream, floor, last, cutoff)
                if through > floor:
                    draft.let_go(stream, through)
                    more = True
        for stream in Stream:
            if draft.remove(stream, CHUNK_ROWS):
                return True
        return more

    def committed(self, streams: Streams) -> None:
        """The transaction is on disk."""
        for stream, waiting in self._waiting.items():
            waiting.settle(streams.settled(stream))

    def undone(self, streams: Streams) -> None:
        """The transaction is not: `streams` is what the file says."""
        for stream, waiting in self._waiting.items():
            waiting.back_to(streams.heads[stream].seq)

    # Steps -----------------------------------------------------------------------------------------------

    def _is_known(self, draft: Draft, stream: Stream) -> bool:
        return self._waiting[stream].after <= draft.streams.settled(stream)

    def _learn(self, draft: Draft) -> bool:
        for stream in DROPPABLE:
            if not self._is_known(draft, stream):
                waiting = self._waiting[stream]
                first = max(draft.streams.settled(stream) + 1, waiting.after - CHUNK_ROWS + 1)
                rows = draft.db.execute(
                    f"SELECT length(body) FROM {stream.value} WHERE seq BETWEEN ? AND ? ORDER BY seq",
                    (first, waiting.after),
                )
                waiting.learn((size or 0) + HEADER_BYTES for (size,) in rows.fetchall())
                return True
        return False

    def _drop_old(self, draft: Draft, now: Stamp) -> None:
        stream, days = Stream.IDENTIFICATION, self._limits.identification_days
        if (cutoff := self._before(now, days)) is None:
            return
        after, last = draft.streams.settled(stream), draft.streams.heads[stream].seq - 1
        if after < last and self._unacked.older(draft.db, stream, after, last, cutoff) > after:
            through = self._unacked.older(draft.db, stream, after, last, cutoff + days * DAY_MS // STEP)
            draft.drop(stream, through, DropReason.AGE, now)

    def _make_room(self, draft: Draft, now: Stamp) -> bool:
        """One step towards more room: rows that are let go anyway; then what the centre has of the droppable streams;
        then what it has not."""
        for stream in Stream:
            if draft.remove(stream, CHUNK_ROWS):
                return True
        for stream in DROPPABLE:
            through = min(draft.streams.acked[stream], draft.streams.heads[stream].seq - 1)
            if through > draft.streams.floors[stream].seq:
                draft.let_go(stream, through)
                return True
        for stream in DROPPABLE:
            through = self._waiting[stream].step(limit_of(self._limits, stream), forced=True)
            if through > draft.streams.settled(stream) and self._is_known(draft, stream):
                draft.drop(stream, through, DropReason.NO_ROOM, now)
                return True
        return False

    @staticmethod
    def _before(now: Stamp, days: int) -> int | None:
        """The moment so many days ago; None while nobody vouches for the clock."""
        return None if now.quality is ClockQuality.GUESS else now.wall_ms - days * DAY_MS
