"""A clean file of an epoch, out of everything that its damaged files and its copies still prove."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.ledger.epochs import build, found
from gateway.ledger.files import Disk, Names
from gateway.ledger.pages import Pages, Row
from gateway.ledger.peek import answers, reading
from gateway.ledger.salvage import Known, Salvaged, write
from gateway.model.entry import Stream

_FOUND = """CREATE TABLE found (
    seq INTEGER NOT NULL, kind TEXT NOT NULL, wall_ms INTEGER NOT NULL, mono_ns INTEGER NOT NULL, boot TEXT NOT NULL,
    quality TEXT NOT NULL, digest BLOB NOT NULL, salt BLOB, body BLOB, commitment BLOB, whole INTEGER NOT NULL
)"""


def rebuild(
    names: Names,
    gateway: str,
    epoch: str,
    number: int,
    sources: Sequence[Path],
    clean: Sequence[Path],
    known: Mapping[Stream, Known],
    disk: Disk,
) -> Salvaged:
    """Write `ledger.building-old.db` from damaged `sources` and from `clean` files; returns what came of it. The files
    themselves are only read. Raises `LedgerError`, `OSError`, `sqlite3.Error`: nothing has changed then."""
    scratch = names.building("rows")
    disk.remove(scratch)
    result = Salvaged()
    with closing(gather(scratch, sources, clean)) as rows:

        def fill(db: sqlite3.Connection) -> None:
            nonlocal result
            found(db, gateway, epoch, number=str(number), salvaged="1")
            result = write(db, rows, gateway, epoch, known)
            for path in (*sources, *clean):
                _copy_quarantine(db, path)

        build(names.building("old"), fill, disk)
    disk.remove(scratch)
    return result


def gather(path: Path, sources: Sequence[Path], clean: Sequence[Path]) -> sqlite3.Connection:
    """A scratch file at `path` with every row of damaged `sources` and of `clean` files, in the order of finding."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=OFF")
    db.execute("PRAGMA synchronous=OFF")
    db.execute(_FOUND)
    db.execute("BEGIN")
    for source in clean:
        for row in _rows_of(source):
            _keep(db, row)
    for source in sources:
        with Pages(source) as pages:
            for row in pages.rows():
                _keep(db, row)
    db.execute("CREATE INDEX by_seq ON found (seq)")
    db.execute("COMMIT")
    return db


def _keep(db: sqlite3.Connection, row: Row) -> None:
    values = msgspec.structs.astuple(row)
    if all(not isinstance(value, int) or -(2**63) <= value < 2**63 for value in values):
        db.execute("INSERT INTO found VALUES (?,?,?,?,?,?,?,?,?,?,?)", values)


def _rows_of(path: Path) -> Iterator[Row]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for stream in Stream:
            for row in db.execute(
                f"SELECT seq, kind, wall_ms, mono_ns, boot, quality, digest, salt, body, commitment FROM {stream.value}"
            ):
                yield Row(*row)
    finally:
        db.close()


def _copy_quarantine(db: sqlite3.Connection, path: Path) -> None:
    with reading(path) as old:
        if old is not None:
            for row in answers(old, "SELECT stream, seq, at_ms FROM quarantine"):
                db.execute("INSERT OR IGNORE INTO quarantine VALUES (?,?,?)", row)
