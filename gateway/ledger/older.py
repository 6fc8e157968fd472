"""The file of an older epoch: takes no new entries, is sent until the centre has all of it, goes when that is long
ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from gateway.ledger import schema
from gateway.ledger.files import Disk, Names, log_of, shared_of
from gateway.ledger.peek import UNREADABLE, number_of
from gateway.ledger.rows import digest_at, entries_after, floor_of, last_seq
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Entry, Stream
from gateway.model.errors import Conflict, LedgerError

KEEP_OLDER_MS = 400 * 24 * 3600 * 1000
"""How long a drained file stays after its newest entry: longer than any refund or complaint about a receipt."""


class OlderEpoch:
    """One `ledger-EPOCH.db`, a `Source`. Used in the event loop only: its reads are by key, its writes (the watermark,
    quarantine) wait for no card, because losing one in a crash only sends entries again."""

    def __init__(self, path: Path, gateway: str) -> None:
        self.path = path
        self.gateway = gateway
        self.epoch = ""
        self.number = 0

    def start(self) -> None:
        """Open. Raises `LedgerError` when it is damaged or another gateway's."""
        try:
            self._db = schema.connect(self.path)
            try:
                self._adopt()
            except (LedgerError, *UNREADABLE, KeyError):
                self._db.close()
                raise
        except (*UNREADABLE, KeyError) as error:
            raise LedgerError(str(error), "See `smartplace ledger verify`", where=str(self.path)) from error

    def _adopt(self) -> None:
        db = self._db
        schema.prepare(db, self.path)
        db.execute("PRAGMA synchronous=NORMAL")
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        if meta["gateway"] != self.gateway:
            raise LedgerError(f"it belongs to gateway {meta['gateway']!r}", "Move it away", where=str(self.path))
        self.epoch = meta["epoch"]
        self.number = number_of(meta, 1)
        self._last = {stream: last_seq(db, stream) for stream in Stream}
        settled = db.execute("SELECT name, max(acked, floor) FROM stream GROUP BY name")
        self._acked = {Stream(name): through for name, through in settled}

    def stop(self) -> None:
        self._db.close()

    def last(self, stream: Stream) -> int:
        """Number of the newest entry, 0 when there is none."""
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
        """Entries from `after` + 1 on, in order; a salvaged file has gaps, which `dropped` entries name."""
        floor, previous = floor_of(self._db, self.gateway, self.epoch, stream)
        if after > floor:
            try:
                previous = digest_at(self._db, self.gateway, self.epoch, stream, after)
            except KeyError:
                previous = b""  # Inside a gap: what follows it knows its own.
        return list(entries_after(self._db, self.gateway, self.epoch, stream, max(after, floor), previous, limit))

    def newest_ms(self) -> int:
        """Wall clock of its newest entry."""
        newest = (self._db.execute(f"SELECT max(wall_ms) FROM {stream.value}").fetchone()[0] for stream in Stream)
        return max((int(at) for at in newest if at is not None), default=0)

    def _write(self, sql: str, rows: list[tuple[object, ...]]) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise LedgerError(f"not stored: {error}", "See `smartplace doctor`", where=str(self.path)) from error


def open_older(names: Names, gateway: str) -> tuple[tuple[OlderEpoch, ...], tuple[str, ...]]:
    """All older epochs, the oldest first, and what could not be opened. Nothing is deleted."""
    opened: list[OlderEpoch] = []
    faults: list[str] = []
    for path in names.all_older():
        older = OlderEpoch(path, gateway)
        try:
            older.start()
        except LedgerError as error:
            faults.append(f"{path.name} cannot be read and is not sent: {error.what}")
            continue
        opened.append(older)
    return tuple(sorted(opened, key=lambda older: (older.number, older.epoch))), tuple(faults)


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
