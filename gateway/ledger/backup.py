"""A copy of the ledger while it is used, and the way back from one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.ledger import schema
from gateway.ledger.epochs import Trouble, settle
from gateway.ledger.files import Disk, Names
from gateway.ledger.mark import read_mark
from gateway.ledger.renew import Renewal
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.clock import Stamp
from gateway.model.errors import InputRefused, LedgerError, NotFound

PAGES = 256
"""Pages copied in one step: the writer gets its turn in between."""


class BackedUp(msgspec.Struct, frozen=True):
    """What was written. `bytes` of the new file."""

    path: str
    gateway: str
    epoch: str
    bytes: int


def back_up(names: Names, target: Path, disk: Disk) -> BackedUp:
    """Copy the present ledger, as of one moment, into a new file for its owner only; also while the gateway runs. The
    file is noted in `ledger.backups`, so that `forget` reaches it.

    Raises `InputRefused` when the target is there already, `NotFound`, `LedgerError`.
    """
    target = target.resolve()
    if target.exists():
        raise InputRefused("it is there already", "Give another name; nothing is overwritten", where=str(target))
    if not names.present.is_file():
        raise NotFound("there is no ledger", "Give --config", where=str(names.present))
    temporary = target.with_name(f"{target.name}.part")
    try:
        disk.remove(temporary)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with (
            closing(schema.connect(names.present, read_only=True)) as source,
            closing(sqlite3.connect(temporary, isolation_level=None)) as copy,
        ):
            source.backup(copy, pages=PAGES)
            copy.execute("PRAGMA journal_mode=DELETE")
            meta = dict(copy.execute("SELECT key, value FROM meta").fetchall())
        disk.sync_file(temporary)
        disk.rename(temporary, target)
        disk.sync_folder(target.parent)
        _note(names, target, disk)
    except (sqlite3.Error, OSError) as error:
        disk.remove(temporary)
        raise LedgerError(f"no backup: {error}", "Check the target and its free space", where=str(target)) from error
    return BackedUp(str(target), meta["gateway"], meta["epoch"], target.stat().st_size)


def restore(names: Names, gateway: str, source: Path, at: Stamp, disk: Disk) -> tuple[str, ...]:
    """Take a backup in: its entries are sent on under their epoch, a new epoch begins. A ledger that is there goes on
    as an older epoch, or is set aside where it is of the same epoch or damaged; its state counts, not the backup's. The
    gateway must not run. Returns what was done, in words.

    Raises `InputRefused` when the file is not a sound ledger of this gateway: nothing has changed then.
    """
    if not source.is_file():
        raise NotFound("there is no backup", "Give its path", where=str(source))
    try:
        report = verify(source)
    except LedgerError as error:
        raise InputRefused(f"it cannot be read: {error.what}", "Give another backup", where=str(source)) from error
    if report.gateway != gateway:
        raise InputRefused(f"it is of gateway {report.gateway!r}, this is {gateway!r}", where=str(source))
    if not report.clean:
        raise InputRefused("it does not verify", "See: smartplace ledger verify FILE", where=str(source))
    try:
        names.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settle(names, disk)
        trouble = Trouble(EpochReason.RESTORED, f"backup {source.name} was restored")
        told = Renewal(names, gateway, at, disk, read_mark(names.mark)).restore(trouble, source, report.epoch)
        disk.remove(names.mark)  # It speaks of what was here before; the next start writes its own.
        return told
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(f"not restored: {error}", "Nothing is lost; run it again", where=str(source)) from error


def listed_backups(names: Names) -> tuple[list[Path], list[Path]]:
    """Backups made by `back_up`: those that are there, and those that are not."""
    try:
        listed = names.backups.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return [], []
    paths = [Path(line) for line in dict.fromkeys(listed) if line]
    return [path for path in paths if path.is_file()], [path for path in paths if not path.is_file()]


def _note(names: Names, target: Path, disk: Disk) -> None:
    there, gone = listed_backups(names)
    lines = [str(path) for path in (*there, *gone, target)]
    disk.write(names.backups, "".join(f"{line}\n" for line in dict.fromkeys(lines)).encode(errors="surrogateescape"))
    if os.geteuid() == 0:  # The gateway itself must be able to read it.
        owner = names.folder.stat()
        os.chown(names.backups, owner.st_uid, owner.st_gid)
