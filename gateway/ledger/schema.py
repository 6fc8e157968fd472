"""Tables of ledger.db, and the way a ledger file is opened.

One table per stream with a plain integer key: no index beyond it, because every further page touched costs a
card 4 kB a commit. State tables hold what must commit with an entry or must never go back; the parts that own
their meaning are named beside them.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.ledger import tables
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError

SCHEMA = 8

PAGE_BYTES = 1024
"""A tap changes one row here and one there. With 4 kB pages each of them costs the card 4 kB, with these 1 kB
(`make bench ARGS=wear`, docs/decisions/0006-what-may-go.md)."""
LOG_PAGES = 2000
"""Pages in the write-ahead log after which they move into the file."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the pragmas that the promise rests on, read back and asserted.

    `synchronous=FULL` in WAL: with NORMAL a power cut takes acknowledged entries (SQLite, "PRAGMA synchronous").
    """
    mode = "ro" if read_only else "rwc"
    try:
        db = sqlite3.connect(
            f"file:{path}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        if not read_only:
            db.execute(f"PRAGMA page_size={PAGE_BYTES}")  # of a new file; an older one keeps its own
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            # The log keeps its size: growing it anew would journal file-system metadata at each commit.
            db.execute("PRAGMA journal_size_limit=-1")
            db.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            # What is deleted is overwritten, whatever the system's SQLite was built with.
            db.execute("PRAGMA secure_delete=ON")
            _assert_pragma(db, "journal_mode", "wal", path)
            _assert_pragma(db, "synchronous", 2, path)
            _assert_pragma(db, "secure_delete", 1, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the second: SQLite quotes from a damaged file
        raise LedgerError(str(error), "See `smartplace doctor`", where=str(path)) from error
    return db


def _assert_pragma(db: sqlite3.Connection, name: str, wanted: object, path: Path) -> None:
    found = db.execute(f"PRAGMA {name}").fetchone()[0]
    if found != wanted:
        raise LedgerError(
            f"{name} is {found!r} instead of {wanted!r}",
            "The file system does not allow write-ahead logging; use ext4 on a local disk",
            where=str(path),
        )


def prepare(db: sqlite3.Connection, path: Path) -> bool:
    """Create the tables in a new file (true), accept a file of this schema, bring an older one to it (false), refuse
    a newer one."""
    version = schema_of(db)
    if version == SCHEMA:
        return False
    if version > SCHEMA:
        raise LedgerError(
            f"it has schema {version}, this program knows {SCHEMA}",
            "Install the newer version again; a downgrade is not possible",
            where=str(path),
        )
    if version:
        from gateway.ledger import migrations

        migrations.migrate(db, version)
        return False
    db.execute("BEGIN IMMEDIATE")
    for stream in Stream:
        db.execute(tables.ENTRIES.format(stream=stream.value))
    for statement in tables.ALL:
        db.execute(statement)
    db.execute(f"PRAGMA user_version={SCHEMA}")
    db.execute("COMMIT")
    return True


def schema_of(db: sqlite3.Connection) -> int:
    """The file's schema number."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])
