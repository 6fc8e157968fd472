"""Reads of the present file, in the event loop. What the card has changed is noticed before anybody acts on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.ledger import schema
from gateway.ledger.rows import digest_at, entries_after, floor_of
from gateway.model import chain
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
        with self._noticing():
            return self._db.execute(sql, parameters).fetchall()

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Committed entries from `after` + 1 on that are above the floor, each of which is the one that was stored."""
        with self._noticing(), self._one_state():
            floor, previous = floor_of(self._db, self._gateway, self._epoch, stream)
            if after > floor:
                previous = digest_at(self._db, self._gateway, self._epoch, stream, after)
            first = max(after, floor)
            entries = list(entries_after(self._db, self._gateway, self._epoch, stream, first, previous, limit))
            for entry in entries:
                if chain.digest(entry.previous, entry.header, entry.commitment) != entry.digest:
                    raise ValueError(f"{entry.header.id} is not the entry that was stored")
        return entries

    @contextmanager
    def _one_state(self) -> Iterator[None]:
        """The floor, and the rows above it."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
            if not name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR")):
                raise
            self.damaged = True
            advice = "Restart the gateway: the start sets the file aside and saves what it proves"
            raise LedgerError(f"damaged: {error}", advice, where=str(self._path), code="ledger_damaged") from error
