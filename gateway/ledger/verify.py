"""Checks the chain: every entry follows the one before it, and each says what it said when it was stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.drops import unexplained
from gateway.ledger.rows import entries_after, floor_of
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
    """A whole ledger. `clean` when the file is sound and every chain holds."""

    path: str
    gateway: str
    epoch: str
    schema: int
    integrity: str
    streams: tuple[StreamReport, ...]

    @property
    def clean(self) -> bool:
        return self.integrity == "ok" and not any(stream.fault for stream in self.streams)


def check_stream(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, *, whole: bool = False) -> int:
    """Verify a stream from its last checked point, or whole: from its floor on; returns how many entries.

    Raises `ChainBroken` with the first entry that does not fit.
    """
    checked, previous = db.execute("SELECT checked, checked_digest FROM stream WHERE name=?", (stream,)).fetchone()
    floor, floor_digest = floor_of(db, gateway, epoch, stream)
    if whole or floor > checked:
        checked, previous = floor, floor_digest
    seq, count = checked, 0
    for entry in entries_after(db, gateway, epoch, stream, checked, previous):
        where = str(entry.header.id)
        if entry.header.id.seq != seq + 1:
            raise ChainBroken(f"entries {seq + 1} to {entry.header.id.seq - 1} are missing", where=where)
        if chain.digest(previous, entry.header, entry.commitment) != entry.digest:
            raise ChainBroken("it is not the entry that was stored, or does not follow the one before", where=where)
        seq, previous, count = entry.header.id.seq, entry.digest, count + 1
    if seq < checked:
        raise ChainBroken(f"entries after {seq} are missing, {checked} was reached", where=f"{gateway}/{stream}")
    return count


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
        streams = tuple(_stream_report(db, meta["gateway"], meta["epoch"], stream) for stream in Stream)
        return Report(str(path), meta["gateway"], meta["epoch"], version, integrity, streams)
    except sqlite3.Error as error:
        raise LedgerError(str(error), "The file is damaged: keep the card and ask for help", where=str(path)) from error
    finally:
        db.close()


def _stream_report(db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream) -> StreamReport:
    acked, checked = db.execute("SELECT acked, checked FROM stream WHERE name=?", (stream,)).fetchone()
    last = int(db.execute(f"SELECT coalesce(max(seq), 0) FROM {stream.value}").fetchone()[0])
    try:
        count = check_stream(db, gateway, epoch, stream, whole=True)
        fault = f"entries after {last} are missing" if last < max(acked, checked) else unexplained(db, stream)
    except ChainBroken as broken:
        count, fault = 0, str(broken)
    return StreamReport(stream, count, last, acked, fault)
