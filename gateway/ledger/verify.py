"""Checks the chain: every entry follows the one before it, and each says what it said when it was stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.drops import unexplained
from gateway.ledger.peek import UNREADABLE
from gateway.ledger.rows import entries_after, floor_of, last_seq
from gateway.model import chain
from gateway.model.entry import Stream
from gateway.model.errors import GatewayError, LedgerError


class ChainBroken(GatewayError):
    """An entry is missing, cut, moved or changed."""

    code = "chain_broken"


class StreamReport(msgspec.Struct, frozen=True):
    """One stream: entries checked, newest number, through which the centre has acked, first fault if any."""

    stream: Stream
    entries: int
    last: int
    acked: int
    fault: str = ""


class Report(msgspec.Struct, frozen=True):
    """A whole ledger. `clean` when the file is sound, every chain holds and every checkpoint is signed by this gateway.
    `gaps`: ranges that a damaged file lost and that are on record as such."""

    path: str
    gateway: str
    epoch: str
    schema: int
    integrity: str
    streams: tuple[StreamReport, ...]
    checkpoints: int = 0
    checkpoint_fault: str = ""
    gaps: int = 0

    @property
    def clean(self) -> bool:
        sound = self.integrity == "ok" and not self.checkpoint_fault
        return sound and not any(stream.fault for stream in self.streams)


NEWEST = 10_000
"""So many entries of each stream every start verifies, at least: together a third of a second on a desktop, below three
on a Pi. Of a longer backlog the rest is verified before it is sent (`reader`)."""


def check_stream(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, *, whole: bool = False) -> int:
    """Verify a stream from its last checked point and at least its newest entries, or whole: from its floor on; returns
    how many entries.

    Raises `ChainBroken` with the first entry that does not fit.
    """
    try:
        return _check_stream(db, gateway, epoch, stream, whole=whole)
    except (ValueError, TypeError, KeyError) as error:
        where = f"{gateway}/{epoch}/{stream}"
        raise ChainBroken(f"a row holds what was never stored: {error}", where=where) from error


def _check_stream(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, *, whole: bool) -> int:
    checked, previous = db.execute("SELECT checked, checked_digest FROM stream WHERE name=?", (stream,)).fetchone()
    floor, floor_digest = floor_of(db, gateway, epoch, stream)
    row = db.execute(f"SELECT digest FROM {stream.value} WHERE seq=?", (checked,)).fetchone()
    if row is not None and row[0] != previous:
        raise ChainBroken("it is not the entry that was checked", where=f"{gateway}/{epoch}/{stream}/{checked}")
    newest = last_seq(db, stream) - NEWEST
    seq, count = checked, 0
    if whole or floor > min(newest, checked):
        seq, previous = floor, floor_digest
    elif newest < checked and (row := _digest(db, stream, newest)) is not None:
        seq, previous = newest, row
    for entry in entries_after(db, gateway, epoch, stream, seq, previous):
        where = str(entry.header.id)
        if entry.header.id.seq != seq + 1 and (gap := _gap_end(db, stream, seq + 1)) is not None:
            seq, previous = gap, entry.previous
        if entry.header.id.seq != seq + 1:
            raise ChainBroken(f"entries {seq + 1} to {entry.header.id.seq - 1} are missing", where=where)
        if chain.digest(previous, entry.header, entry.commitment) != entry.digest:
            raise ChainBroken("it is not the entry that was stored, or does not follow the one before", where=where)
        seq, previous, count = entry.header.id.seq, entry.digest, count + 1
    if (gap := _gap_end(db, stream, seq + 1)) is not None:
        seq = gap
    if seq < checked:
        raise ChainBroken(f"entries after {seq} are missing, {checked} was reached", where=f"{gateway}/{stream}")
    return count


def _digest(db: sqlite3.Connection, stream: Stream, seq: int) -> bytes | None:
    row = db.execute(f"SELECT digest FROM {stream.value} WHERE seq=?", (seq,)).fetchone()
    return None if row is None else row[0]


def _gap_end(db: sqlite3.Connection, stream: Stream, first: int) -> int | None:
    row = db.execute("SELECT last FROM gap WHERE stream=? AND first=?", (stream, first)).fetchone()
    return None if row is None else int(row[0])


def verify(path: Path) -> Report:
    """Check a ledger file from its first entry, read-only: also while the gateway runs.

    Raises `LedgerError` when it cannot be read at all.
    """
    if not path.exists():
        raise LedgerError("there is no ledger", "Give --config or the ledger's path", where=str(path))
    db = schema.connect(path, read_only=True)
    try:
        db.execute("BEGIN")
        version = schema.schema_of(db)
        if version != schema.SCHEMA:
            raise LedgerError(f"it has schema {version}, this program knows {schema.SCHEMA}", where=str(path))
        integrity = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        gateway, epoch = meta["gateway"], meta["epoch"]
        streams = tuple(_stream_report(db, gateway, epoch, stream) for stream in Stream)
        from gateway.ledger.checkpoint import check_checkpoints, public_of

        # The key is the present card's; what came from another one, or before, is held against its own first key.
        trusted = public_of(path.parent / "ledger.key") if path.name == "ledger.db" else None
        checkpoints, fault = check_checkpoints(db, gateway, epoch, trusted)
        gaps = int(db.execute("SELECT count(*) FROM gap").fetchone()[0])
        return Report(str(path), gateway, epoch, version, integrity, streams, checkpoints, fault, gaps)
    except KeyError as error:
        what = f"the file is damaged: it does not say its {error}"
        raise LedgerError(what, "See docs/ledger.md, A damaged file", where=str(path)) from error
    except (TypeError, ValueError) as error:
        what = f"the file is damaged: a row holds what was never stored: {error}"
        raise LedgerError(what, "See docs/ledger.md, A damaged file", where=str(path)) from error
    except UNREADABLE as error:
        raise LedgerError(str(error), "The file is damaged: keep the card and ask for help", where=str(path)) from error
    finally:
        db.close()


def _stream_report(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream) -> StreamReport:
    marks = db.execute("SELECT acked, checked FROM stream WHERE name=?", (stream,)).fetchone()
    if marks is None:
        raise KeyError(f"watermarks of stream {stream}")
    acked, checked = marks
    last = int(db.execute(f"SELECT coalesce(max(seq), 0) FROM {stream.value}").fetchone()[0])
    try:
        count = check_stream(db, gateway, epoch, stream, whole=True)
        ends = db.execute("SELECT max(last) FROM gap WHERE stream=?", (stream,)).fetchone()[0]
        last = max(last, ends or 0)
        fault = f"entries after {last} are missing" if last < max(acked, checked) else unexplained(db, stream)
    except ChainBroken as broken:
        count, fault = 0, str(broken)
    return StreamReport(stream, count, last, acked, fault)
