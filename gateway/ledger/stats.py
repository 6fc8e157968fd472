"""What a ledger file holds, read-only: counts, ages, sizes. For `smartplace ledger stats`, also while it is used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.ballast import NAME as BALLAST
from gateway.ledger.drops import dropped
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError, NotFound


class StreamStats(msgspec.Struct, frozen=True):
    """One stream: its entries above the floor. `bytes`: of bodies as stored. `oldest_ms`, `newest_ms`: wall clock, None
    when it is empty. `backlog`: entries that the centre has not acked. `forgotten`: entries whose body is gone.
    `floor`: through which number entries are gone or going. `dropped`: how many of them nobody had acked, as far as the
    audit entries that say so are still here."""

    stream: Stream
    entries: int
    bytes: int
    first: int
    last: int
    acked: int
    floor: int
    dropped: int
    backlog: int
    forgotten: int
    oldest_ms: int | None
    newest_ms: int | None


class Stats(msgspec.Struct, frozen=True):
    """A whole ledger. Sizes in bytes; `free_bytes` are pages inside the file that are used again, `ballast_bytes` is 0
    when the ballast is given up."""

    path: str
    gateway: str
    epoch: str
    ledger_schema: int
    clean_stop: bool
    file_bytes: int
    wal_bytes: int
    page_bytes: int
    pages: int
    free_bytes: int
    ballast_bytes: int
    streams: tuple[StreamStats, ...]


def stats(path: Path) -> Stats:
    """Read one consistent state of the file. Raises `NotFound` when there is none, `LedgerError` when it cannot be
    read. Reads every row once."""
    if not path.is_file():
        raise NotFound("there is no ledger", "Give its path, or --config", where=str(path))
    db = schema.connect(path, read_only=True)
    try:
        db.execute("BEGIN")
        version = schema.schema_of(db)
        if version != schema.SCHEMA:
            raise LedgerError(f"it has schema {version}, this program knows {schema.SCHEMA}", where=str(path))
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        page, pages, free = (
            int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_size", "page_count", "freelist_count")
        )
        return Stats(
            path=str(path),
            gateway=meta["gateway"],
            epoch=meta["epoch"],
            ledger_schema=version,
            clean_stop=meta["clean"] == "1",
            file_bytes=path.stat().st_size,
            wal_bytes=_size(path.with_name(f"{path.name}-wal")),
            page_bytes=page,
            pages=pages,
            free_bytes=free * page,
            ballast_bytes=_size(path.with_name(BALLAST)),
            streams=tuple(_stream(db, stream) for stream in Stream),
        )
    except sqlite3.Error as error:
        raise LedgerError(str(error), "See: smartplace ledger verify", where=str(path)) from error
    finally:
        db.close()


def _stream(db: sqlite3.Connection, stream: Stream) -> StreamStats:
    acked, floor = db.execute("SELECT acked, floor FROM stream WHERE name=?", (stream,)).fetchone()
    gone = sum(last - first + 1 for first, last in dropped(db, stream))
    entries, size, first, last, forgotten, oldest, newest, backlog = db.execute(
        f"SELECT count(*), coalesce(sum(length(body)), 0), coalesce(min(seq), 0), coalesce(max(seq), 0),"
        f" count(*) - count(body), min(wall_ms), max(wall_ms), coalesce(sum(seq > ?), 0) FROM {stream.value}"
        f" WHERE seq > ?",
        (acked, floor),
    ).fetchone()
    return StreamStats(stream, entries, size, first, last, acked, floor, gone, backlog, forgotten, oldest, newest)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
