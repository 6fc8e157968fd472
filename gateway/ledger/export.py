"""Everything that a gateway's files hold about one holder, for a person who asks what is kept about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gateway.ledger.erase import Traces, check_id, digests_of
from gateway.ledger.state import state_tables
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError


class Exported(msgspec.Struct, frozen=True):
    """One entry about the holder, with its body as it was stored."""

    epoch: str
    stream: Stream
    seq: int
    kind: str
    wall_ms: int
    body: Any


class Export(msgspec.Struct, frozen=True):
    """All of it. `credentials`: digests (hex). `state`: table and row. `registry`: what the cache says of them."""

    holder: str
    credentials: tuple[str, ...]
    entries: tuple[Exported, ...]
    state: tuple[tuple[str, dict[str, Any]], ...]
    registry: tuple[dict[str, Any], ...]


def export(ledgers: Sequence[Path], cache: Path, holder: str) -> Export:
    """Read the files, changing nothing; also while the gateway runs. Raises `InputRefused` (no holder's id) or
    `LedgerError`."""
    check_id(holder)
    files = [*ledgers, *([cache] if cache.exists() else [])]
    digests = frozenset(digest for path in files for digest in digests_of(path, holder))
    traces = Traces(holder, digests)
    entries: list[Exported] = []
    state: list[tuple[str, dict[str, Any]]] = []
    registry: list[dict[str, Any]] = []
    for path in files:
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                if path == cache:
                    registry += _rows(db, "holder", traces) + _rows(db, "credential", traces)
                else:
                    entries += _entries(db, traces)
                    state += [(table, row) for table in state_tables(db) for row in _rows(db, table, traces)]
        except sqlite3.Error as error:
            raise LedgerError(str(error), "See `smartplace doctor`", where=str(path)) from error
    known = tuple(sorted(digest.hex() for digest in digests))
    return Export(holder, known, tuple(entries), tuple(state), tuple(registry))


def _entries(db: sqlite3.Connection, traces: Traces) -> list[Exported]:
    epoch = db.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()[0]
    pattern = traces.pattern
    found: list[Exported] = []
    for stream in Stream:
        rows = db.execute(f"SELECT seq, kind, wall_ms, body FROM {stream.value} WHERE body IS NOT NULL ORDER BY seq")
        for seq, kind, wall_ms, body in rows:
            if pattern.search(body):
                found.append(Exported(epoch, stream, seq, kind, wall_ms, _readable(body)))
    return found


def _rows(db: sqlite3.Connection, table: str, traces: Traces) -> list[dict[str, Any]]:
    pattern = traces.pattern
    cursor = db.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    return [
        {name: _readable(value) for name, value in zip(names, row, strict=True)}
        for row in cursor
        if any(pattern.search(value if isinstance(value, bytes) else str(value).encode()) for value in row)
    ]


def _readable(value: Any) -> Any:
    """JSON where it is JSON; otherwise bytes as hex."""
    if not isinstance(value, bytes):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value.hex()
