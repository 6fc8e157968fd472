"""Rows of registries in cache.db: a row counts from the number `since` on and before the number `gone`, within the
whole registry `base` that it was staged with or changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date

from gateway.model.identification import CredentialKind
from gateway.wire import registry
from gateway.wire.contents import RegistryCredential, RegistryHolder, Standing

NEVER = 2**62
"""`gone` of a row that counts until something changes it."""

AT = "base=?1 AND since<=?2 AND gone>?2"
"""Which rows are those of one registry: base, number."""
_ORPHAN = (
    f"SELECT holder FROM credential c WHERE {AT} AND NOT EXISTS "
    "(SELECT 1 FROM holder h WHERE h.base=?1 AND h.id=c.holder AND h.since<=?2 AND h.gone>?2) LIMIT 1"
)


def base_of(db: sqlite3.Connection, number: int) -> int:
    """Of a staged registry; 0 when it is not here."""
    row = db.execute("SELECT base FROM registry WHERE number=?", (number,)).fetchone()
    return row[0] if row is not None else 0


def orphan(db: sqlite3.Connection, base: int, number: int) -> str | None:
    """A holder who has a credential in this registry and is not in it himself."""
    row = db.execute(_ORPHAN, (base, number)).fetchone()
    return None if row is None else row[0]


def insert(db: sqlite3.Connection, base: int, since: int, lines: Iterable[registry.Line]) -> None:
    """Write holders and credentials, which count from this number on. Raises `sqlite3.IntegrityError` for one twice."""
    people, cards = [], []
    for line in lines:
        if isinstance(line, RegistryHolder):
            born = None if line.born is None else line.born.isoformat()
            facts = (" ".join(line.entitlements), line.language, line.residence, born)
            people.append((base, line.id, since, NEVER, *facts))
        elif isinstance(line, RegistryCredential):
            digest, times = bytes.fromhex(line.digest), (line.from_ms, line.until_ms)
            cards.append((base, digest, since, NEVER, line.kind.value, line.holder, line.standing.value, *times))
    db.executemany("INSERT INTO holder VALUES (?,?,?,?,?,?,?,?)", people)
    db.executemany("INSERT INTO credential VALUES (?,?,?,?,?,?,?,?,?)", cards)


def written(db: sqlite3.Connection, base: int, number: int, key_id: str) -> Iterator[bytes]:
    """The registry, as it would be written into a file."""
    at = (base, number)
    tables = ("holder", "credential")
    people, cards = (db.execute(f"SELECT count(*) FROM {table} WHERE {AT}", at).fetchone()[0] for table in tables)
    holders = db.execute(f"SELECT id, entitlements, language, residence, born FROM holder WHERE {AT} ORDER BY id", at)
    credentials = db.execute(
        f"SELECT kind, digest, holder, standing, from_ms, until_ms FROM credential WHERE {AT} ORDER BY digest", at
    )
    return registry.write(
        key_id,
        (people, cards),
        (
            RegistryHolder(id, tuple(codes.split()), language, residence, day(born))
            for id, codes, language, residence, born in holders
        ),
        (
            RegistryCredential(CredentialKind(kind), digest.hex(), holder, Standing(standing), first, last)
            for kind, digest, holder, standing, first, last in credentials
        ),
    )


def day(written: str | None) -> date | None:
    """A date as it stands in a row."""
    return None if written is None else date.fromisoformat(written)


def forget_after(db: sqlite3.Connection, base: int, number: int) -> None:
    """What was staged after this number and is not in force: rolled back, or cut off on the way."""
    for table in ("credential", "holder"):
        db.execute(f"DELETE FROM {table} WHERE base=? AND since>?", (base, number))
        db.execute(f"UPDATE {table} SET gone={NEVER} WHERE base=? AND gone>? AND gone<>{NEVER}", (base, number))
    db.execute("DELETE FROM registry WHERE base=? AND number>?", (base, number))
