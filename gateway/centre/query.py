"""The store read for people and checkers: gateways, entries with their bodies, gaps, counts.

Its own read-only connection: works beside a running centre, from any process, and after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.centre.schema import open_reader
from gateway.model.entry import EntryKind, Stream


class GatewayRow(msgspec.Struct, frozen=True):
    """One gateway as it last said. `state` is its last birth (JSON); times in ms since 1970, centre's clock."""

    gateway: str
    online: bool
    session: str
    epoch: str
    born_ms: int | None
    changed_ms: int
    state: msgspec.Raw


class EntryRow(msgspec.Struct, frozen=True):
    """One stored entry. `arrival` counts up in the order of storing; `body` is None when it was forgotten."""

    arrival: int
    gateway: str
    epoch: str
    stream: Stream
    seq: int
    kind: EntryKind
    wall_ms: int
    received_ms: int
    digest: bytes
    body: msgspec.Raw | None


class GapRow(msgspec.Struct, frozen=True):
    """Numbers that are known to exist and are not here."""

    gateway: str
    epoch: str
    stream: Stream
    first: int
    last: int


class AlarmRow(msgspec.Struct, frozen=True):
    """Something that a person should look at."""

    gateway: str
    what: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


class RefusedRow(msgspec.Struct, frozen=True):
    """A number that will never be stored, and why."""

    gateway: str
    epoch: str
    stream: Stream
    seq: int
    reason: str
    count: int


class Counts(msgspec.Struct, frozen=True):
    """The store in figures. `entries`: per gateway, stream and kind (`gw-1/receipt/admission`)."""

    entries: dict[str, int]
    gaps: int
    conflicts: int
    refused: int
    alarms: int
    online: int
    bundles: dict[str, int]


class Query:
    """Read-only view of a store. Raises `LedgerError` when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def gateways(self) -> list[GatewayRow]:
        """All gateways that were ever heard of, by id."""
        sql = "SELECT gateway, online, session, epoch, born_ms, changed_ms, state FROM gateways ORDER BY gateway"
        with self._reader() as db:
            rows = db.execute(sql).fetchall()
        return [GatewayRow(g, bool(o), s, e, b, c, msgspec.Raw(state)) for g, o, s, e, b, c, state in rows]

    def events(
        self,
        gateway: str | None = None,
        stream: Stream | None = None,
        kind: EntryKind | None = None,
        *,
        after: int = 0,
        limit: int = 1000,
    ) -> list[EntryRow]:
        """Entries in the order of their arrival, those after arrival `after`, at most `limit`."""
        sql = (
            "SELECT arrival, gateway, epoch, stream, seq, kind, wall_ms, received_ms, digest, body FROM entries "
            "WHERE arrival > ?1 AND (?2 IS NULL OR gateway = ?2) AND (?3 IS NULL OR stream = ?3) "
            "AND (?4 IS NULL OR kind = ?4) ORDER BY arrival LIMIT ?5"
        )
        with self._reader() as db:
            rows = db.execute(sql, (after, gateway, stream, kind, limit)).fetchall()
        return [_entry(row) for row in rows]

    def gaps(self) -> list[GapRow]:
        """All ranges that are missing."""
        with self._reader() as db:
            rows = db.execute("SELECT * FROM gaps ORDER BY gateway, epoch, stream, first").fetchall()
        return [GapRow(g, e, Stream(s), first, last) for g, e, s, first, last in rows]

    def alarms(self) -> list[AlarmRow]:
        """All alarms, oldest first."""
        with self._reader() as db:
            return [AlarmRow(*row) for row in db.execute("SELECT * FROM alarms ORDER BY first_ms, detail")]

    def refused(self) -> list[RefusedRow]:
        """All numbers that were refused."""
        sql = "SELECT gateway, epoch, stream, seq, reason, count FROM refused ORDER BY gateway, epoch, stream, seq"
        with self._reader() as db:
            return [RefusedRow(g, e, Stream(s), *rest) for g, e, s, *rest in db.execute(sql)]

    def counts(self) -> Counts:
        """The store in figures."""
        kinds = "SELECT gateway || '/' || stream || '/' || kind, count(*) FROM entries GROUP BY gateway, stream, kind"
        missing = "SELECT coalesce(sum(last - first + 1), 0) FROM gaps"
        newest = "SELECT kind || '/' || target, max(number) FROM bundles GROUP BY kind, target"
        with self._reader() as db:
            db.execute("BEGIN")
            return Counts(
                entries=dict(db.execute(kinds).fetchall()),
                gaps=db.execute(missing).fetchone()[0],
                conflicts=db.execute("SELECT count(*) FROM conflicts").fetchone()[0],
                refused=db.execute("SELECT count(*) FROM refused").fetchone()[0],
                alarms=db.execute("SELECT count(*) FROM alarms").fetchone()[0],
                online=db.execute("SELECT count(*) FROM gateways WHERE online = 1").fetchone()[0],
                bundles=dict(db.execute(newest).fetchall()),
            )

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        db = open_reader(self._path)
        try:
            yield db
        finally:
            db.close()


def _entry(row: tuple[int, str, str, str, int, str, int, int, bytes, bytes | None]) -> EntryRow:
    arrival, gateway, epoch, stream, seq, kind, wall_ms, received_ms, digest, body = row
    raw = msgspec.Raw(body) if body is not None else None
    return EntryRow(arrival, gateway, epoch, Stream(stream), seq, EntryKind(kind), wall_ms, received_ms, digest, raw)
