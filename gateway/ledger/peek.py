"""A look into a file that may be damaged: what can be read is answered, what cannot is nothing, never a fault."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises. The second when SQLite's own words on it quote what stands there."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A reader of a file that may be damaged, or None. An empty file is not opened: SQLite would delete its log."""
    if not path.exists() or path.stat().st_size == 0:
        yield None
        return
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=1)
    except sqlite3.Error:
        yield None
        return
    try:
        yield db
    finally:
        db.close()


def answers(db: sqlite3.Connection, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
    """What a damaged file answers; nothing when it cannot."""
    try:
        return db.execute(sql, parameters).fetchall()
    except UNREADABLE:
        return []


def meta_of(path: Path) -> dict[str, str]:
    with reading(path) as db:
        return {} if db is None else {str(key): str(value) for key, value in answers(db, "SELECT key, value FROM meta")}


def number_of(meta: dict[str, str], otherwise: int) -> int:
    """Which epoch of this gateway it is, the first being 1; `otherwise` where the file does not say a number."""
    number = meta.get("number", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else otherwise
