"""One open transaction, and what the file will say of its streams when it commits. Thrown away when it does not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

import msgspec

from gateway.ledger.bounds import HEADER_BYTES, DropReason
from gateway.ledger.effects import Effect
from gateway.ledger.rows import digest_at, floor_of, insert_entry, last_seq
from gateway.model.bodies import DroppedBody
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict


class Job(msgspec.Struct):
    """One caller's commit."""

    entries: Sequence[NewEntry]
    effects: Sequence[Effect]
    stamp: Stamp
    done: asyncio.Future[tuple[EntryId, ...]]


class Head(msgspec.Struct, frozen=True):
    """An entry of a stream by its number, with its digest."""

    seq: int
    digest: bytes


class Streams(msgspec.Struct, frozen=True):
    """What a file says of its streams: newest entry, floor, watermark, checked point. Replaced, never changed, once
    it is committed."""

    heads: dict[Stream, Head]
    floors: dict[Stream, Head]
    acked: dict[Stream, int]
    checked: dict[Stream, int]

    def copy(self) -> Streams:
        return Streams(dict(self.heads), dict(self.floors), dict(self.acked), dict(self.checked))

    def settled(self, stream: Stream) -> int:
        """Nothing through this number waits for the centre: it is acked or dropped."""
        return max(self.acked[stream], self.floors[stream].seq)


def load(db: sqlite3.Connection, gateway: str, epoch: str) -> Streams:
    """What the file says now."""
    rows = db.execute("SELECT name, acked, checked FROM stream").fetchall()
    acked = {Stream(name): number for name, number, _ in rows}
    checked = {Stream(name): number for name, _, number in rows}
    heads, floors = {}, {}
    for stream in Stream:
        seq = last_seq(db, stream)
        heads[stream] = Head(seq, digest_at(db, gateway, epoch, stream, seq))
        floors[stream] = Head(*floor_of(db, gateway, epoch, stream))
    return Streams(heads, floors, acked, checked)


class Draft:
    """Lives as long as one transaction on `db`, which the caller begins and ends.

    `sizes`: bytes of each entry added.
    """

    def __init__(self, db: sqlite3.Connection, gateway: str, epoch: str, before: Streams) -> None:
        self.db = db
        self.streams = before.copy()
        self.sizes: list[tuple[Stream, int]] = []
        self._gateway = gateway
        self._epoch = epoch

    def apply(self, job: Job) -> tuple[EntryId, ...] | Conflict:
        """Insert one job's rows; on a conflict undo this job alone."""
        guarded = bool(job.effects)
        heads, sizes = dict(self.streams.heads), len(self.sizes)
        if guarded:
            self.db.execute("SAVEPOINT job")
        ids = tuple(self.insert(entry, job.stamp) for entry in job.entries)
        try:
            for effect in job.effects:
                effect.apply(self.db, ids, job.stamp)
        except Conflict as conflict:
            self.db.execute("ROLLBACK TO job")
            self.db.execute("RELEASE job")
            self.streams.heads.update(heads)
            del self.sizes[sizes:]
            return conflict
        if guarded:
            self.db.execute("RELEASE job")
        return ids

    def insert(self, entry: NewEntry, at: Stamp) -> EntryId:
        """The next entry of its stream."""
        before = self.streams.heads[entry.stream]
        entry_id = EntryId(self._gateway, self._epoch, entry.stream, before.seq + 1)
        digest = insert_entry(self.db, entry, entry_id, at, before.digest)
        self.streams.heads[entry.stream] = Head(entry_id.seq, digest)
        self.sizes.append((entry.stream, len(entry.body) + HEADER_BYTES))
        return entry_id

    def ack(self, stream: Stream, through: int) -> None:
        """The centre has settled the stream through this number."""
        if through > self.streams.acked[stream]:
            self.streams.acked[stream] = through
            self.db.execute("UPDATE stream SET acked=? WHERE name=?", (through, stream))

    def let_go(self, stream: Stream, through: int) -> None:
        """Move the floor: what is acked and kept long enough. Its rows go later."""
        digest = digest_at(self.db, self._gateway, self._epoch, stream, through)
        self.streams.floors[stream] = Head(through, digest)
        self.db.execute("UPDATE stream SET floor=?, floor_digest=? WHERE name=?", (through, digest, stream))

    def drop(self, stream: Stream, through: int, why: DropReason, at: Stamp) -> None:
        """Let go what nobody has acked, and say so in an audit entry of this very transaction."""
        body = DroppedBody(stream=stream.value, first=self.streams.settled(stream) + 1, last=through, why=why.value)
        self.insert(NewEntry(Stream.AUDIT, EntryKind.DROPPED, msgspec.json.encode(body)), at)
        self.let_go(stream, through)

    def remove(self, stream: Stream, rows: int) -> bool:
        """Delete so many rows at or below the floor. True when there were any."""
        first = self.db.execute(f"SELECT min(seq) FROM {stream.value}").fetchone()[0]
        if first is None or first > self.streams.floors[stream].seq:
            return False
        through = min(first + rows - 1, self.streams.floors[stream].seq)
        self.db.execute(f"DELETE FROM {stream.value} WHERE seq<=?", (through,))
        return True

    def move_checked(self, every: int) -> bool:
        """Move the checked points that are so many entries behind (the start verifies only what follows them). True
        when there were some."""
        moved = False
        for stream, head in self.streams.heads.items():
            if head.seq - self.streams.checked[stream] >= every:
                self.db.execute(
                    "UPDATE stream SET checked=?, checked_digest=? WHERE name=?", (head.seq, head.digest, stream)
                )
                self.streams.checked[stream] = head.seq
                moved = True
        return moved
