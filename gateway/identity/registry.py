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
        """Open or create the file. A file of another schema or a damaged one is made anew: it is only a cache.

        Raises `LedgerError` when no file can be made there.
        """
        try:
            try:
                self._write = self._open()
            except sqlite3.DatabaseError:
                self._forget_file()
                self._write = self._open()
            # Readers have their own connection: staging a city's registry must not keep a gate waiting.
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA query_only=ON")
        except sqlite3.Error as error:
            raise LedgerError(f"cache: {error}", "See `smartplace doctor`", where=str(self._path)) from error

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

    def stop(self) -> None:
        self._db.close()
        self._write.close()

    def _forget_file(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

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
        """Put the staged registry in force. False when it is not here."""
        if not self._rows("SELECT 1 FROM registry WHERE number=?", (number,)):
            return False
        self.number = number
        return True

    def drop_other_registries(self) -> None:
        """Delete all but the one in force. Slow for a city's worth: not in the event loop."""
        self._transaction(
            *(
                (f"DELETE FROM {table} WHERE number<>?", [(self.number,)])
                for table in ("credential", "holder", "registry")
            )
        )

    def find(self, digest: bytes) -> Known | None:
        """Whose credential this is. One look-up by key. Raises `LedgerError` when the file is damaged."""
        rows = self._rows(
            "SELECT c.holder, c.standing, c.from_ms, c.until_ms, h.entitlements, h.language FROM credential c "
            "JOIN holder h ON h.number=c.number AND h.id=c.holder WHERE c.number=? AND c.digest=?",
            (self.number, digest),
        )
        if not rows:
            return None
        holder, standing, from_ms, until_ms, entitlements, language = rows[0]
        return Known(holder, Standing(standing), from_ms, until_ms, tuple(entitlements.split()), language)

    def holders(self) -> int:
        """How many holders the registry in force has."""
        return int(self._rows("SELECT count(*) FROM holder WHERE number=?", (self.number,))[0][0])

    # Other bundles ---------------------------------------------------------------------------------------

    def stage_content(self, kind: str, number: int, expires_ms: int, content: bytes) -> None:
        self._transaction(("INSERT OR REPLACE INTO content VALUES (?,?,?,?)", [(kind, number, expires_ms, content)]))

    def content(self, kind: str, number: int) -> tuple[int, bytes] | None:
        """Expiry and bytes of a bundle's content."""
        rows = self._rows("SELECT expires_ms, content FROM content WHERE kind=? AND number=?", (kind, number))
        return (rows[0][0], rows[0][1]) if rows else None

    def drop_older_content(self, kind: str, number: int) -> None:
        self._transaction(("DELETE FROM content WHERE kind=? AND number<?", [(kind, number)]))

    def _rows(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._broken("read", error) from error

    def _transaction(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        try:
            self._write.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                self._write.executemany(sql, rows)
            self._write.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._broken("written", error) from error
        finally:
            if self._write.in_transaction:
                self._write.execute("ROLLBACK")

    def _broken(self, what: str, error: sqlite3.Error) -> LedgerError:
        """A damaged file goes at once, so that the next start makes a new one and the centre fills it again."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self._forget_file()
            advice = "Restart the gateway: it fetches the registry again"
        else:
            advice = "See `smartplace doctor`"
        return LedgerError(f"cache not {what}: {error}", advice, where=str(self._path), code="cache")
