"""What SQLite and a full card say, as errors with an advice."""

from __future__ import annotations

import sqlite3

from gateway.model.errors import LedgerError

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
"""No room for the file or its log, or for the log's index."""
_ADVICE = {
    "SQLITE_FULL": "The card is full: free space on it",
    "SQLITE_READONLY": "The file system is read-only: check the card and `dmesg`",
    "SQLITE_IOERR_FSYNC": "The card did not confirm the write: replace it",
    "SQLITE_IOERR_WRITE": "The card refuses to write: see `dmesg`, replace it",
    "SQLITE_BUSY": "Another program holds the ledger open: stop it",
}


def is_full(error: sqlite3.Error) -> bool:
    """Whether the card has no room."""
    return getattr(error, "sqlite_errorcode", 0) in _FULL


def no_room() -> LedgerError:
    """The refusal while the card is too full to begin anything."""
    return LedgerError("not stored: no room is left", _ADVICE["SQLITE_FULL"], code="ledger_no_room")


def refused(error: sqlite3.Error) -> LedgerError:
    """The refusal of a commit that SQLite could not make, with the code `ledger_sqlite_…`."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    advice = _ADVICE.get(name, "See `smartplace doctor`")
    return LedgerError(f"not stored: {error}", advice, code=f"ledger_{name.lower()}")


def says_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is damaged."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
