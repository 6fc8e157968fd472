"""One transaction of taking entries in: each is stored once, and every strand it touches gets its ack."""

from __future__ import annotations

import sqlite3

import msgspec

from gateway.centre.tail import Range, Tail
from gateway.model import chain
from gateway.model.bodies import DroppedBody
from gateway.model.entry import Entry, EntryId, EntryKind, Stream
from gateway.wire.messages import Ack

MAX_MISSING = 64
"""Ranges that one ack asks for again; the next ones follow when these are there."""
MAX_REFUSED = 256
"""Refused numbers that one ack names, the newest ones. They ride with every ack: one may be lost."""
MAX_ALARMS = 500
DROPPABLE = frozenset((Stream.IDENTIFICATION, Stream.TELEMETRY))

_INSERT = "INSERT INTO entries VALUES (NULL, ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_CONFLICT = "INSERT OR IGNORE INTO conflicts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_DIGEST = "SELECT digest FROM entries WHERE gateway = ? AND epoch = ? AND stream = ? AND seq = ?"
_PREVIOUS = "SELECT previous FROM entries WHERE gateway = ? AND epoch = ? AND stream = ? AND seq = ?"
_ALARM = (
    "INSERT INTO alarms VALUES (?, ?, ?, 1, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + 1, last_ms = excluded.last_ms"
)
_REFUSE = (
    "INSERT INTO refused VALUES (?, ?, ?, ?, ?, 1, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + 1, last_ms = excluded.last_ms"
)
_REFUSED = "SELECT seq FROM refused WHERE gateway = ? AND epoch = ? AND stream = ? ORDER BY seq DESC LIMIT ?"
_TAKE_BACK = "DELETE FROM refused WHERE gateway = ? AND epoch = ? AND stream = ? AND seq = ?"
_HIGHEST = "SELECT highest FROM strands WHERE gateway = ? AND epoch = ? AND stream = ?"
_SET_HIGHEST = "INSERT INTO strands VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET highest = excluded.highest"
_GAPS = "SELECT first, last FROM gaps WHERE gateway = ? AND epoch = ? AND stream = ? ORDER BY first"
_CLOSE_GAP = "DELETE FROM gaps WHERE gateway = ? AND epoch = ? AND stream = ? AND first = ?"
_OPEN_GAP = "INSERT INTO gaps VALUES (?, ?, ?, ?, ?)"

Strand = tuple[str, str, Stream]
"""Gateway, epoch, stream: what is numbered 1, 2, 3 …"""


class Refusal(msgspec.Struct, frozen=True):
    """An entry that will never be stored, by its number, with the reason."""

    id: EntryId
    reason: str


class Taken(msgspec.Struct, frozen=True):
    """What became of a group of entries. `acks`: per gateway, one word per strand that was touched.
    `deferred` entries were not stored and are not acked: their strand has too many gaps to close first."""

    stored: int
    duplicates: int
    conflicts: int
    refused: int
    deferred: int
    acks: dict[str, list[Ack]]


class _Open:
    """A strand as this transaction sees it."""

    def __init__(self, highest: int, gaps: list[Range]) -> None:
        self.was_highest, self.was_gaps = highest, set(gaps)
        self.tail = Tail(highest, gaps)
        self.digests: dict[int, bytes] = {}


class Intaking:
    """Lives as long as one transaction on `db`, which the caller begins and commits."""

    def __init__(self, db: sqlite3.Connection, now_ms: int) -> None:
        self._db = db
        self._now_ms = now_ms
        self._strands: dict[Strand, _Open] = {}
        self._rows: list[tuple[object, ...]] = []
        self._stored = self._duplicates = self._conflicts = self._refused = self._deferred = 0

    def take(self, entry: Entry) -> None:
        """Store it when its key is new; a duplicate changes nothing; another digest under the key is kept as a
        conflict, with an alarm."""
        entry_id = entry.header.id
        strand = self._open(entry_id.gateway, entry_id.epoch, entry_id.stream)
        known = self._digest(strand, entry_id) if strand.tail.settled(entry_id.seq) else None
        if known == entry.digest:
            self._duplicates += 1
        elif known is not None:
            self._conflicts += 1
            self._db.execute(_CONFLICT, _row(entry, self._now_ms))
            self.alarm(entry_id.gateway, "conflict", str(entry_id))
        elif strand.tail.settled(entry_id.seq):  # was refused or dropped, and here it is after all
            self._db.execute(_TAKE_BACK, _key(entry_id))
            self._store(strand, entry)
        elif strand.tail.settle(entry_id.seq, entry_id.seq):
            self._store(strand, entry)
        else:
            self._deferred += 1

    def refuse(self, refusal: Refusal) -> None:
        """Record that this number will never be stored, unless it is stored already."""
        entry_id = refusal.id
        strand = self._open(entry_id.gateway, entry_id.epoch, entry_id.stream)
        settled = strand.tail.settled(entry_id.seq)
        if settled and self._digest(strand, entry_id) is not None:
            self.alarm(entry_id.gateway, "poison after storing", str(entry_id))
        elif settled or strand.tail.settle(entry_id.seq, entry_id.seq):
            self._refused += 1
            row = (*_key(entry_id), refusal.reason[:200], self._now_ms, self._now_ms)
            self._db.execute(_REFUSE, row)
        else:
            self._deferred += 1

    def alarm(self, gateway: str, what: str, detail: str) -> None:
        """Something that a person should look at; the same again only counts, and beyond `MAX_ALARMS` of one
        gateway new ones only count as more of their sort."""
        (known,) = self._db.execute("SELECT count(*) FROM alarms WHERE gateway = ?", (gateway,)).fetchone()
        if known >= MAX_ALARMS:
            detail = "more of this sort"
        self._db.execute(_ALARM, (gateway, what, detail[:200], self._now_ms, self._now_ms))

    def finish(self) -> Taken:
        """Write what is still in memory, and say what became of everything. The caller commits."""
        self._flush()
        acks: dict[str, list[Ack]] = {}
        for (gateway, epoch, stream), strand in self._strands.items():
            key = (gateway, epoch, stream.value)
            self._write_back(key, strand)
            acks.setdefault(gateway, []).append(_ack(self._db, key, strand.tail))
        return Taken(self._stored, self._duplicates, self._conflicts, self._refused, self._deferred, acks)

    def _store(self, strand: _Open, entry: Entry) -> None:
        entry_id = entry.header.id
        if not self._joins(strand, entry):
            self.alarm(entry_id.gateway, "chain broken", str(entry_id))
        strand.digests[entry_id.seq] = entry.digest
        self._rows.append(_row(entry, self._now_ms))
        self._stored += 1
        if entry.header.kind is EntryKind.DROPPED and entry_id.stream is Stream.AUDIT:
            self._pass_over(entry)

    def _joins(self, strand: _Open, entry: Entry) -> bool:
        """Whether the neighbours that are stored are the ones that this entry was chained to."""
        entry_id = entry.header.id
        if entry_id.seq == 1:
            before: bytes | None = chain.genesis(entry_id.gateway, entry_id.epoch, entry_id.stream)
        elif (before := strand.digests.get(entry_id.seq - 1)) is None:
            before = self._neighbour(strand, entry_id, -1, _DIGEST)
        after = self._neighbour(strand, entry_id, +1, _PREVIOUS)
        return (before is None or before == entry.previous) and (after is None or after == entry.digest)

    def _neighbour(self, strand: _Open, entry_id: EntryId, step: int, sql: str) -> bytes | None:
        seq = entry_id.seq + step
        if not strand.tail.settled(seq):
            return None
        self._flush()
        return self._one(sql, (*_key(entry_id)[:3], seq))

    def _pass_over(self, entry: Entry) -> None:
        """The gateway had to drop entries and says so: their numbers are settled with this entry's own commit."""
        gateway, epoch = entry.header.id.gateway, entry.header.id.epoch
        try:
            dropped = msgspec.json.decode(entry.body or b"", type=DroppedBody)
            stream = Stream(dropped.stream)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            self.alarm(gateway, "drop not understood", str(entry.header.id))
            return
        sane = 1 <= dropped.first <= dropped.last < 2**31
        if stream not in DROPPABLE or not sane:
            self.alarm(gateway, "drop not allowed", str(entry.header.id))
        elif not self._open(gateway, epoch, stream).tail.settle(dropped.first, dropped.last):
            self.alarm(gateway, "drop not applied", str(entry.header.id))

    def _digest(self, strand: _Open, entry_id: EntryId) -> bytes | None:
        known = strand.digests.get(entry_id.seq)
        return known if known is not None else self._one(_DIGEST, _key(entry_id))

    def _one(self, sql: str, key: tuple[object, ...]) -> bytes | None:
        row = self._db.execute(sql, key).fetchone()
        return row[0] if row is not None else None

    def _open(self, gateway: str, epoch: str, stream: Stream) -> _Open:
        strand = self._strands.get((gateway, epoch, stream))
        if strand is None:
            tail = load_tail(self._db, gateway, epoch, stream)
            strand = self._strands[gateway, epoch, stream] = _Open(tail.highest, tail.gaps)
        return strand

    def _flush(self) -> None:
        self._db.executemany(_INSERT, self._rows)
        self._rows.clear()

    def _write_back(self, key: tuple[str, str, str], strand: _Open) -> None:
        tail, gaps = strand.tail, set(strand.tail.gaps)
        if tail.highest != strand.was_highest:
            self._db.execute(_SET_HIGHEST, (*key, tail.highest))
        self._db.executemany(_CLOSE_GAP, [(*key, first) for first, _ in strand.was_gaps - gaps])
        self._db.executemany(_OPEN_GAP, [(*key, *gap) for gap in gaps - strand.was_gaps])


def load_tail(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream) -> Tail:
    """What is known of a strand; an unknown one is empty."""
    key = (gateway, epoch, stream.value)
    row = db.execute(_HIGHEST, key).fetchone()
    return Tail(row[0], db.execute(_GAPS, key).fetchall()) if row is not None else Tail()


def ack_of(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream) -> Ack:
    """The word on a strand as it stands in the store."""
    return _ack(db, (gateway, epoch, stream.value), load_tail(db, gateway, epoch, stream))


def _ack(db: sqlite3.Connection, key: tuple[str, str, str], tail: Tail) -> Ack:
    refused = tuple(sorted(seq for (seq,) in db.execute(_REFUSED, (*key, MAX_REFUSED))))
    return Ack(Stream(key[2]), key[1], tail.through, tuple(tail.gaps[:MAX_MISSING]), refused)


def _key(entry_id: EntryId) -> tuple[str, str, str, int]:
    return entry_id.gateway, entry_id.epoch, entry_id.stream.value, entry_id.seq


def _row(entry: Entry, now_ms: int) -> tuple[object, ...]:
    header, at = entry.header, entry.header.at
    return (
        *_key(header.id),
        header.kind.value,
        at.wall_ms,
        at.mono_ns,
        at.boot,
        at.quality.value,
        entry.previous,
        entry.commitment,
        entry.digest,
        entry.salt,
        entry.body,
        now_ms,
    )
