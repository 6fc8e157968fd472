"""What the ledger keeps of bundles: the number in force and the highest ever, the past, the keys, the blocked cards.

All of it is written in the very commit that the audit entry is in, and none of it ever goes back.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict
from gateway.wire.bundle import BundleKind, Manifest, TrustedKey

KEPT = 50
"""Rows of the past per kind."""


class How(StrEnum):
    """How a bundle came to be in force."""

    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"
    RETURNED = "returned"
    """By itself: the newer one could not be used any more."""


class Row(msgspec.Struct, frozen=True):
    """Where a kind stands. `number` is in force, `highest` was ever accepted, `previous` can be gone back to."""

    number: int
    sha256: str
    highest: int
    highest_sha256: str
    previous: int

    @property
    def rolled_back(self) -> bool:
        return self.number < self.highest


class Past(msgspec.Struct, frozen=True):
    """One line of the history."""

    kind: BundleKind
    number: int
    sha256: str
    created_ms: int
    expires_ms: int
    grace_ms: int
    at_ms: int
    how: How


def row_of(ledger: Ledger, kind: BundleKind) -> Row | None:
    """None when no bundle of this kind was ever in force."""
    sql = "SELECT number, sha256, max(highest, number), highest_sha256, previous FROM bundle WHERE kind=?"
    found = ledger.query(sql, (kind.value,))
    if not found:
        return None
    number, sha256, highest, highest_sha256, previous = found[0]
    return Row(number, sha256, highest, highest_sha256 or sha256, previous)


def past(ledger: Ledger) -> list[Past]:
    """What was put in force, the newest first."""
    rows = ledger.query(
        "SELECT kind, number, sha256, created_ms, expires_ms, grace_ms, at_ms, how FROM bundle_past ORDER BY id DESC"
    )
    return [
        Past(BundleKind(k), n, sha, made, ends, grace, at, How(how)) for k, n, sha, made, ends, grace, at, how in rows
    ]


def past_of(ledger: Ledger, kind: BundleKind, number: int) -> Past | None:
    """What is known of this bundle, from when it was last put in force."""
    return next((one for one in past(ledger) if (one.kind, one.number) == (kind, number)), None)


def newest_created_ms(ledger: Ledger) -> int:
    """It is at least this late: somebody whom we trust signed something then."""
    return int(ledger.query("SELECT coalesce(max(created_ms), 0) FROM bundle_past")[0][0])


def keys(ledger: Ledger) -> tuple[tuple[TrustedKey, ...], frozenset[bytes]]:
    """Keys that may sign by the newest bundle of keys (none: there was none), and the public keys that never may."""
    rows = ledger.query("SELECT key_id, public, retired FROM bundle_key ORDER BY key_id")
    valid = tuple(TrustedKey(key_id, public) for key_id, public, retired in rows if not retired)
    return valid, frozenset(public for _, public, retired in rows if retired)


def blocks(ledger: Ledger) -> bytes | None:
    """Content of the list of blocked cards in force."""
    rows = ledger.query("SELECT content FROM bundle_blocks")
    return rows[0][0] if rows else None


def trusted(ledger: Ledger) -> bytes | None:
    """Content of the trust list in force."""
    rows = ledger.query("SELECT content FROM bundle_trust")
    return rows[0][0] if rows else None


class InForce(msgspec.Struct, frozen=True):
    """Effect: this bundle is in force, and no earlier one ever will be again unless a person goes back to it."""

    manifest: Manifest

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        manifest = self.manifest
        kind, number, outcome = manifest.kind.value, manifest.number, manifest.outcome
        row = db.execute("SELECT number, max(highest, number), previous FROM bundle WHERE kind=?", (kind,))
        before, highest, previous = row.fetchone() or (0, 0, 0)
        if highest > number:
            raise Conflict(f"bundle {kind} {highest} was in force, {number} is older")
        if before != number:
            previous = before
        db.execute(
            "INSERT OR REPLACE INTO bundle (kind, number, sha256, applied_ms, highest, highest_sha256, previous) "
            "VALUES (?,?,?,?,?,?,?)",
            (kind, number, outcome, now.wall_ms, number, outcome, previous),
        )
        times = manifest.created_ms, manifest.expires_ms, manifest.grace_ms
        _remember(db, (kind, number, outcome, *times, now.wall_ms, How.APPLIED.value))


class WentBack(msgspec.Struct, frozen=True):
    """Effect: the bundle before is in force again; the highest number stays what it was."""

    to: Past
    how: How

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        to = self.to
        set_back = (
            "UPDATE bundle SET highest=max(highest, number), "
            "highest_sha256=iif(highest_sha256='', sha256, highest_sha256), "
            "number=?, sha256=?, applied_ms=?, previous=0 WHERE kind=? AND previous=?"
        )
        if not db.execute(set_back, (to.number, to.sha256, now.wall_ms, to.kind.value, to.number)).rowcount:
            raise Conflict(f"{to.kind} {to.number} is not the one before any more")
        times = to.created_ms, to.expires_ms, to.grace_ms
        _remember(db, (to.kind.value, to.number, to.sha256, *times, now.wall_ms, self.how.value))


class KeysInForce(msgspec.Struct, frozen=True):
    """Effect: these keys may sign, and those that could until now and are not among them never may again."""

    keys: tuple[TrustedKey, ...]
    before: tuple[TrustedKey, ...]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        retired = [(key.public, key.key_id, 1) for key in self.before]
        valid = [(key.public, key.key_id, 0) for key in self.keys]
        db.executemany("INSERT OR REPLACE INTO bundle_key VALUES (?,?,?)", retired + valid)


class BlocksInForce(msgspec.Struct, frozen=True):
    """Effect: this is the list of blocked cards."""

    content: bytes

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT OR REPLACE INTO bundle_blocks VALUES (1, ?)", (self.content,))


class TrustInForce(msgspec.Struct, frozen=True):
    """Effect: this is the trust list."""

    content: bytes

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("INSERT OR REPLACE INTO bundle_trust VALUES (1, ?)", (self.content,))


def _remember(db: sqlite3.Connection, row: tuple[object, ...]) -> None:
    db.execute("INSERT INTO bundle_past VALUES (NULL,?,?,?,?,?,?,?,?)", row)
    old = "SELECT id FROM bundle_past WHERE kind=? ORDER BY id DESC LIMIT -1 OFFSET ?"
    db.execute(f"DELETE FROM bundle_past WHERE id IN ({old})", (row[0], KEPT))
