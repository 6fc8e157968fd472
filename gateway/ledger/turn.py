"""The turn from one epoch to the next while the gateway runs. The steps on disk are those of `epochs`."""

from __future__ import annotations

import sqlite3

from gateway.ledger import schema
from gateway.ledger.epochs import append, audit, build, finish, fold, found, new_epoch_id, ready, settle
from gateway.ledger.files import Disk, Names
from gateway.ledger.peek import number_of
from gateway.ledger.rows import last_seq
from gateway.ledger.state import take_over
from gateway.model.bodies import EpochBeganBody, EpochReason
from gateway.model.clock import Stamp
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError


class Turn:
    """From epoch `previous`, whose ledger is open but quiet, to a new one."""

    def __init__(self, names: Names, gateway: str, previous: str, number: int, disk: Disk) -> None:
        self._names = names
        self._gateway = gateway
        self._previous = previous
        self._number = number
        self._disk = disk

    def prepare(self, old: sqlite3.Connection, at: Stamp, reason: EpochReason, detail: str) -> str:
        """Write the new file beside the old one, which is only read; returns the new epoch's id. May take a second: not
        in the event loop. Raises `LedgerError`."""
        names, epoch = self._names, new_epoch_id()
        lost = reason is not EpochReason.ORDERED
        body = EpochBeganBody(
            previous=self._previous,
            reason=reason,
            detail=detail[:500],
            last={stream.value: last_seq(old, stream) for stream in Stream},
            ask_centre=lost,
            alarm=lost,
        )
        plan = {
            "previous": self._previous,
            "number": str(self._number + 1),
            "present_to": names.older(self._previous).name,
            "salvaged_to": "",
        }

        def fill(db: sqlite3.Connection) -> None:
            found(db, self._gateway, epoch, **plan)
            # What the card has lost may have been a use of a lease.
            if unread := take_over(db, old, copy=lost):
                raise LedgerError(
                    f"state cannot be read: {', '.join(unread)}",
                    "Restart the gateway: a start looks at the whole file and puts it right",
                    where=str(names.present),
                )
            append(db, self._gateway, epoch, [audit(EntryKind.EPOCH_BEGAN, body)], at)

        build(names.building("next"), fill, self._disk)
        return epoch

    def swap(self) -> None:
        """Put the new file in place; the old one is closed. Some synchronisations long.

        Raises `NotReady`, `LedgerError`: `reopened` then finds whichever file is the present one.
        """
        try:
            fold(self._names.present)
            ready(self._names, self._names.building("next"), self._names.next, self._disk)
            finish(self._names, self._disk)
        except OSError as error:
            raise LedgerError(str(error), "See `smartplace doctor`", where=str(self._names.present)) from error


def reopened(names: Names, disk: Disk, old: sqlite3.Connection) -> tuple[sqlite3.Connection, str, int]:
    """After a turn, whatever became of it: the present file, open, its epoch and number. Raises `LedgerError`."""
    old.close()
    try:
        settle(names, disk)
        db = schema.connect(names.present)
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        db.execute("UPDATE meta SET value='0' WHERE key='clean'")
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(str(error), "See `smartplace doctor`", where=str(names.present)) from error
    return db, meta["epoch"], number_of(meta, 1)
