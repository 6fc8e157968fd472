"""The ledger as the rest of the gateway sees it: commit, read, ack, and a new epoch when one is needed.

Promise: when `commit` returns, its entries and effects are on disk (write-ahead log, FULL synchronisation) and
have their final numbers; when it raises, none of them is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.config.types import LedgerSection
from gateway.ledger.ballast import Ballast, free_bytes
from gateway.ledger.checkpoint import Signer
from gateway.ledger.draft import Head, Job
from gateway.ledger.effects import Effect
from gateway.ledger.files import Disk, Names, for_us_only
from gateway.ledger.life import Life
from gateway.ledger.mark import write_mark
from gateway.ledger.older import OlderEpoch, may_go, open_older, remove
from gateway.ledger.opening import Opened, open_present
from gateway.ledger.prealloc import preallocate
from gateway.ledger.reader import Reader
from gateway.ledger.refusals import is_full
from gateway.ledger.turn import Turn, reopened
from gateway.ledger.waiting import Waiting
from gateway.ledger.writer import Writer
from gateway.model.bodies import EpochReason
from gateway.model.clock import Clock
from gateway.model.entry import Entry, EntryId, NewEntry, Stream
from gateway.model.errors import LedgerError


class Ledger:
    """One ledger.db and the files beside it. `start` opens them, `stop` undoes that; both from the event loop's thread.

    `older` are the epochs before the present one whose files are still here, the oldest first. `repaired` says what the
    start had to put right. With a `signer`, checkpoints are signed.
    """

    def __init__(
        self,
        path: Path,
        gateway: str,
        clock: Clock,
        limits: LedgerSection = LedgerSection(),  # noqa: B008 (frozen)
        free: Callable[[Path], int] = free_bytes,
        *,
        signer: Signer | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.path = path
        self._limits = limits
        self._ballast = Ballast(path.parent, limits.ballast_bytes, free)
        self.gateway = gateway
        self.epoch = ""
        self.number = 0
        self.was_clean = True
        self.repaired: tuple[str, ...] = ()
        self.older: tuple[OlderEpoch, ...] = ()
        self.names = Names(path)
        self.disk = disk if disk is not None else Disk()
        self._clock = clock
        self._signer = signer
        self._listeners: list[Callable[[frozenset[Stream]], None]] = []
        self._epoch_listeners: list[Callable[[], None]] = []
        self._signed: dict[Stream, int] = {}
        self._commits_before = 0

    # Life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open or create the file and verify the chain since the last checked point. A file that is damaged, gone or an
        older copy gives way to a new epoch; `repaired` says so.

        Raises `LedgerError` when the file belongs to another gateway, is newer, or the card refuses.
        """
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._waiting = Waiting(self._loop, self._submit)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with for_us_only():
            opened = self._open()
            try:
                self.was_clean = opened.was_clean
                self.older, said = open_older(self.names, self.gateway, opened, self._clock.stamp(), self.disk)
                self.repaired = (*opened.repaired, *said)
                self._use(opened.db, opened.epoch, opened.number)
            except BaseException:
                opened.db.close()
                raise
        self._drop_what_may_go()

    def _open(self) -> Opened:
        """The present file; from the ballast when the card is full."""
        try:
            return open_present(self.names, self.gateway, self._clock.stamp(), self.disk)
        except LedgerError as error:
            if not (
                isinstance(error.__cause__, sqlite3.Error) and is_full(error.__cause__) and self._ballast.release()
            ):
                raise
        return open_present(self.names, self.gateway, self._clock.stamp(), self.disk)

    def _use(self, db: sqlite3.Connection, epoch: str, number: int) -> None:
        """This open file is the present one from now on."""
        self.epoch, self.number = epoch, number
        self._db = db
        self._reader = Reader(self.path, self.gateway, epoch)
        self._acked = {Stream(name): acked for name, acked in self._reader.query("SELECT name, acked FROM stream")}
        with suppress(OSError):  # it is only slower without
            preallocate(self.path, self._ballast.free())
        self._ballast.make(self._limits.min_free_bytes)
        life = Life(self._limits, self._ballast)
        self._writer = Writer(db, self.gateway, epoch, life, self._loop, self._stored, self._mark)
        self._writer.start()
        self._signed = {}
        self._mark(self._writer.heads)
        self.tidy()

    async def stop(self) -> None:
        """Commit what waits, mark a clean stop, close."""
        async with self._turn:
            self.checkpoint()
            self._waiting.send()
            await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)
            self._reader.close()  # first: the last connection to close moves the write-ahead log into the file
            self._writer.damaged |= self._reader.damaged
            try:
                self._writer.close()
                self._mark(self._writer.heads, end=True)
            finally:
                for older in self.older:
                    older.stop()
                self.older = ()

    def _mark(self, heads: Mapping[Stream, Head], *, end: bool = False) -> None:
        points = {stream: (head.seq, head.digest) for stream, head in heads.items()}
        write_mark(self.names.mark, self.gateway, self.epoch, points, self.disk, end=end)

    def _drop_what_may_go(self) -> None:
        now = self._clock.stamp()
        for older in self.older:
            if may_go(older, now):
                remove(older, self.disk)
                self.older = tuple(other for other in self.older if other is not older)

    # Write -----------------------------------------------------------------------------------------------

    async def commit(self, entries: Sequence[NewEntry], effects: Sequence[Effect] = ()) -> tuple[EntryId, ...]:
        """Store entries and effects together; returns the entries' ids in order.

        Raises `Conflict` (an effect's re-check failed) or `LedgerError` (the disk refused; `ledger_no_room`: it is too
        full to begin anything): nothing stored.
        A cancelled caller does not undo the commit. While a new epoch begins, it waits.
        """
        job = self._job(entries, effects)
        self._waiting.send(job)
        return await job.done

    def ride(self, entry: NewEntry, effects: Sequence[Effect] = ()) -> asyncio.Future[tuple[EntryId, ...]]:
        """Store an entry with the next commit, at most a second later: for what nobody waits for."""
        job = self._job([entry], effects)
        # Nobody need look at this future; what is wrong with the disk is told by `problem`.
        job.done.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._waiting.ride(job)
        return job.done

    def checkpoint(self) -> None:
        """Sign how far every stream has come, with the next commit; nothing when it has not grown since."""
        heads = self._writer.heads
        now = {stream: head.seq for stream, head in heads.items()}
        if self._signer is None or now == self._signed or not any(now.values()):
            return
        points = {stream: (head.seq, head.digest) for stream, head in heads.items()}
        self.ride(self._signer.entry(self.gateway, self.epoch, points))
        self._signed = {**now, Stream.AUDIT: now[Stream.AUDIT] + 1}

    def _job(self, entries: Sequence[NewEntry], effects: Sequence[Effect]) -> Job:
        return Job(entries, effects, self._clock.stamp(), self._loop.create_future())

    def _submit(self, jobs: tuple[Job, ...]) -> None:
        self._writer.submit(jobs)

    # Epochs ----------------------------------------------------------------------------------------------

    async def new_epoch(self, reason: EpochReason, detail: str = "", *, instead_of: str | None = None) -> str:
        """Begin a new epoch while everything goes on: jobs wait meanwhile (well below a second) and none is lost. The
        epoch until now becomes the last of `older`. Returns the id of the epoch in use.

        With `instead_of`: only when that one is in use; so that a repeated order begins no second one. Raises
        `NotReady` (another program has the file open) or `LedgerError` (the card refused): the epoch until now goes
        on. A cancelled caller does not undo it.
        """
        task = self._loop.create_task(self._new_epoch(reason, detail, instead_of))
        return await asyncio.shield(task)

    async def _new_epoch(self, reason: EpochReason, detail: str, instead_of: str | None) -> str:
        async with self._turn:
            if instead_of is not None and instead_of != self.epoch:
                return self.epoch
            self.checkpoint()
            async with self._quiet():
                turn = Turn(self.names, self.gateway, self.epoch, self.number, self.disk)
                try:
                    with for_us_only():
                        epoch = await self._loop.run_in_executor(
                            None, turn.prepare, self._db, self._clock.stamp(), reason, detail
                        )
                        self._reader.close()
                        self._writer.close()
                        turn.swap()
                finally:
                    self._commits_before += self._writer.commits
                    with for_us_only():
                        self._after_turn()
        return epoch

    def _after_turn(self) -> None:
        """Go on with whatever file is the present one now: the new one, or after a fault the one until now."""
        before = self.epoch
        self._reader.close()
        db, epoch, number = reopened(self.names, self.disk, self._db)
        if epoch != before:
            older = OlderEpoch(self.names.older(before), self.gateway)
            older.start()
            self.older = (*self.older, older)
        self._use(db, epoch, number)
        if epoch != before:
            self._loop.call_soon(self._tell_epoch)

    @asynccontextmanager
    async def _quiet(self) -> AsyncIterator[None]:
        """Jobs wait, the writer's thread has ended: what is inside has the file to itself. Afterwards `_writer` takes
        the jobs that waited."""
        self._waiting.hold()
        try:
            await self._loop.run_in_executor(None, self._writer.stop)
            yield
        finally:
            self._waiting.let_go()

    @asynccontextmanager
    async def pause(self) -> AsyncIterator[None]:
        """Nothing is written while this is held; jobs wait. For whoever rewrites parts of the file (`forget`)."""
        async with self._turn, self._quiet():
            try:
                yield
            finally:
                self._writer.start()

    def on_epoch(self, listener: Callable[[], None]) -> None:
        """Call `listener` in the event loop when a new epoch has begun: `epoch`, `older` and all numbers are new."""
        self._epoch_listeners.append(listener)

    def _tell_epoch(self) -> None:
        for listener in self._epoch_listeners:
            listener()

    # Read ------------------------------------------------------------------------------------------------

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of the committed state, for the parts that own the tables. Fast queries by key only."""
        return self._reader.query(sql, parameters)

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        """Committed entries of a stream from `after` + 1 on, in order; none that is at or below the floor. Raises
        `LedgerError` when the card has changed one since it was stored: the next start puts that right."""
        return self._reader.read(stream, after, limit)

    def last(self, stream: Stream) -> int:
        """Number of the newest committed entry, 0 when there is none."""
        return self._writer.head(stream).seq

    def acked(self, stream: Stream) -> int:
        """Through which number nothing is left to send: the centre has settled it, or it was dropped."""
        return max(int(self._acked[stream]), self._writer.floor(stream))

    def floor(self, stream: Stream) -> int:
        """Through which number entries are gone or going: acked and kept long enough, or dropped."""
        return self._writer.floor(stream)

    def tidy(self) -> None:
        """Let go what was kept long enough: in small steps, and only while nobody commits."""
        self._writer.tidy(self._clock.stamp())

    @property
    def commits(self) -> int:
        """Transactions written since the start."""
        return self._commits_before + self._writer.commits

    @property
    def problem(self) -> LedgerError | None:
        """Why the last commit failed; None once one has worked again."""
        return self._writer.problem

    @property
    def damaged(self) -> bool:
        """A file has shown that it is damaged, the present one or an older one: the next start puts that right."""
        return self._writer.damaged or self._reader.damaged or any(older.damaged for older in self.older)

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
