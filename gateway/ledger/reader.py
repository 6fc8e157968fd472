"""Reads of a ledger's files, in the event loop. What the card has changed is noticed before anybody acts on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.ledger import schema
from gateway.ledger.rows import digest_at, entries_after, floor_of, is_as_stored
from gateway.model.entry import Entry, Stream
from gateway.model.errors import LedgerError


class Reader:
    """A connection for reading one epoch. `damaged` once it has shown that the file is: the next start looks at all."""

    def __init__(self, path: Path, gateway: str, epoch: str) -> None:
        self._path = path
        self._gateway = gateway
        self._epoch = epoch
        self._db = schema.connect(path, read_only=True)
        self.damaged = False

    def close(self) -> None:
        self._db.close()

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of the committed state."""
        with noticing(self._path, self._note):
            return self._db.execute(sql, parameters).fetchall()

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Committed entries from `after` + 1 on that are above the floor, each of which is the one that was stored."""
        with noticing(self._path, self._note), self._one_state():
            return stored_entries(self._db, self._gateway, self._epoch, stream, after, limit)

    def _note(self) -> None:
        self.damaged = True

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """The floor, and the rows above it."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")


def stored_entries(
    db: sqlite3.Connection, gateway: str, epoch: str, stream: Stream, after: int, limit: int
) -> list[Entry]:
    """Entries from `after` + 1 on that are above the floor, in order. Raises `ValueError` when one of them is not the
    one that was stored, or does not follow the one before it; ranges on record as lost are passed over."""
    floor, previous = floor_of(db, gateway, epoch, stream)
    if after > floor:
        try:
            previous = digest_at(db, gateway, epoch, stream, after)
        except KeyError:
            previous = b""  # Inside a range that is lost: what follows it knows its own. Else nothing fits this.
    entries = list(entries_after(db, gateway, epoch, stream, max(after, floor), previous, limit))
    for entry in entries:
        if not is_as_stored(entry):
            raise ValueError(f"{entry.header.id} is not the entry that was stored")
    return entries


@contextmanager
def noticing(path: Path, note: Callable[[], None]) -> Iterator[None]:
    """What speaks of damage in the file at `path` is told to `note`, and raised as `LedgerError` (`ledger_damaged`)."""
    try:
        yield
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
        if not name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR")):
            raise
        note()
        advice = "Restart the gateway: the start sets the file aside and saves what it proves"
        raise LedgerError(f"damaged: {error}", advice, where=str(path), code="ledger_damaged") from error
