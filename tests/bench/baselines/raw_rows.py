"""Baseline of intake: the same rows into a table of the same shape by plain `executemany`, a thousand a transaction.

    python -m tests.bench.baselines.raw_rows STORE       (an SQLite file, or the URL of a PostgreSQL database)

Commands: `store` {entries, body}: so many rows with so many bytes of body, answers the seconds; `rows` {}. No MQTT, no
JSON, no digest computed, no look at what is there already: the floor under any way to take entries in.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from typing import Any

import psycopg

from drivers.simulators import control

GROUP = 1000
NAMES = "gateway epoch stream seq kind wall_ms mono_ns boot quality previous commitment digest salt body received_ms"
TEXT = ("gateway", "epoch", "stream", "kind", "boot", "quality")
BYTES = ("previous", "commitment", "digest", "salt", "body")


class RawTable:
    """One table, one connection, as durable as the centre's own."""

    def __init__(self, store: str) -> None:
        self._is_file = "://" not in store
        self._db: Any = self._file(store) if self._is_file else psycopg.connect(store)
        number, blob = ("INTEGER", "BLOB") if self._is_file else ("BIGINT", "BYTEA")
        columns = [
            f"{name} {'TEXT' if name in TEXT else blob if name in BYTES else number} NOT NULL" for name in NAMES.split()
        ]
        key = "INTEGER PRIMARY KEY" if self._is_file else "BIGSERIAL PRIMARY KEY"
        unique = "UNIQUE (gateway, epoch, stream, seq)"
        self._db.execute(f"CREATE TABLE entry (arrival {key}, {', '.join(columns)}, {unique})")
        self._db.commit()
        mark = "?" if self._is_file else "%s"
        marks = ", ".join([mark] * len(columns))
        self._insert = f"INSERT INTO entry ({', '.join(NAMES.split())}) VALUES ({marks})"

    def store(self, entries: int, body: int) -> float:
        """Returns seconds; making the rows is not counted."""
        epoch, filler = os.urandom(16).hex(), os.urandom(body)
        rows = [self._row(epoch, number, filler) for number in range(1, entries + 1)]
        began = time.monotonic()
        for start in range(0, entries, GROUP):
            self._db.cursor().executemany(self._insert, rows[start : start + GROUP])
            self._db.commit()
        return time.monotonic() - began

    def rows(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entry").fetchone()[0])

    @staticmethod
    def _file(store: str) -> sqlite3.Connection:
        db = sqlite3.connect(store)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        return db

    @staticmethod
    def _row(epoch: str, number: int, body: bytes) -> tuple[object, ...]:
        digest = hashlib.sha256(b"%d" % number).digest()
        clocks = 1_795_424_400_000 + number, number * 10**9, "b" * 32, "ntp"
        key = f"gw-{number % 16}", epoch, "receipt", number, "receipt"
        return (*key, *clocks, digest, digest, digest, digest[:16], body, 1_795_424_400_000)


def main() -> None:
    table = RawTable(sys.argv[1])
    control.serve({"store": sys.argv[1]}, {"store": table.store, "rows": table.rows})


if __name__ == "__main__":
    main()
