"""cache.db as a file: opened or made anew, one short write transaction at a time, reads that keep nobody waiting.

Everything in it can be fetched again. A file of another schema or a damaged one is made anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.model.errors import LedgerError, NotReady

SCHEMA = 3

_TABLES = (
    # A row counts in the registries of its base from number `since` on and before number `gone`: a delta writes only
    # what changes, and the registry before it is still whole.
    """CREATE TABLE credential (
        base INTEGER NOT NULL, digest BLOB NOT NULL, since INTEGER NOT NULL, gone INTEGER NOT NULL,
        kind TEXT NOT NULL, holder TEXT NOT NULL, standing TEXT NOT NULL,
        from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (base, digest, since)
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE holder (
        base INTEGER NOT NULL, id TEXT NOT NULL, since INTEGER NOT NULL, gone INTEGER NOT NULL,
        entitlements TEXT NOT NULL, language TEXT, residence TEXT, born TEXT, PRIMARY KEY (base, id, since)
    ) WITHOUT ROWID, STRICT""",
    # Registries that are here whole; `base` is the whole one that their deltas lead from.
    """CREATE TABLE registry (
        number INTEGER PRIMARY KEY, base INTEGER NOT NULL, key_id TEXT NOT NULL, sha256 TEXT NOT NULL
    ) STRICT""",
    # Other bundles' contents, as they were signed.
    """CREATE TABLE content (
        kind TEXT NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (kind, number)
    ) WITHOUT ROWID, STRICT""",
    # What is being fetched: its announcement, and the chunks that are here.
    """CREATE TABLE offer (
        sha256 TEXT PRIMARY KEY, manifest BLOB NOT NULL, signature TEXT NOT NULL
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE chunk (
        sha256 TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sha256, part)
    ) STRICT""",
)


class CacheFile:
    """The file with its two connections. Writing is safe from any thread; `rows` is for the event loop's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._closed = True
        self.interrupted = False
        """Whoever writes is to stop, because the gateway does."""

    def start(self) -> None:
        """Open or create the file. Raises `LedgerError` when no file can be made there."""
        try:
            try:
                self._write = self._open()
            except sqlite3.DatabaseError:
                self._forget_file()
                self._write = self._open()
            # Readers have their own connection: staging a city's registry must not keep a gate waiting.
            self._db = self._reader()
            self._closed = False
        except sqlite3.Error as error:
            raise LedgerError(f"cache: {error}", "See `smartplace doctor`", where=str(self._path)) from error

    def stop(self) -> None:
        """Close the file, after the write that is under way."""
        with self._lock:
            self._closed = True
            self._db.close()
            self._write.close()

    def interrupt(self) -> None:
        """Let nobody begin to write, and who is writing give up: a stop does not wait for a city's registry."""
        self.interrupted = True
        if not self._closed:
            self._write.interrupt()

    def resume(self) -> None:
        """Writing is allowed again."""
        self.interrupted = False

    def check_interrupted(self) -> None:
        """Raises `NotReady` when the gateway is stopping."""
        if self.interrupted:
            raise NotReady("the gateway is stopping", "It goes on at the next start")

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # What is staged must not be gone after a power cut when the ledger says that it is in force.
            db.execute("PRAGMA synchronous=FULL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA):
                raise sqlite3.DatabaseError(f"schema {version}")
            if version == 0:
                db.execute("BEGIN IMMEDIATE")
                for table in _TABLES:
                    db.execute(table)
                db.execute(f"PRAGMA user_version={SCHEMA}")
                db.execute("COMMIT")
        except sqlite3.Error:
            db.close()
            raise
        self._path.chmod(0o600)
        return db

    def _reader(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA query_only=ON")
        return db

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What a short query finds. Raises `LedgerError` when the file is damaged."""
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._broken("read", error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for a long read, in another thread than the event loop's."""
        try:
            db = self._reader()
            try:
                yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise self._broken("read", error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, whole or not. May wait for another's: not in the event loop. Raises `LedgerError`, or
        `NotReady` when the gateway is stopping."""
        with self._lock:
            self.check_interrupted()
            if self._closed:
                raise LedgerError("cache not written: it is closed", where=str(self._path), code="cache")
            try:
                self._write.execute("BEGIN IMMEDIATE")
                yield self._write
                self._write.execute("COMMIT")
            except sqlite3.Error as error:
                self.check_interrupted()
                raise self._broken("written", error) from error
            finally:
                if self._write.in_transaction:
                    self._write.execute("ROLLBACK")

    def _forget_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def _broken(self, what: str, error: sqlite3.Error) -> LedgerError:
        """A damaged file goes at once, so that the next start makes a new one and the centre fills it again."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.ProgrammingError | sqlite3.IntegrityError
        ):
            self._forget_file()
            advice = "Restart the gateway: it fetches the registry again"
        else:
            advice = "See `smartplace doctor`"
        return LedgerError(f"cache not {what}: {error}", advice, where=str(self._path), code="cache")
