"""The registry of holders in cache.db: digests of credentials → holder, standing, entitlements.

Everything in cache.db can be fetched again. A registry is staged under its number and becomes the one in force
when the ledger has committed that number: so a cut at any moment leaves the old one or the new one, whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.model.errors import InputRefused, LedgerError
from gateway.wire.contents import RegistryContent, Standing

SCHEMA = 1

_TABLES = (
    """CREATE TABLE credential (
        number INTEGER NOT NULL, digest BLOB NOT NULL, holder TEXT NOT NULL, standing TEXT NOT NULL,
        from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (number, digest)
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE holder (
        number INTEGER NOT NULL, id TEXT NOT NULL, entitlements TEXT NOT NULL, language TEXT,
        PRIMARY KEY (number, id)
    ) WITHOUT ROWID, STRICT""",
    "CREATE TABLE registry (number INTEGER PRIMARY KEY, key_id TEXT NOT NULL) STRICT",
    # Other bundles' contents, as they were signed.
    """CREATE TABLE content (
        kind TEXT NOT NULL, number INTEGER NOT NULL, expires_ms INTEGER NOT NULL, content BLOB NOT NULL,
        PRIMARY KEY (kind, number)
    ) WITHOUT ROWID, STRICT""",
)


class Known(msgspec.Struct, frozen=True):
    """What the registry says of a credential."""

    holder: str
    standing: Standing
    from_ms: int
    until_ms: int
    entitlements: tuple[str, ...]
    language: str | None


class Cache:
    """cache.db. `number` is the registry in force, 0 for none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number = 0

    def start(self) -> None:
        """Open or create the file. A file of another schema or a damaged one is made anew: it is only a cache."""
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            db.close()
            raise sqlite3.DatabaseError(f"schema {version}")
        if version == 0:
            db.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                db.execute(table)
            db.execute(f"PRAGMA user_version={SCHEMA}")
            db.execute("COMMIT")
        self._path.chmod(0o600)
        return db

    def stop(self) -> None:
        self._db.close()

    # Registry --------------------------------------------------------------------------------------------

    def stage_registry(self, number: int, content: RegistryContent, key_id: str) -> None:
        """Write a registry under its number; not yet in force. Raises `InputRefused` when it was made with
        another key than ours: no card would ever be found in it."""
        if content.key_id != key_id:
            raise InputRefused(
                f"registry made with card key {content.key_id!r}, this gateway has {key_id!r}",
                "Give the gateway the current key, or publish a registry made with its key",
            )
        holders = {holder.id for holder in content.holders}
        credentials = [
            (number, bytes.fromhex(c.digest), c.holder, c.standing.value, c.from_ms, c.until_ms)
            for c in content.credentials
        ]
        for row in credentials:
            if row[2] not in holders:
                raise InputRefused(f"a credential belongs to holder {row[2]!r}, who is not in the registry")
        if len({row[1] for row in credentials}) != len(credentials):
            raise InputRefused("a credential stands in the registry twice")
        people = [(number, h.id, " ".join(h.entitlements), h.language) for h in content.holders]
        if len(holders) != len(people):
            raise InputRefused("a holder stands in the registry twice")
        self._transaction(
            ("DELETE FROM credential WHERE number=?", [(number,)]),
            ("DELETE FROM holder WHERE number=?", [(number,)]),
            ("INSERT INTO credential VALUES (?,?,?,?,?,?)", credentials),
            ("INSERT INTO holder VALUES (?,?,?,?)", people),
            ("INSERT OR REPLACE INTO registry VALUES (?,?)", [(number, key_id)]),
        )

    def use_registry(self, number: int) -> bool:
        """Put the staged registry in force and drop the others. False when it is not here."""
        if self._db.execute("SELECT 1 FROM registry WHERE number=?", (number,)).fetchone() is None:
            return False
        self.number = number
        others = [
            (f"DELETE FROM {table} WHERE number<>?", [(number,)]) for table in ("credential", "holder", "registry")
        ]
        self._transaction(*others)
        return True

    def find(self, digest: bytes) -> Known | None:
        """Whose credential this is. One look-up by key."""
        row = self._db.execute(
            "SELECT c.holder, c.standing, c.from_ms, c.until_ms, h.entitlements, h.language FROM credential c "
            "JOIN holder h ON h.number=c.number AND h.id=c.holder WHERE c.number=? AND c.digest=?",
            (self.number, digest),
        ).fetchone()
        if row is None:
            return None
        holder, standing, from_ms, until_ms, entitlements, language = row
        return Known(holder, Standing(standing), from_ms, until_ms, tuple(entitlements.split()), language)

    def holders(self) -> int:
        """How many holders the registry in force has."""
        return int(self._db.execute("SELECT count(*) FROM holder WHERE number=?", (self.number,)).fetchone()[0])

    # Other bundles ---------------------------------------------------------------------------------------

    def stage_content(self, kind: str, number: int, expires_ms: int, content: bytes) -> None:
        self._transaction(("INSERT OR REPLACE INTO content VALUES (?,?,?,?)", [(kind, number, expires_ms, content)]))

    def content(self, kind: str, number: int) -> tuple[int, bytes] | None:
        """Expiry and bytes of a bundle's content."""
        row = self._db.execute(
            "SELECT expires_ms, content FROM content WHERE kind=? AND number=?", (kind, number)
        ).fetchone()
        return (row[0], row[1]) if row else None

    def drop_older_content(self, kind: str, number: int) -> None:
        self._transaction(("DELETE FROM content WHERE kind=? AND number<?", [(kind, number)]))

    def _transaction(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                self._db.executemany(sql, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise LedgerError(
                f"cache not written: {error}", "See `smartplace doctor`", where=str(self._path)
            ) from error
