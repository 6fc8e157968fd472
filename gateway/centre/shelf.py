"""The signed bundles that the centre keeps, in pieces as they travel, and what each gateway has said to have in force.

Functions on an open transaction of the store: each is one small piece of SQL, so that another store can have them too.
The content of a bundle goes when a newer one of its kind and target is here; keys stay, for a gateway that was away
must follow every change of them in its order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec

from gateway.model.bodies import BundleBody
from gateway.model.entry import Entry, EntryKind
from gateway.model.errors import Conflict
from gateway.wire import chunks
from gateway.wire.bundle import MAX_NUMBER, MAX_WHOLE, BundleKind, Manifest, SignedBundle

EVERYONE = "*"
"""The target of a bundle for all gateways of the city."""
ORDER = (BundleKind.KEYS, BundleKind.BLOCKS, BundleKind.RULES, BundleKind.REGISTRY)
"""In which a gateway is told: the next one may be signed with a key that the one before brings."""

TABLES = """
CREATE TABLE bundles (
  kind TEXT NOT NULL, target TEXT NOT NULL, number INTEGER NOT NULL, base INTEGER NOT NULL,
  created_ms INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  manifest BLOB NOT NULL, signature TEXT NOT NULL, PRIMARY KEY (kind, target, number, base));
CREATE TABLE bundle_chunks (
  sha256 TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (sha256, part));
CREATE TABLE bundles_told (
  gateway TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, kind)) WITHOUT ROWID;
"""

_COLUMNS = "SELECT sha256, size, manifest, signature FROM bundles WHERE kind = ? AND number = ? AND base = ?"


class Unreached(msgspec.Struct, frozen=True):
    """A gateway that has not confirmed the newest bundle of a kind. `told` is what it has said last, 0 for nothing."""

    gateway: str
    online: bool
    kind: BundleKind
    newest: int
    told: int


def put(db: sqlite3.Connection, manifest: Manifest, bundle: SignedBundle) -> None:
    """Keep a verified bundle. Raises `Conflict` when its number is not greater than the newest of its kind that any of
    its gateways may have (they count per kind, whatever the target), or when a delta leads to what is not here."""
    content = bundle.content or b""
    if manifest.base:
        _check_leads_somewhere(db, manifest)
    else:
        sql = "SELECT max(number) FROM bundles WHERE kind = ?1 AND (?2 = ?3 OR target IN (?2, ?3))"
        newest = db.execute(sql, (manifest.kind.value, manifest.target, EVERYONE)).fetchone()[0] or 0
        if manifest.number <= newest:
            raise Conflict(
                f"{manifest.kind} bundle {manifest.number} for {manifest.target}: {newest} is already published",
                f"Number it {newest + 1} and sign it again",
            )
    place = (manifest.kind.value, manifest.target, manifest.number, manifest.base)
    row = (*place, manifest.created_ms, manifest.sha256, manifest.size, bundle.manifest, bundle.signature)
    db.execute("INSERT OR REPLACE INTO bundles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    step = chunks.CHUNK_BYTES
    parts = [(manifest.sha256, at // step, content[at : at + step]) for at in range(0, len(content), step)]
    db.executemany("INSERT OR REPLACE INTO bundle_chunks VALUES (?, ?, ?)", parts)
    _prune(db, manifest)


def announcement(db: sqlite3.Connection, kind: BundleKind, target: str, number: int, base: int = 0) -> bytes | None:
    """A bundle as it is sent to a gateway: with its content when that is small. None when it is not here."""
    row = db.execute(f"{_COLUMNS} AND target = ?", (kind.value, number, base, target)).fetchone()
    if row is None:
        return None
    sha256, size, manifest, signature = row
    content = None
    if size <= MAX_WHOLE:
        content = (chunk(db, sha256, 0) or b"") if size else b""
        if len(content) != size:
            return None  # Its content is gone: a newer one is here.
    return msgspec.json.encode(SignedBundle(manifest, signature, content))


def owed(db: sqlite3.Connection, gateway: str, numbers: Mapping[str, int]) -> list[bytes]:
    """What a gateway lacks that has these numbers in force: all newer keys, and the newest of each other kind; a delta
    where one leads from what it has."""
    found: list[bytes | None] = []
    for kind in ORDER:
        known = min(max(0, numbers.get(kind.value, 0)), MAX_NUMBER)  # A birth may say anything.
        sql = (
            "SELECT number, target FROM bundles WHERE kind = ? AND base = 0 AND target IN (?, ?) AND number > ? "
            "ORDER BY number DESC"
        )
        rows = db.execute(sql, (kind.value, gateway, EVERYONE, known)).fetchall()
        if kind is BundleKind.KEYS:
            found += [announcement(db, kind, target, number) for number, target in reversed(rows)]
        elif rows:
            number, target = rows[0]
            delta = announcement(db, kind, target, number, known) if known else None
            found.append(delta or announcement(db, kind, target, number))
    return [one for one in found if one is not None]


def whole(db: sqlite3.Connection, gateway: str, kind: BundleKind) -> bytes | None:
    """The newest bundle of a kind for this gateway that is no delta."""
    sql = "SELECT number, target FROM bundles WHERE kind = ? AND base = 0 AND target IN (?, ?) ORDER BY number DESC"
    row = db.execute(sql, (kind.value, gateway, EVERYONE)).fetchone()
    return None if row is None else announcement(db, kind, row[1], row[0])


def chunk(db: sqlite3.Connection, sha256: str, index: int) -> bytes | None:
    """One chunk of a content; None when it is not here."""
    row = db.execute("SELECT data FROM bundle_chunks WHERE sha256 = ? AND part = ?", (sha256, index)).fetchone()
    return None if row is None else row[0]


def chunk_for(db: sqlite3.Connection, gateway: str, sha256: str, index: int) -> bytes | None:
    """The same, when the content is meant for this gateway: another's registry is none of its business."""
    sql = "SELECT 1 FROM bundles WHERE sha256 = ? AND target IN (?, ?) LIMIT 1"
    return chunk(db, sha256, index) if db.execute(sql, (sha256, gateway, EVERYONE)).fetchone() else None


def deltas_to(db: sqlite3.Connection, target: str, number: int) -> dict[int, bytes]:
    """Announcements of the deltas that lead to this registry, by the number that they lead from."""
    sql = "SELECT base FROM bundles WHERE kind = ? AND target = ? AND number = ? AND base > 0"
    bases = [base for (base,) in db.execute(sql, (BundleKind.REGISTRY.value, target, number))]
    found = {base: announcement(db, BundleKind.REGISTRY, target, number, base) for base in bases}
    return {base: told for base, told in found.items() if told is not None}


# What gateways say -------------------------------------------------------------------------------------------


def hear_birth(db: sqlite3.Connection, gateway: str, numbers: Mapping[str, int], now_ms: int) -> None:
    """A birth names every bundle in force there."""
    db.execute("DELETE FROM bundles_told WHERE gateway = ?", (gateway,))
    rows = [(gateway, kind, number, now_ms) for kind, number in numbers.items() if _is_one(kind, number)]
    db.executemany("INSERT INTO bundles_told VALUES (?, ?, ?, ?)", rows)


def hear_entry(db: sqlite3.Connection, entry: Entry, now_ms: int) -> None:
    """An entry may say that a bundle is in force. A repeated one takes nothing back."""
    kind = entry.header.kind
    if kind not in (EntryKind.BUNDLE_APPLIED, EntryKind.BUNDLE_RETURNED) or entry.body is None:
        return
    try:
        body = msgspec.json.decode(entry.body, type=BundleBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # It is stored all the same; people see it.
    if not _is_one(body.bundle, body.number):
        return
    number = "max(number, excluded.number)" if kind is EntryKind.BUNDLE_APPLIED else "excluded.number"
    update = f"number = {number}, at_ms = excluded.at_ms"
    sql = f"INSERT INTO bundles_told VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET {update}"
    db.execute(sql, (entry.header.id.gateway, body.bundle, body.number, now_ms))


def told(db: sqlite3.Connection, gateway: str) -> dict[str, int]:
    """The numbers that a gateway has said to have in force."""
    return dict(db.execute("SELECT kind, number FROM bundles_told WHERE gateway = ?", (gateway,)).fetchall())


def unreached(db: sqlite3.Connection) -> list[Unreached]:
    """Every gateway that has ever been heard of, with each kind whose newest bundle it has not confirmed."""
    sql = """
        SELECT g.gateway, g.online, b.kind, max(b.number), coalesce(t.number, 0) FROM gateways g
        JOIN bundles b ON b.target IN (g.gateway, '*')
        LEFT JOIN bundles_told t ON t.gateway = g.gateway AND t.kind = b.kind
        GROUP BY g.gateway, b.kind HAVING max(b.number) > coalesce(t.number, 0) ORDER BY b.kind, g.gateway"""
    rows = db.execute(sql).fetchall()
    return [Unreached(gateway, bool(on), BundleKind(kind), newest, said) for gateway, on, kind, newest, said in rows]


# -------------------------------------------------------------------------------------------------------------


def _is_one(kind: str, number: int) -> bool:
    """Whether there can be such a bundle: what gateways say must not fill the store with what there is not."""
    return kind in ORDER and 0 < number <= MAX_NUMBER


def _check_leads_somewhere(db: sqlite3.Connection, manifest: Manifest) -> None:
    row = db.execute(
        f"{_COLUMNS} AND target = ?", (manifest.kind.value, manifest.number, 0, manifest.target)
    ).fetchone()
    if row is None or row[0] != manifest.result:
        raise Conflict(
            f"a delta to registry {manifest.number} of {manifest.target}, which is not published with that content",
            "Publish the whole registry first, or together with it",
        )


def _prune(db: sqlite3.Connection, newest: Manifest) -> None:
    if newest.kind is BundleKind.KEYS:
        return
    older = "SELECT sha256 FROM bundles WHERE kind = ?1 AND target = ?2 AND number < ?3"
    living = "SELECT sha256 FROM bundles WHERE NOT (kind = ?1 AND target = ?2 AND number < ?3)"
    sql = f"DELETE FROM bundle_chunks WHERE sha256 IN ({older}) AND sha256 NOT IN ({living})"
    db.execute(sql, (newest.kind.value, newest.target, newest.number))
