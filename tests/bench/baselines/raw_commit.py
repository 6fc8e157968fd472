"""Baseline of tap and ledger: one table in SQLite, WAL, synchronous=FULL, one transaction at a time. Nothing else.

    python -m tests.bench.baselines.raw_commit FILE

Commands: `groups` {sizes, bytes}: commit groups of so many rows of so many bytes, answers the seconds;
`paced` {at_ns, bytes}: one row at each of these monotonic moments, answers milliseconds each; `rows` {}.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time

from drivers.simulators import control


class RawTable:
    """The file."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def commit(self, bodies: list[bytes]) -> int:
        """One transaction. Returns nanoseconds."""
        began = time.monotonic_ns()
        self._db.execute("BEGIN IMMEDIATE")
        for body in bodies:
            self._db.execute("INSERT INTO entry (body) VALUES (?)", (body,))
        self._db.execute("COMMIT")
        return time.monotonic_ns() - began

    def groups(self, sizes: list[int], bytes: int) -> float:
        row = os.urandom(bytes)
        began = time.monotonic()
        for size in sizes:
            self.commit([row] * size)
        return time.monotonic() - began

    def paced(self, at_ns: list[int], bytes: int) -> list[float]:
        row = os.urandom(bytes)
        took = []
        for moment in at_ns:
            time.sleep(max(0.0, (moment - time.monotonic_ns()) / 1e9))
            took.append(self.commit([row]) / 1e6)
        return took

    def rows(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM entry").fetchone()[0])


def main() -> None:
    table = RawTable(sys.argv[1])
    control.serve({"file": sys.argv[1]}, {"groups": table.groups, "paced": table.paced, "rows": table.rows})


if __name__ == "__main__":
    main()
