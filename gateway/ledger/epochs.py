"""A new epoch is a new file. It is built aside, complete and on disk, and then takes its place by renaming.

    1. ledger.building-next.db is written and synchronised
    2. it becomes ledger.next.db, the folder is synchronised
    3. ledger.db becomes ledger-EPOCH.db (or is set aside)           <- the moment
    4. what was salvaged of it, if anything, becomes ledger-EPOCH.db
    5. ledger.next.db becomes ledger.db, the folder is synchronised

A cut before 3 leaves the old epoch, and the next start removes what was prepared; after 3 the next start does the rest.
So no number of the new epoch is given before its file is the present one, and at any instant exactly one is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.files import Disk, Names, log_of, shared_of
from gateway.ledger.rows import insert_entry
from gateway.model import chain
from gateway.model.bodies import EpochReason
from gateway.model.body import Body
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError, NotReady


class Trouble(Exception):
    """Why the present file cannot go on as it is."""

    def __init__(self, reason: EpochReason, what: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what


def audit(kind: EntryKind, body: Body) -> NewEntry:
    """An entry of the audit stream, ready to be stored."""
    return NewEntry(Stream.AUDIT, kind, msgspec.json.encode(body))


def new_epoch_id() -> str:
    """16 hex digits that nobody had before."""
    return os.urandom(8).hex()


def found(db: sqlite3.Connection, gateway: str, epoch: str, **more: str) -> None:
    """The rows that make an empty file this epoch's, on the open transaction."""
    meta = {"gateway": gateway, "epoch": epoch, "clean": "1", "number": "1", **more}
    db.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
    for stream in Stream:
        start = chain.genesis(gateway, epoch, stream)
        db.execute("INSERT INTO stream (name, checked_digest) VALUES (?, ?)", (stream, start))


def build(path: Path, fill: Callable[[sqlite3.Connection], None], disk: Disk) -> None:
    """Write a file whose content `fill` gives, on disk when this returns. A cut leaves something that nobody opens, so
    no journal is needed on the way. Raises `LedgerError`."""
    for leftover in (path, log_of(path), shared_of(path)):
        disk.remove(leftover)
    try:
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=OFF")
            db.execute("PRAGMA synchronous=OFF")
            schema.prepare(db, path)
            db.execute("BEGIN")
            fill(db)
            db.execute("COMMIT")
        finally:
            db.close()
        path.chmod(0o600)
        disk.sync_file(path)
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(f"no new file can be written: {error}", "Free space on the card", where=str(path)) from error


def append(db: sqlite3.Connection, gateway: str, epoch: str, entries: Sequence[NewEntry], at: Stamp) -> None:
    """The first entries of a new file, on the open transaction."""
    heads = {stream: (0, chain.genesis(gateway, epoch, stream)) for stream in Stream}
    for entry in entries:
        seq, previous = heads[entry.stream]
        digest = insert_entry(db, entry, EntryId(gateway, epoch, entry.stream, seq + 1), at, previous)
        heads[entry.stream] = (seq + 1, digest)


def ready(names: Names, built: Path, final: Path, disk: Disk) -> None:
    """Step 2: a complete file gets the name that a start looks for."""
    disk.rename(built, final)
    disk.sync_folder(names.folder)


def fold(path: Path) -> None:
    """Bring everything of a closed ledger into its one file, so that it can be renamed.

    Raises `NotReady` when another program has it open: a log of the old name would be taken for the new file's.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        try:
            db.execute("PRAGMA synchronous=FULL")
            mode = db.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        finally:
            db.close()
    except sqlite3.OperationalError as error:
        mode = str(error)
    if mode != "delete" or log_of(path).exists():
        raise NotReady(
            f"another program has the ledger open ({mode})",
            "End what reads it (verify, backup, an SQLite program), then ask again",
            where=str(path),
            code="ledger_in_use",
        )


def finish(names: Names, disk: Disk) -> None:
    """Steps 3 to 5, or those of them that are still to be done. Raises `OSError`."""
    plan = plan_of(names.next)
    if names.present.exists():
        disk.rename(names.present, names.folder / plan["present_to"])
    if log_of(names.present).exists():
        log = log_of(names.folder / plan["present_to"])
        disk.rename(log_of(names.present), log)
    disk.remove(shared_of(names.present))
    if names.salvaged.exists():
        disk.rename(names.salvaged, names.folder / plan["salvaged_to"])
    disk.sync_folder(names.folder)
    disk.rename(names.next, names.present)
    disk.sync_folder(names.folder)


def settle(names: Names, disk: Disk) -> str:
    """At a start, before anything is opened: finish or undo what a cut left. Says what it did."""
    for path in names.all_building():
        disk.remove(path)
    if not names.next.exists():
        if names.salvaged.exists():
            disk.remove(names.salvaged)
        return ""
    if names.present.exists():
        disk.remove(names.next)
        disk.remove(names.salvaged)
        return "a new epoch that had not begun was taken back"
    finish(names, disk)
    return "a new epoch that had begun was completed"


def plan_of(path: Path) -> dict[str, str]:
    """The meta table of a file that is complete: it says where the others go."""
    db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return dict(db.execute("SELECT key, value FROM meta").fetchall())
    finally:
        db.close()
