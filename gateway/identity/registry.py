"""The registry of holders in cache.db: digests of credentials → holder, standing, entitlements.

A registry is staged under its number and becomes the one in force when the ledger has committed that number: so a cut
at any moment leaves the old one or the new one, whole. A look-up is one query at one number: never a mixture.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import msgspec

from gateway.identity.cachefile import CacheFile
from gateway.identity.registry_rows import AT, NEVER, base_of, day, forget_after, insert, orphan, written
from gateway.identity.staging import Staging
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.wire import registry
from gateway.wire.contents import RegistryContent, RegistryDelta, Standing

BATCH = 2_000
"""Rows in one transaction while a whole registry is staged: others want to write between them."""

_KNOWN = (
    "SELECT c.holder, c.standing, c.from_ms, c.until_ms, h.entitlements, h.language, h.residence, h.born "
    "FROM credential c JOIN holder h ON h.base=?1 AND h.id=c.holder AND h.since<=?2 AND h.gone>?2 "
    "WHERE c.base=?1 AND c.digest=?3 AND c.since<=?2 AND c.gone>?2"
)
_OWNED = f"SELECT kind, digest, standing FROM credential WHERE {AT} AND holder=?3 ORDER BY digest"


class Known(msgspec.Struct, frozen=True):
    """What the registry says of a credential."""

    holder: str
    standing: Standing
    from_ms: int
    until_ms: int
    entitlements: tuple[str, ...]
    language: str | None
    residence: str | None = None
    born: date | None = None


class Owned(msgspec.Struct, frozen=True):
    """One of a holder's credentials."""

    kind: CredentialKind
    digest: str
    standing: Standing


class Cache(CacheFile):
    """The registries in cache.db. `number` is the one in force, 0 for none.

    `blocked` are credentials that are refused whatever it says; from `ends_ms` on (0: never) it counts no more.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.number = 0
        self._base = 0
        self.blocked: frozenset[bytes] = frozenset()
        self.ends_ms = 0
        self.staging = Staging(self)

    # In force --------------------------------------------------------------------------------------------

    def use_registry(self, number: int) -> bool:
        """Put the staged registry in force. False when it is not here."""
        rows = self.rows("SELECT base FROM registry WHERE number=?", number)
        if not rows:
            return False
        self._base, self.number = rows[0][0], number
        return True

    def find(self, digest: bytes) -> Known | None:
        """Whose credential this is. One look-up by key. Raises `LedgerError` when the file is damaged."""
        known = self.find_at(self._base, self.number, digest)
        if known is not None and digest in self.blocked:
            return msgspec.structs.replace(known, standing=Standing.BLOCKED)
        return known

    def cards_of(self, holder: str) -> list[Owned]:
        """The credentials of a holder in the registry in force, by digest."""
        rows = self.rows(_OWNED, self._base, self.number, holder)
        blocked = Standing.BLOCKED
        return [
            Owned(CredentialKind(kind), digest.hex(), blocked if digest in self.blocked else Standing(standing))
            for kind, digest, standing in rows
        ]

    def find_at(self, base: int, number: int, digest: bytes) -> Known | None:
        """The same in another registry that is staged."""
        rows = self.rows(_KNOWN, base, number, digest)
        if not rows:
            return None
        holder, standing, from_ms, until_ms, codes, language, residence, born = rows[0]
        times = (from_ms, until_ms)
        return Known(holder, Standing(standing), *times, tuple(codes.split()), language, residence, day(born))

    def has_ended(self, now_ms: int) -> bool:
        """Whether the registry in force counts no more: nobody is known then."""
        return bool(self.ends_ms) and now_ms >= self.ends_ms

    def holders(self) -> int:
        """How many holders the registry in force has."""
        return int(self.rows(f"SELECT count(*) FROM holder WHERE {AT}", self._base, self.number)[0][0])

    def sample(self, number: int, most: int) -> list[bytes]:
        """Digests of some credentials in a staged registry: `probe` must find them. Not in the event loop."""
        with self.reading() as db:
            base = base_of(db, number)
            chosen = db.execute(f"SELECT digest FROM credential WHERE {AT} LIMIT ?3", (base, number, most))
            return [digest for (digest,) in chosen]

    def probe(self, number: int, digests: Iterable[bytes]) -> bool:
        """Whether a tap would find all of these in a staged registry."""
        rows = self.rows("SELECT base FROM registry WHERE number=?", number)
        return bool(rows) and all(self.find_at(rows[0][0], number, digest) is not None for digest in digests)

    def size_of(self, number: int) -> int:
        """Holders of a staged registry, 0 when it is not here. Not in the event loop."""
        with self.reading() as db:
            base = base_of(db, number)
            return int(db.execute(f"SELECT count(*) FROM holder WHERE {AT}", (base, number)).fetchone()[0])

    # Staging: all of it slow, not in the event loop ------------------------------------------------------

    def stage_registry(self, number: int, content: RegistryContent | Iterable[bytes], key_id: str) -> str:
        """Write a whole registry under its number; not yet in force. Returns the SHA-256 that names it.

        `content` is a registry or the pieces of a written one: memory does not grow with it. Raises `InputRefused` when
        it makes no sense, or was made with another key than ours: no card would ever be found in it.
        """
        pieces = (registry.encode(content),) if isinstance(content, RegistryContent) else content
        self._clear_base(number)
        lines = registry.read(pieces)
        header = next(lines)
        if isinstance(header, registry.RegistryHeader):
            _check_key(header.key_id, key_id)
        while batch := list(islice(lines, BATCH)):
            with self.writing() as db:
                insert(db, number, number, batch)
        with self.writing() as db:
            if (nobody := orphan(db, number, number)) is not None:
                raise InputRefused(f"a credential belongs to holder {nobody!r}, who is not in the registry")
            return self._finish(db, number, number, key_id)

    def stage_delta(self, number: int, delta: RegistryDelta, base_number: int, key_id: str, result: str) -> None:
        """Write what leads from a registry that is here to this one; not yet in force. All in one transaction.

        Raises `InputRefused`, with nothing changed, when it does not fit or does not lead to `result`.
        """
        _check_key(delta.key_id, key_id)
        with self.writing() as db:
            base = base_of(db, base_number)
            if not base:
                raise InputRefused(f"a delta from registry {base_number}, which is not here", code="bundle_base")
            forget_after(db, base, base_number)
            for holder in (*delta.gone_holders, *(holder.id for holder in delta.holders)):
                db.execute("UPDATE holder SET gone=? WHERE base=? AND id=? AND gone=?", (number, base, holder, NEVER))
            for digest in (*delta.gone_credentials, *(card.digest for card in delta.credentials)):
                row = (number, base, bytes.fromhex(digest), NEVER)
                db.execute("UPDATE credential SET gone=? WHERE base=? AND digest=? AND gone=?", row)
            try:
                insert(db, base, number, (*delta.holders, *delta.credentials))
            except sqlite3.IntegrityError as error:
                raise InputRefused("something stands in the delta twice", code="bundle_base") from error
            if orphan(db, base, number) is not None:
                # The signer counts on a holder who was forgotten here; who that is, is not said again.
                raise InputRefused("it gives a card to somebody who is not here", code="bundle_base")
            found = self._finish(db, base, number, key_id)
            if found != result:
                raise InputRefused(f"it leads to registry {found[:12]}, not to {result[:12]}", code="bundle_base")

    def _finish(self, db: sqlite3.Connection, base: int, number: int, key_id: str) -> str:
        """The last step of staging: this is its name. Reads back every row that was written."""
        found = registry.name(self._unless_interrupted(written(db, base, number, key_id)))
        db.execute("INSERT OR REPLACE INTO registry VALUES (?,?,?,?)", (number, base, key_id, found))
        return found

    def _unless_interrupted(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            self.check_interrupted()
            yield line

    def unstage(self, number: int) -> None:
        """Take back what was staged and is not going to be in force."""
        with self.writing() as db:
            db.execute("DELETE FROM registry WHERE number=?", (number,))

    def drop_other_registries(self, keep: Collection[int] = ()) -> None:
        """Delete what neither the one in force nor those to `keep` need, a little at a time."""
        with self.reading() as db:
            kept = {n: b for n, b in db.execute("SELECT number, base FROM registry") if n == self.number or n in keep}
        with self.writing() as db:
            marks = ",".join("?" * len(kept))
            db.execute(f"DELETE FROM registry WHERE number NOT IN ({marks})", tuple(kept))
        for base in self._bases() - set(kept.values()):
            self._clear_base(base)
        for base in set(kept.values()):
            numbers = [number for number, of in kept.items() if of == base]
            for table in ("credential", "holder"):
                self._clear(table, "gone<=? OR since>?", base, min(numbers), max(numbers))

    def _bases(self) -> set[int]:
        with self.reading() as db:
            found = set()
            for table in ("credential", "holder"):
                base = -1
                # By jumps along the key: a scan of a city's rows would read them all.
                while (
                    row := db.execute(f"SELECT min(base) FROM {table} WHERE base>?", (base,)).fetchone()[0]
                ) is not None:
                    found.add(base := row)
            return found

    def _clear_base(self, base: int) -> None:
        with self.writing() as db:
            db.execute("DELETE FROM registry WHERE base=?", (base,))
        for table in ("credential", "holder"):
            self._clear(table, "1", base)

    def _clear(self, table: str, which: str, base: int, *bounds: int) -> None:
        key = {"credential": "digest", "holder": "id"}[table]
        rows = f"SELECT base, {key}, since FROM {table} WHERE base=? AND ({which}) LIMIT {BATCH}"
        while True:
            with self.writing() as db:
                gone = db.execute(
                    f"DELETE FROM {table} WHERE (base, {key}, since) IN ({rows})", (base, *bounds)
                ).rowcount
            if gone < BATCH:
                return


def _check_key(made_with: str, ours: str) -> None:
    if made_with != ours:
        raise InputRefused(
            f"registry made with card key {made_with!r}, this gateway has {ours!r}",
            "Give the gateway the current key, or publish a registry made with its key",
        )
