"""Whether a ledger's file is damaged: what SQLite says of it, and what a start looks at in it."""

from __future__ import annotations

import sqlite3

from gateway.ledger.epochs import Trouble
from gateway.ledger.rows import digest_at, end_of, last_seq
from gateway.ledger.verify import ChainBroken, check_stream
from gateway.model.bodies import EpochReason
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError

SAYS_DAMAGE = (sqlite3.Error, ChainBroken, KeyError, TypeError, ValueError)
"""What a look into a damaged file raises; `trouble_of` tells those of SQLite that speak of the card."""

_DAMAGE = (
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_IOERR_READ",
    "SQLITE_IOERR_SHORT_READ",
    "SQLITE_ERROR",
    "SQLITE_MISMATCH",
)
"""Result codes that speak of the file. Others (full, read-only, busy) speak of the card or of another program."""

ALWAYS_BYTES = 32 * 1024 * 1024
"""Of a file up to this size every start looks at all pages, also after a clean stop: 40 ms on a desktop, a second on a
Pi, most of it the card's. Of a greater one only after an unclean stop."""


def check_content(db: sqlite3.Connection, gateway: str, epoch: str, *, pages: bool, whole: bool) -> None:
    """Look at an open file: at its structure (`pages`), at the chain of each stream as far as a start verifies it (or
    `whole`), and whether it ends where it must. Raises `Trouble`, or one of `SAYS_DAMAGE`."""
    if pages and (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise Trouble(EpochReason.DAMAGED, f"the file is damaged: {' '.join(str(fault).split())}")
    for stream in Stream:
        check_stream(db, gateway, epoch, stream, whole=whole)
        digest_at(db, gateway, epoch, stream, last_seq(db, stream))
        check_end(db, stream)


def check_end(db: sqlite3.Connection, stream: Stream) -> None:
    """Whether everything is there that was once checked or acked. Raises `Trouble`."""
    acked, checked = db.execute("SELECT acked, checked FROM stream WHERE name=?", (stream,)).fetchone()
    end = end_of(db, stream)
    for number, was in ((acked, "acked to"), (checked, "checked to")):
        if number > end:
            raise Trouble(EpochReason.DAMAGED, f"the file is damaged: {stream} is {was} {number}, it ends at {end}")


def trouble_of(cause: BaseException | None, error: Exception) -> Exception:
    """What SQLite says of the file is trouble with the file, what it says of the card is the card's."""
    if isinstance(cause, sqlite3.Error):
        name = str(getattr(cause, "sqlite_errorname", ""))
        if name and not name.startswith(_DAMAGE):
            return error if isinstance(error, LedgerError) else cause
    elif isinstance(error, LedgerError) and not isinstance(cause, UnicodeDecodeError):
        return error  # A file system that does not allow write-ahead logging.
    return Trouble(EpochReason.DAMAGED, f"the file is damaged: {error}")
