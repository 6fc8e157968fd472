"""The ledger as the rest of the gateway sees it: commit, read, ack.

Promise: when `commit` returns, its entries and effects are on disk (write-ahead log, FULL synchronisation) and
have their final numbers; when it raises, none of them is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.config.types import LedgerSection
from gateway.ledger import schema
from gateway.ledger.ballast import Ballast, free_bytes
from gateway.ledger.draft import Job
from gateway.ledger.effects import Effect
from gateway.ledger.life import Life
from gateway.ledger.prealloc import preallocate
from gateway.ledger.refusals import is_full
from gateway.ledger.rows import digest_at, entries_after, floor_of
from gateway.ledger.verify import ChainBroken, check_stream
from gateway.ledger.writer import Writer
from gateway.model import chain
from gateway.model.clock import Clock
from gateway.model.entry import Entry, EntryId, NewEntry, Stream
from gateway.model.errors import LedgerError

_KEEP = "Keep the card and ask for help"

RIDE_S = 1.0
"""How long an entry that may ride with the next commit waits for one."""


class Ledger:
    """One ledger.db. `start` opens it, `stop` undoes that; both from the event loop's thread."""

    def __init__(
        self,
        path: Path,
        gateway: str,
        clock: Clock,
        limits: LedgerSection = LedgerSection(),  # noqa: B008 (frozen)
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.path = path
        self._limits = limits
        self._ballast = Ballast(path.parent, limits.ballast_bytes, free)
        self.gateway = gateway
        self.epoch = ""
        self.was_clean = True
        self._clock = clock
        self._listeners: list[Callable[[frozenset[Stream]], None]] = []
        self._riding: list[Job] = []
        self._ride_timer: asyncio.TimerHandle | None = None
        self._acked: dict[Stream, int] = {}

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open or create the file and verify the chain since the last checked point.

        Raises `LedgerError` when the file belongs to another gateway, is newer, or is damaged.
        """
        self._loop = asyncio.get_running_loop()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        old_mask = os.umask(0o077)
        try:
            with contextlib.ExitStack() as opened:
                db = schema.connect(self.path)
                opened.callback(db.close)
                self._open(db)
                self._read = schema.connect(self.path, read_only=True)
                opened.callback(self._read.close)
                life = Life(self._limits, self._ballast)
                self._writer = Writer(db, self.gateway, self.epoch, life, self._loop, self._stored)
                self._writer.start()
                opened.pop_all()
        except sqlite3.Error as error:
            raise LedgerError(str(error), "See `smartplace ledger verify`", where=str(self.path)) from error
        finally:
            os.umask(old_mask)
        self._acked = {Stream(name): acked for name, acked in self._read.execute("SELECT name, acked FROM stream")}
        self.tidy()

    def _open(self, db: sqlite3.Connection) -> None:
        """Adopt the file, from the ballast when the card is full; then give log and ballast their size."""
        try:
            self._adopt(db)
        except sqlite3.Error as error:
            if not is_full(error) or not self._ballast.release():
                raise
            if db.in_transaction:
                db.execute("ROLLBACK")
            self._adopt(db)
        with contextlib.suppress(OSError):  # it is only slower without
            preallocate(self.path, self._ballast.free())
        self._ballast.make(self._limits.min_free_bytes)

    def _adopt(self, db: sqlite3.Connection) -> None:
        made = schema.prepare(db, self.path)
        # A cut after the tables and before these rows: nothing was recorded in it, it is still a new file.
        if made or db.execute("SELECT 1 FROM meta").fetchone() is None:
            epoch = os.urandom(8).hex()
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [("gateway", self.gateway), ("epoch", epoch), ("clean", "1")],
            )
            for stream in Stream:
                start = chain.genesis(self.gateway, epoch, stream)
                db.execute("INSERT INTO stream (name, checked_digest) VALUES (?, ?)", (stream, start))
            db.execute("COMMIT")
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        if meta["gateway"] != self.gateway:
            raise LedgerError(
                f"it belongs to gateway {meta['gateway']!r}, the configuration says {self.gateway!r}",
                "Correct gateway.id, or move the old state folder away",
                where=str(self.path),
            )
        self.epoch = meta["epoch"]
        self.was_clean = meta["clean"] == "1"
        if not self.was_clean and (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise LedgerError(f"the file is damaged: {fault}", "Keep the card and ask for help", where=str(self.path))
        for stream in Stream:
            try:
                check_stream(db, self.gateway, self.epoch, stream)
            except ChainBroken as broken:
                raise LedgerError(str(broken), "See `smartplace ledger verify`", where=str(self.path)) from broken
        db.execute("UPDATE meta SET value='0' WHERE key='clean'")

    async def stop(self) -> None:
        """Commit what waits, mark a clean stop, close."""
        self._send()
        await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)
        self._read.close()  # first: the last connection to close moves the write-ahead log into the file
        self._writer.close()

    # Write -----------------------------------------------------------------------------------------------

    async def commit(self, entries: Sequence[NewEntry], effects: Sequence[Effect] = ()) -> tuple[EntryId, ...]:
        """Store entries and effects together; returns the entries' ids in order.

        Raises `Conflict` (an effect's re-check failed) or `LedgerError` (the disk refused; `ledger_no_room`: it is too
        full to begin anything): nothing stored.
        A cancelled caller does not undo the commit.
        """
        job = self._job(entries, effects)
        self._send(job)
        return await job.done

    def ride(self, entry: NewEntry, effects: Sequence[Effect] = ()) -> asyncio.Future[tuple[EntryId, ...]]:
        """Store an entry with the next commit, at most a second later: for what nobody waits for."""
        job = self._job([entry], effects)
        # Nobody need look at this future; what is wrong with the disk is told by `problem`.
        job.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._riding.append(job)
        if self._ride_timer is None:
            self._ride_timer = self._loop.call_later(RIDE_S, self._send)
        return job.done

    def _job(self, entries: Sequence[NewEntry], effects: Sequence[Effect]) -> Job:
        return Job(entries, effects, self._clock.stamp(), self._loop.create_future())

    def _send(self, *jobs: Job) -> None:
        """These, and what rides along, as one: a rider that came a moment later would cost a commit of its own."""
        if self._ride_timer is not None:
            self._ride_timer.cancel()
            self._ride_timer = None
        riders, self._riding = self._riding, []
        if jobs or riders:
            self._writer.submit((*jobs, *riders))

    # Read ------------------------------------------------------------------------------------------------

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of the committed state, for the parts that own the tables. Fast queries by key only."""
        return self._read.execute(sql, parameters).fetchall()

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Committed entries of a stream from `after` + 1 on, in order; none that is at or below the floor."""
        db = self._read
        db.execute("BEGIN")  # one state: the floor, and the rows above it
        try:
            floor, previous = floor_of(db, self.gateway, self.epoch, stream)
            if after > floor:
                previous = digest_at(db, self.gateway, self.epoch, stream, after)
            return list(entries_after(db, self.gateway, self.epoch, stream, max(after, floor), previous, limit))
        finally:
            db.execute("COMMIT")

    def last(self, stream: Stream) -> int:
        """Number of the newest committed entry, 0 when there is none."""
        return self._writer.head(stream).seq

    def acked(self, stream: Stream) -> int:
        """Through which number nothing is left to send: the centre has settled it, or it was dropped."""
        return max(self._acked[stream], self._writer.floor(stream))

    def floor(self, stream: Stream) -> int:
        """Through which number entries are gone or going: acked and kept long enough, or dropped."""
        return self._writer.floor(stream)

    def tidy(self) -> None:
        """Let go what was kept long enough: in small steps, and only while nobody commits."""
        self._writer.tidy(self._clock.stamp())

    @property
    def commits(self) -> int:
        """Transactions written since the start."""
        return self._writer.commits

    @property
    def problem(self) -> LedgerError | None:
        """Why the last commit failed; None once one has worked again."""
        return self._writer.problem

    # Ack and tell ----------------------------------------------------------------------------------------

    def ack(self, stream: Stream, through: int) -> None:
        """The centre has stored everything through this number. Written with the next commit."""
        through = min(through, self.last(stream))
        if through > self._acked[stream]:
            self._acked[stream] = through
            self._writer.note_ack(stream, through)

    def on_stored(self, listener: Callable[[frozenset[Stream]], None]) -> None:
        """Call `listener` in the event loop whenever streams have grown."""
        self._listeners.append(listener)

    def _stored(self, streams: frozenset[Stream]) -> None:
        for listener in self._listeners:
            listener(streams)
