"""Rows of a stream table as entries: written in one place, read by sync, verify, command line."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

from gateway.model import chain
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, EntryId, EntryKind, Header, NewEntry, Stream

SALT_BYTES = 16
_COLUMNS = "seq, kind, wall_ms, mono_ns, boot, quality, digest, salt, body, commitment"


def insert_entry(db: sqlite3.Connection, entry: NewEntry, entry_id: EntryId, at: Stamp, previous: bytes) -> bytes:
    """Write an entry's row on the open transaction; returns its digest."""
    salt = os.urandom(SALT_BYTES)
    digest = chain.digest(previous, Header(entry_id, entry.kind, at), chain.commitment(salt, entry.body))
    db.execute(
        f"INSERT INTO {entry.stream.value} VALUES (?,?,?,?,?,?,?,?,?,NULL)",
        (entry_id.seq, entry.kind, at.wall_ms, at.mono_ns, at.boot, at.quality, digest, salt, entry.body),
    )
    return digest


def digest_at(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, seq: int) -> bytes:
    """Digest of the entry with this seq; the genesis for 0, and the floor's own. Raises `KeyError` when the row is
    gone."""
    if seq == 0:
        return chain.genesis(gateway, epoch, stream)
    row = db.execute(f"SELECT digest FROM {stream.value} WHERE seq=?", (seq,)).fetchone()
    if row is None:
        row = db.execute("SELECT floor_digest FROM stream WHERE name=? AND floor=?", (stream, seq)).fetchone()
    if row is None:
        row = db.execute("SELECT digest FROM gap WHERE stream=? AND last=?", (stream, seq)).fetchone()
    if row is None or row[0] is None:
        raise KeyError(seq)
    digest: bytes = row[0]
    return digest


def floor_of(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream) -> tuple[int, bytes]:
    """The number through which everything is gone or going, and the digest that the next entry follows."""
    seq, digest = db.execute("SELECT floor, floor_digest FROM stream WHERE name=?", (stream,)).fetchone()
    return (seq, digest) if seq else (0, chain.genesis(gateway, epoch, stream))


def entries_after(
    db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, after: int, previous: bytes, limit: int = -1
) -> Iterator[Entry]:
    """Entries of a stream in order, from `after` + 1; `previous` is the digest of `after`. Where a salvaged file has a
    gap, what follows it says what came before it all the same."""
    expected = after + 1
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {stream.value} WHERE seq>? ORDER BY seq LIMIT ?",
        (after, limit),
    )
    for seq, kind, wall_ms, mono_ns, boot, quality, digest, salt, body, committed in rows:
        if seq != expected and _is_gap(db, stream, expected, seq - 1):
            previous = digest_at(db, gateway, epoch, stream, seq - 1)
        expected = seq + 1
        if not isinstance(boot, str):
            raise TypeError(f"{stream} {seq}: its boot is no text")
        stamp = Stamp(wall_ms, mono_ns, boot, ClockQuality(quality))
        header = Header(EntryId(gateway, epoch, stream, seq), EntryKind(kind), stamp)
        salt, body = _bytes(salt), _bytes(body)
        if committed is None:
            committed = chain.commitment(salt or b"", body or b"")
        yield Entry(header, previous, committed, digest, salt, body)
        previous = digest


def is_as_stored(entry: Entry) -> bool:
    """Whether it is the entry that was stored, after the one that it says it follows."""
    return chain.digest(entry.previous, entry.header, entry.commitment) == entry.digest


def _is_gap(db: sqlite3.Connection, stream: Stream, first: int, last: int) -> bool:
    known = db.execute("SELECT 1 FROM gap WHERE stream=? AND first<=? AND last=?", (stream, first, last)).fetchone()
    return known is not None


def _bytes(value: bytes | str | None) -> bytes | None:
    """A damaged or edited file may hold another type than it was given; the chain shall say so, not a crash."""
    return value.encode(errors="surrogateescape") if isinstance(value, str) else value


def end_of(db: sqlite3.Connection, stream: Stream) -> int:
    """How far the stream had come: its newest entry, or the end of a range behind it that a damaged card lost."""
    (lost,) = db.execute("SELECT coalesce(max(last), 0) FROM gap WHERE stream=?", (stream,)).fetchone()
    return max(last_seq(db, stream), int(lost))


def last_seq(db: sqlite3.Connection, stream: Stream) -> int:
    """The newest entry's number; 0 when there is none."""
    return int(db.execute(f"SELECT coalesce(max(seq), 0) FROM {stream.value}").fetchone()[0])
