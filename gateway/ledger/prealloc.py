"""The write-ahead log gets its size at the start, as real zero bytes, and keeps it.

A log that grows makes the file system write its own journal with every commit: two flushes and three times the bytes
until it has its size. SQLite 3.40 reads zeros after its last frame as the end of the log, writes over them from the
front, and leaves the size alone as long as the connection lives (`journal_size_limit=-1`). Reserved blocks that were
never written would not do: each first write to one changes the file system's metadata too.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.ledger.schema import LOG_PAGES, PAGE_BYTES

LOG_BYTES = (LOG_PAGES + 1000) * (PAGE_BYTES + 24)
"""Frames of 24 bytes and a page: as many as are gathered before they move into the file, and one large group."""


def preallocate(database: Path, spare: int) -> None:
    """Grow the log of this open database to `LOG_BYTES`, when so much more room is there. Call it while nobody writes.

    Raises `OSError`; then the log is as good as before, it only grows by itself.
    """
    log = database.with_name(f"{database.name}-wal")
    missing = LOG_BYTES - log.stat().st_size
    if missing <= 0 or spare < 2 * missing:
        return
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        block = bytes(1 << 16)
        while missing > 0:
            missing -= os.write(file, block[:missing])
        os.fsync(file)
    finally:
        os.close(file)
