"""The centre's store on disk: schema 2, and how a connection to it is opened.

WAL with `synchronous=FULL`: what an ack has named is on disk, also after a power cut (SQLite, "PRAGMA
synchronous"). The settings are read back: a file system that cannot hold them is an error at the start.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from gateway.centre import shelf
from gateway.model.errors import LedgerError

VERSION = 2

TABLES = """
CREATE TABLE entries (
  arrival INTEGER PRIMARY KEY,  -- counts up in the order of storing: readers follow it
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, wall_ms INTEGER NOT NULL, mono_ns INTEGER NOT NULL, boot TEXT NOT NULL,
  quality TEXT NOT NULL, previous BLOB NOT NULL, commitment BLOB NOT NULL, digest BLOB NOT NULL,
  salt BLOB, body BLOB, received_ms INTEGER NOT NULL,
  UNIQUE (gateway, epoch, stream, seq));
CREATE TABLE conflicts (  -- the same key with another digest: the first stays in entries, the others here
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, wall_ms INTEGER NOT NULL, mono_ns INTEGER NOT NULL, boot TEXT NOT NULL,
  quality TEXT NOT NULL, previous BLOB NOT NULL, commitment BLOB NOT NULL, digest BLOB NOT NULL,
  salt BLOB, body BLOB, received_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, epoch, stream, seq, digest)) WITHOUT ROWID;
CREATE TABLE strands (
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL, highest INTEGER NOT NULL,
  PRIMARY KEY (gateway, epoch, stream)) WITHOUT ROWID;
CREATE TABLE gaps (
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL,
  PRIMARY KEY (gateway, epoch, stream, first)) WITHOUT ROWID;
CREATE TABLE refused (
  gateway TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL,
  reason TEXT NOT NULL, count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, epoch, stream, seq)) WITHOUT ROWID;
CREATE TABLE alarms (
  gateway TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
  count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, what, detail)) WITHOUT ROWID;
CREATE TABLE gateways (
  gateway TEXT PRIMARY KEY, online INTEGER NOT NULL, session TEXT NOT NULL, epoch TEXT NOT NULL,
  state BLOB NOT NULL, born_ms INTEGER, changed_ms INTEGER NOT NULL) WITHOUT ROWID;
"""


def open_store(path: Path) -> sqlite3.Connection:
    """The store for writing, created when it is not there. Transactions are begun by hand.

    Raises `LedgerError` for a file that is no store of this version, or that cannot be written safely.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    except sqlite3.Error as error:
        raise LedgerError(f"cannot open the store: {error}", "Check folder and rights", where=str(path)) from error
    try:
        _prepare(db)
    except sqlite3.Error as error:
        db.close()
        raise LedgerError(f"not a usable store: {error}", "Restore it from a backup", where=str(path)) from error
    except LedgerError as error:
        db.close()
        error.where = str(path)
        raise
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """The store for reading only, also beside a running centre. Raises `LedgerError`."""
    uri = f"file:{quote(str(path))}?mode=ro"
    db = None
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        version = _version(db)
    except sqlite3.Error as error:
        if db is not None:
            db.close()
        raise LedgerError(f"cannot read the store: {error}", "Has the centre run here?", where=str(path)) from error
    if version != VERSION:
        db.close()
        raise LedgerError(f"schema {version}, this version reads {VERSION}", "Use its version", where=str(path))
    return db


def _prepare(db: sqlite3.Connection) -> None:
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    db.execute("PRAGMA synchronous=FULL")
    if mode != "wal" or db.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise LedgerError(f"journal mode {mode}: what is acked would not survive a power cut", "Use a local disk")
    version = _version(db)
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        db.executescript(f"BEGIN IMMEDIATE; {TABLES} {shelf.TABLES} PRAGMA user_version={VERSION}; COMMIT;")
    elif version != VERSION:
        raise LedgerError(f"schema {version}, this version knows {VERSION}", "Use the version that wrote it")


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version
