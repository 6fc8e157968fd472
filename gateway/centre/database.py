"""Where the store is and how it is reached: an SQLite file, or a PostgreSQL database by URL.

What an ack has named must be on disk, also after a power cut. So SQLite runs in WAL with `synchronous=FULL`, and
PostgreSQL with `fsync` and `synchronous_commit`; both are read back on every connection and refused otherwise.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from gateway.model.errors import ConfigurationError, LedgerError, NotFound

BUSY_S = 10.0
"""How long SQLite waits for another process's transaction."""
STUCK_S = 10
"""A transaction of ours that does nothing for so long is ended by PostgreSQL: its process is stopped or gone, and it
holds the leases of its shards."""
POSTGRESQL = ("postgresql://", "postgresql+psycopg://")
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_SAFE = ("on", "remote_apply")


class Database:
    """One store, opened at the first use. Safe from any thread; every failure is a `LedgerError` without secrets, and
    `NotFound` where there is no store. `makes`: makes one there. That is a worker's business and nobody else's: a slip
    of the pen in a path must not become a new store that looks well."""

    def __init__(
        self,
        store: str,
        password: Path | None = None,
        *,
        read_only: bool = False,
        makes: bool = False,
        worker: str = "",
    ) -> None:
        self.makes = makes
        self._store = store
        self._password = password
        self._read_only = read_only
        self._worker = worker
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self.closed = False

    @property
    def is_postgresql(self) -> bool:
        return self._store.startswith(POSTGRESQL)

    @property
    def where(self) -> str:
        """For people: path or URL, never a password."""
        if not self.is_postgresql:
            return self._store
        try:
            return make_url(self._store).set(query={}).render_as_string(hide_password=True)
        except ArgumentError:
            return "the store's URL"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction, committed at the block's end. Raises `LedgerError` or `NotFound`; nothing of the block is
        stored then."""
        if self.closed:
            raise LedgerError("the store is closed", where=self.where)
        if "://" in self._store and not self.is_postgresql:
            raise ConfigurationError("no store that is known here", "A file, or postgresql://…", where="store")
        try:
            with self._open().begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            what = "cannot read" if self._read_only else "cannot store"
            raise LedgerError(f"{what}: {_said(error)}", self._advice(), where=self.where) from error

    def close(self) -> None:
        """Close every connection; what was committed stays."""
        self.closed = True
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def reopen(self) -> None:
        """After `close`: usable again."""
        self.closed = False

    def _open(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._postgresql() if self.is_postgresql else self._sqlite()
            return self._engine

    def _advice(self) -> str:
        return "Check that PostgreSQL runs and answers" if self.is_postgresql else "Check the disk"

    # SQLite ----------------------------------------------------------------------------------------------

    def _sqlite(self) -> Engine:
        uri = f"file:{quote(self._store)}?mode={'ro' if self._read_only else 'rw'}"

        def connect() -> sqlite3.Connection:
            if self.makes:
                self._make_file()
            elif _is_missing(self._store):
                raise no_store(self.where)
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)

        # One connection: SQLite has one writer, and the log lives as long as a connection is open.
        engine = create_engine(
            "sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=60
        )
        begin = "BEGIN" if self._read_only else "BEGIN IMMEDIATE"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        if not self._read_only:
            event.listen(engine, "connect", self._keep_sqlite_safe)
        return engine

    def _make_file(self) -> None:
        """For its owner only, whatever the umask: it has holders, receipts and digests of cards. SQLite gives its log
        and its index the same mode."""
        try:
            os.close(os.open(self._store, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            raise LedgerError(f"cannot be made: {error.strerror}", "Look at its folder", where=self.where) from error

    def _keep_sqlite_safe(self, connection: sqlite3.Connection, _record: object) -> None:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        if mode != "wal" or connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
            connection.close()
            what = f"journal mode {mode}: what is acked would not survive a power cut"
            raise LedgerError(what, "Use a local disk", where=self.where)

    # PostgreSQL ------------------------------------------------------------------------------------------

    def _postgresql(self) -> Engine:
        engine = create_engine(self._url(), pool_size=4, max_overflow=4, pool_pre_ping=True)
        event.listen(engine, "connect", self._keep_postgresql_safe)
        return engine

    def _url(self) -> URL:
        advice = "Such as postgresql://centre@db.example.org/smartplace, with the password in a file"
        try:
            url = make_url(self._store).set(drivername="postgresql+psycopg")
        except ArgumentError as error:
            raise ConfigurationError("not a URL of a store", advice) from error
        if url.password is not None or "password" in url.query:
            raise ConfigurationError("a password has no place in the URL", advice, where="store")
        if self._password is not None:
            url = url.set(password=read_secret(self._password))
        host = url.host or str(url.query.get("host", ""))
        if host not in _LOCAL and not host.startswith("/") and "sslmode" not in url.query:
            url = url.update_query_dict({"sslrootcert": "system", **url.query, "sslmode": "verify-full"})
        given: dict[str, Any] = {"application_name": session_name(self._worker), "connect_timeout": "10"}
        return url.update_query_dict({**given, **url.query})

    def _keep_postgresql_safe(self, connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            # A dead host is noticed by the server too, so that its locks go.
            cursor.execute(
                f"SET idle_in_transaction_session_timeout='{STUCK_S}s'; SET lock_timeout='30s'; "
                "SET tcp_keepalives_idle=10; SET tcp_keepalives_interval=5; SET tcp_keepalives_count=3"
            )
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            fsync, commit = cursor.fetchone()
            if commit not in _SAFE:
                cursor.execute("SET synchronous_commit=on")
                cursor.execute("SELECT current_setting('synchronous_commit')")
                commit = cursor.fetchone()[0]
        connection.commit()
        if fsync != "on" or commit not in _SAFE:
            connection.close()
            what = f"fsync={fsync}, synchronous_commit={commit}: what is acked would not survive a power cut"
            raise LedgerError(what, "Set both to on in postgresql.conf", where=self.where)


def no_store(where: str) -> NotFound:
    """For whoever would read or write a store that nobody has made."""
    return NotFound("there is no store here", "`smartplace centre run` makes it", where=where, code="no_store")


def _is_missing(path: str) -> bool:
    """Not so for one that may only not be looked at: SQLite says why."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def session_name(worker: str) -> str:
    """What PostgreSQL is told of a worker's connections; a reader has no worker."""
    return f"smartplace-centre {worker}".strip()


def end_sessions(db: Connection, worker: str) -> None:
    """PostgreSQL: roll back whatever this worker is within. `STUCK_S` does not end everything: one that was stopped in
    the middle of a pipeline counts as active, and its locks would stay for as long as it stands still."""
    if db.dialect.name == "postgresql":
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        db.execute(text(f"{end} AND application_name = :name"), {"name": session_name(worker)})


def read_secret(path: Path) -> str:
    """A password from its file. Raises `ConfigurationError`, also when others may read it."""
    try:
        mode = path.stat().st_mode
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read: {error}", where=str(path)) from error
    if mode & 0o077:
        raise ConfigurationError("others may read this password", f"chmod 600 {path}", where=str(path))
    return secret


def _said(error: SQLAlchemyError) -> str:
    """The database's own words, in one line: statements and their values stay out of logs."""
    cause: object = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(cause).split())[:300] or type(error).__name__
