"""From a state folder to an open ledger: what a cut left is finished, an older copy and a damaged file are noticed."""

from __future__ import annotations

import re
import sqlite3

import msgspec

from gateway.ledger import schema
from gateway.ledger.damage import ALWAYS_BYTES, SAYS_DAMAGE, check_content, trouble_of
from gateway.ledger.epochs import Trouble, found, new_epoch_id, settle
from gateway.ledger.files import Disk, Names, log_of
from gateway.ledger.mark import Mark, differs, read_mark
from gateway.ledger.peek import number_of
from gateway.ledger.wal import is_rotten
from gateway.model.bodies import EpochReason
from gateway.model.clock import Stamp
from gateway.model.errors import LedgerError, NotReady


class Opened(msgspec.Struct):
    """An open ledger that may be written to."""

    db: sqlite3.Connection
    epoch: str
    number: int
    was_clean: bool
    repaired: tuple[str, ...] = ()


def open_present(names: Names, gateway: str, at: Stamp, disk: Disk) -> Opened:
    """Open or create ledger.db. A file that is damaged, gone or an older copy gives way to a new epoch.

    Raises `LedgerError` when it is another gateway's or a newer program's, or when the card refuses.
    """
    try:
        repaired = [said] if (said := settle(names, disk)) else []
        mark = read_mark(names.mark)
        if mark is not None and mark.gateway != gateway:
            mark = None
        try:
            opened = _open(names, gateway, mark)
        except Trouble as trouble:
            from gateway.ledger.renew import Renewal  # Never needed at an ordinary start.

            repaired += Renewal(names, gateway, at, disk, mark).run(trouble)
            opened = _open(names, gateway, None)
            opened.was_clean = False
    except Trouble as trouble:
        raise LedgerError(f"the new file is damaged too: {trouble.what}", _KEEP, where=str(names.present)) from trouble
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(str(error), "See `smartplace doctor`", where=str(names.present)) from error
    except NotReady as error:
        raise LedgerError(error.what, error.advice, where=str(names.present), code=error.code) from error
    opened.repaired = tuple(repaired)
    return opened


_KEEP = "Keep the card and ask for help"


def _open(names: Names, gateway: str, mark: Mark | None) -> Opened:
    log = log_of(names.present)
    no_log = not log.exists()
    _look_at_files(names, mark, no_log=no_log)
    try:
        db = schema.connect(names.present)
    except LedgerError as error:
        raise trouble_of(error.__cause__, error) from error
    try:
        opened = _adopt(db, names, gateway, mark, no_log=no_log)
        opened.db = schema.connect(names.present)
        # The first has made or looked through all of the file: it keeps a hundred statements and up to 2 MB of pages
        # that nobody needs again. It is closed second: the last to close would move the log into the file.
        db.close()
        return opened
    except SAYS_DAMAGE as error:
        db.close()
        raise trouble_of(error, error) from error
    except (Trouble, LedgerError):
        db.close()
        raise


def _look_at_files(names: Names, mark: Mark | None, *, no_log: bool) -> None:
    """What must be seen before SQLite touches anything: it deletes the log of an empty file, and what of a log does not
    fit it takes for its end."""
    if not names.present.exists():
        if not no_log:
            raise Trouble(EpochReason.DAMAGED, "ledger.db is gone, its log is there")
        if mark is not None or names.all_older():
            raise Trouble(EpochReason.MISSING, "ledger.db is gone")
    elif names.present.stat().st_size == 0 and (mark is not None or not no_log or names.all_older()):
        raise Trouble(EpochReason.DAMAGED, "ledger.db is empty")
    elif is_rotten(log_of(names.present)):
        raise Trouble(EpochReason.DAMAGED, "the write-ahead log is damaged")


def _adopt(db: sqlite3.Connection, names: Names, gateway: str, mark: Mark | None, *, no_log: bool) -> Opened:
    version = schema.schema_of(db)
    known = mark.schema if mark is not None else version
    if version > schema.SCHEMA >= known and mark is not None:
        raise Trouble(EpochReason.DAMAGED, f"the file is damaged: it says schema {version}, it had {known}")
    if version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise Trouble(EpochReason.DAMAGED, "the file is damaged: it says no schema")
    made = schema.prepare(db, names.present)
    # Without a row and without a mark: a cut came after the tables; nothing was recorded in it, it is still a new file.
    if made or (mark is None and db.execute("SELECT 1 FROM meta").fetchone() is None):
        db.execute("BEGIN IMMEDIATE")
        found(db, gateway, new_epoch_id())
        db.execute("COMMIT")
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    epoch, owner, was_clean = meta["epoch"], meta["gateway"], meta["clean"] == "1"
    if owner != gateway and not (mark is not None and mark.epoch == epoch):
        raise LedgerError(
            f"it belongs to gateway {owner!r}, the configuration says {gateway!r}",
            "Correct gateway.id, or move the old state folder away",
            where=str(names.present),
        )
    if owner != gateway or not re.fullmatch(r"[0-9a-f]{8,64}", epoch):
        raise Trouble(EpochReason.DAMAGED, "the file is damaged: it does not say whose it is")
    pages = not was_clean or names.present.stat().st_size <= ALWAYS_BYTES
    check_content(db, gateway, epoch, pages=pages, whole=meta["clean"] == "damaged")
    _compare(db, names, gateway, meta, mark)
    if meta["clean"] == "0" and no_log:
        raise Trouble(EpochReason.OLDER_COPY, "the write-ahead log is gone: the newest entries may be missing")
    db.execute("UPDATE meta SET value='0' WHERE key='clean'")
    return Opened(db, epoch, number_of(meta, 1), was_clean)


def _compare(db: sqlite3.Connection, names: Names, gateway: str, meta: dict[str, str], mark: Mark | None) -> None:
    """Whether this is the file that was here last. Raises `Trouble`."""
    if mark is None:
        return
    epoch = meta["epoch"]
    difference = differs(db, gateway, epoch, mark)
    if mark.epoch == epoch:
        if difference:
            raise Trouble(EpochReason.OLDER_COPY, f"ledger.db was replaced by another copy: {difference}")
    elif mark.epoch == meta.get("previous") or names.older(mark.epoch).exists():
        return  # The mark is of the epoch before: a cut came between the new file and its mark.
    elif not difference and any(point.seq for point in mark.streams.values()):
        raise Trouble(EpochReason.DAMAGED, f"the file is damaged: it says epoch {epoch}, it is {mark.epoch}")
    else:
        raise Trouble(EpochReason.OLDER_COPY, f"ledger.db was replaced by a copy of epoch {epoch}")
