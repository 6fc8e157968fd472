"""The file of an older epoch: takes no new entries, is sent until the centre has all of it, goes when that is long
ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.ledger import schema
from gateway.ledger.damage import ALWAYS_BYTES, SAYS_DAMAGE, check_content, check_end, trouble_of
from gateway.ledger.epochs import Trouble
from gateway.ledger.files import Disk, Names, log_of, shared_of
from gateway.ledger.opening import Opened
from gateway.ledger.peek import number_of
from gateway.ledger.reader import noticing, stored_entries
from gateway.ledger.rows import end_of, floor_of, last_seq
from gateway.ledger.wal import is_rotten
from gateway.model.bodies import EpochReason
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, Stream
from gateway.model.errors import Conflict, LedgerError

if TYPE_CHECKING:
    from gateway.ledger.mend import Mender

KEEP_OLDER_MS = 400 * 24 * 3600 * 1000
"""How long a drained file stays after its newest entry: longer than any refund or complaint about a receipt."""


class OlderEpoch:
    """One `ledger-EPOCH.db`, a `Source`. Used in the event loop only: its reads are by key, its writes (the watermark,
    quarantine) wait for no card, because losing one in a crash only sends entries again.

    `damaged` once a read has shown that the file is: the next start looks at every entry of it, and mends it.
    """

    def __init__(self, path: Path, gateway: str) -> None:
        self.path = path
        self.gateway = gateway
        self.epoch = Names.epoch_in(path)
        self.number = 0
        self.damaged = False

    def start(self) -> None:
        """Open. Raises `LedgerError` when it is damaged, another gateway's, or the card refuses."""
        try:
            self.open()
        except Trouble as trouble:
            raise LedgerError(
                trouble.what, "The next start of the gateway puts it right", where=str(self.path)
            ) from trouble

    def open(self, *, check: bool = False) -> None:
        """Open; with `check` as a start does: what is to be sent is looked at as in the present file. Raises `Trouble`
        when it is damaged, `LedgerError` when it is another gateway's or the card refuses."""
        log = log_of(self.path)
        unclean = log.exists()
        if not self.path.stat().st_size:  # Before SQLite: it would take it for a new file.
            raise Trouble(EpochReason.DAMAGED, "the file is empty")
        if is_rotten(log):
            raise Trouble(EpochReason.DAMAGED, "the write-ahead log is damaged")
        try:
            self._db = schema.connect(self.path)
        except LedgerError as error:
            raise trouble_of(error.__cause__, error) from error
        try:
            clean = self._adopt()
            if check:
                self._check(pages=unclean, whole=clean == "damaged")
        except SAYS_DAMAGE as error:
            self._db.close()
            fault = trouble_of(error, error)
            if isinstance(fault, Trouble | LedgerError):
                raise fault from error
            raise LedgerError(str(error), "See `smartplace doctor`", where=str(self.path)) from error
        except (Trouble, LedgerError):
            self._db.close()
            raise

    def _adopt(self) -> str:
        """Read what the file says of itself; returns how it was left."""
        db = self._db
        version = schema.schema_of(db)
        # A newer program would have brought the present file there too, and that one is open.
        if not 0 < version <= schema.SCHEMA:
            raise Trouble(EpochReason.DAMAGED, f"the file is damaged: it says schema {version}")
        schema.prepare(db, self.path)
        db.execute("PRAGMA synchronous=NORMAL")
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        if meta["gateway"] != self.gateway:
            if not self._follows_ours():
                raise LedgerError(f"it belongs to gateway {meta['gateway']!r}", "Move it away", where=str(self.path))
            raise Trouble(EpochReason.DAMAGED, "the file is damaged: it does not say whose it is")
        if meta["epoch"] != self.epoch:
            raise Trouble(EpochReason.DAMAGED, f"the file is damaged: it says epoch {meta['epoch']}")
        self.number = number_of(meta, 1)
        self._newest = {stream: last_seq(db, stream) for stream in Stream}
        self._last = {stream: end_of(db, stream) for stream in Stream}
        settled = db.execute("SELECT name, max(acked, floor) FROM stream GROUP BY name")
        self._acked = {Stream(name): through for name, through in settled}
        for stream in Stream:
            check_end(db, stream)
        return str(meta["clean"])

    def _check(self, *, pages: bool, whole: bool) -> None:
        """Of a drained file only the times of its entries will be read: everything else is the centre's."""
        if self.drained and not whole:
            self.newest_ms()
            return
        pages |= self.path.stat().st_size <= ALWAYS_BYTES
        check_content(self._db, self.gateway, self.epoch, pages=pages, whole=whole)

    def _follows_ours(self) -> bool:
        """Whether the newest entry of some stream is one of this gateway, whatever the file says."""
        for stream in Stream:
            with suppress(*SAYS_DAMAGE):
                last = last_seq(self._db, stream) - 1
                if last >= 0 and stored_entries(self._db, self.gateway, self.epoch, stream, last, 1):
                    return True
        return False

    def stop(self) -> None:
        self._db.close()

    def last(self, stream: Stream) -> int:
        """Number of the newest entry, or of the last one behind it that a damaged card lost; 0 when there is none."""
        return self._last[stream]

    def acked(self, stream: Stream) -> int:
        """Through which number nothing is left to send: the centre has settled it, or it was dropped."""
        return int(self._acked[stream])

    @property
    def waiting(self) -> int:
        """Entries that the centre has not settled."""
        return sum(max(0, last - self._acked[stream]) for stream, last in self._last.items())

    @property
    def drained(self) -> bool:
        """Whether the centre has settled all of it."""
        return self.waiting == 0

    def ack(self, stream: Stream, through: int) -> None:
        """The centre has settled everything through this number. Never goes back. Raises `LedgerError`."""
        through = min(through, self._last[stream])
        if through > self._acked[stream]:
            self._acked[stream] = through
            self._write("UPDATE stream SET acked=max(acked, ?) WHERE name=?", [(through, stream)])

    def quarantine(self, stream: Stream, seqs: Iterable[int], at_ms: int) -> None:
        """The centre will never store these. Raises `LedgerError`."""
        self._write("INSERT OR IGNORE INTO quarantine VALUES (?,?,?)", [(stream, seq, at_ms) for seq in seqs])

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Entries from `after` + 1 on, in order, each of which is the one that was stored; a salvaged file has gaps,
        which `dropped` entries name. Raises `LedgerError` (`ledger_damaged`) when the card has changed or lost one: the
        next start puts that right."""
        with noticing(self.path, self._note):
            entries = stored_entries(self._db, self.gateway, self.epoch, stream, after, limit)
            floor, _ = floor_of(self._db, self.gateway, self.epoch, stream)
            end = entries[-1].header.id.seq if entries else max(after, floor)
            if end < self._newest[stream] and (limit < 0 or len(entries) < limit):
                raise ValueError(f"{stream} ends at {end}, it had {self._newest[stream]}")
        return entries

    def _note(self) -> None:
        """The next start shall look at every entry."""
        self.damaged = True
        with suppress(sqlite3.Error):  # A card that refuses this too: a start verifies the newest entries anyway.
            self._db.execute("UPDATE meta SET value='damaged' WHERE key='clean'")

    def newest_ms(self) -> int:
        """Wall clock of its newest entry."""
        newest = (self._db.execute(f"SELECT max(wall_ms) FROM {stream.value}").fetchone()[0] for stream in Stream)
        return max((int(at) for at in newest if at is not None), default=0)

    def _write(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise LedgerError(f"not stored: {error}", "See `smartplace doctor`", where=str(self.path)) from error


def open_older(
    names: Names, gateway: str, present: Opened, at: Stamp, disk: Disk
) -> tuple[tuple[OlderEpoch, ...], tuple[str, ...]]:
    """All older epochs, the oldest first, and what there is to say of their files. One that is damaged is mended: what
    is lost is in `present` when this returns. Nothing is deleted."""
    opened: list[OlderEpoch] = []
    said: list[str] = []
    notes = present.db.execute("SELECT count(*) FROM meta WHERE key GLOB 'mended-*'").fetchone()[0]
    if notes or names.all_mended():
        try:
            _mender(names, gateway, present, at, disk).settle()
        except (OSError, sqlite3.Error) as error:
            said.append(f"what was mended is not in place yet: {error}")
    for path in names.all_older():
        older = OlderEpoch(path, gateway)
        try:
            try:
                older.open(check=True)
            except Trouble as trouble:
                said += _mender(names, gateway, present, at, disk).mend(path, trouble)
                older.open(check=True)
        except (LedgerError, Trouble, OSError, sqlite3.Error) as error:
            what = error.what if isinstance(error, LedgerError | Trouble) else str(error)
            said.append(f"{path.name} cannot be read and is not sent: {what}")
            continue
        opened.append(older)
    return tuple(sorted(opened, key=lambda older: (older.number, older.epoch))), tuple(said)


def _mender(names: Names, gateway: str, present: Opened, at: Stamp, disk: Disk) -> Mender:
    from gateway.ledger.mend import Mender  # Never needed at an ordinary start.

    return Mender(names, gateway, present.db, present.epoch, at, disk)


def may_go(older: OlderEpoch, now: Stamp, keep_ms: int = KEEP_OLDER_MS) -> bool:
    """Settled by the centre, and past its time by a clock that somebody vouches for."""
    return older.drained and now.quality is not ClockQuality.GUESS and now.wall_ms - older.newest_ms() > keep_ms


def remove(older: OlderEpoch, disk: Disk) -> None:
    """Close and delete it. Raises `Conflict` while the centre has not settled all of it: that is never deleted."""
    if not older.drained:
        raise Conflict(
            f"epoch {older.epoch} has entries that the centre has not acked", "Let it drain first", code="not_drained"
        )
    older.stop()
    for path in (older.path, log_of(older.path), shared_of(older.path)):
        disk.remove(path)
