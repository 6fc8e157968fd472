"""Bench `identity`: from a credential's digest to its holder, of a hundred thousand, beside one row by its key in raw
SQLite."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from gateway.identity.registry import Cache
from gateway.model.identification import CredentialKind
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from tests.bench.context import Context
from tests.bench.frame import Row, compare, p95, require

HOLDERS, HOLDERS_QUICK = 100_000, 2_000
LOOKUPS = 2_000
GROUPS = ("p1", "s1", "s2", "c1")


def run(context: Context) -> list[Row]:
    number = HOLDERS_QUICK if context.quick else HOLDERS
    cache = Cache(context.folder / "cache.db")
    cache.start()
    raw = _raw(context.folder / "raw.db", number)
    try:
        context.say(f"  staging {number:,} holders")
        cache.stage_registry(1, _registry(number), "bench")
        require(cache.use_registry(1), "the registry is not there")
        require(cache.holders() == number, f"{cache.holders()} holders, not {number}")
        ours, baseline = [], []
        chance = random.Random(1)
        for at in context.rounds(7):
            chosen = [chance.randrange(number) for _ in range(LOOKUPS)]
            ours.append(_timed([_digest(one) for one in chosen], chosen, lambda digest: _found(cache, digest)))
            baseline.append(_timed([_digest(one) for one in chosen], chosen, lambda digest: _row(raw, digest)))
            context.say(f"  round {at + 1}: {sorted(ours[-1])[LOOKUPS // 2]:.1f} us")
        require(cache.find(_digest(number)) is None, "somebody was found who is not there")
    finally:
        cache.stop()
        raw.close()
    return [
        compare("identity", "lookup_100k_us", "us", ours, baseline),
        compare("identity", "lookup_100k_p95_us", "us", ours, baseline, p95),
    ]


def _digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def _holder(number: int) -> str:
    return f"h-{number:07}"


def _registry(number: int) -> RegistryContent:
    return RegistryContent(
        "bench",
        tuple(RegistryHolder(_holder(at), (GROUPS[at % len(GROUPS)],), "lv") for at in range(number)),
        tuple(RegistryCredential(CredentialKind.CARD, _digest(at).hex(), _holder(at)) for at in range(number)),
    )


def _found(cache: Cache, digest: bytes) -> str:
    known = cache.find(digest)
    return known.holder if known is not None else ""


def _raw(path: Path, number: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE card (digest BLOB PRIMARY KEY, holder TEXT NOT NULL, groups INTEGER) WITHOUT ROWID")
    db.execute("BEGIN")
    db.executemany("INSERT INTO card VALUES (?,?,1)", ((_digest(at), _holder(at)) for at in range(number)))
    db.execute("COMMIT")
    return db


def _row(raw: sqlite3.Connection, digest: bytes) -> str:
    return str(raw.execute("SELECT holder, groups FROM card WHERE digest=?", (digest,)).fetchone()[0])


def _timed(digests: list[bytes], numbers: list[int], find: Callable[[bytes], str]) -> list[float]:
    """Microseconds each."""
    took, found = [], []
    for digest in digests:
        began = time.perf_counter_ns()
        holder = find(digest)
        took.append((time.perf_counter_ns() - began) / 1000)
        found.append(holder)
    require(found == [_holder(number) for number in numbers], "another holder was found")
    return took
