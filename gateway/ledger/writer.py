"""The one writer of ledger.db: a thread that commits in groups, each group as soon as the last one is on disk.

A lone tap waits for one commit, a crowd shares it. One job's conflict or fault does not touch the others of
its group; a fault of the disk fails the whole group, whose callers have been told nothing yet.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Literal

from gateway.ledger.draft import Draft, Head, Job, Streams, load
from gateway.ledger.life import Life, may_use_the_reserve
from gateway.ledger.refusals import is_full, no_room, refused, says_damage
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, Stream
from gateway.model.errors import GatewayError, LedgerError

GROUP_MAX = 512
"""Jobs in one commit at most, so that the first of them does not wait for ever."""
CHECK_EVERY = 1000
"""Entries after which the checked point of a stream moves on (the start verifies only what follows it)."""
PATIENCE = 64
"""How often tidying lets jobs go first before it is its turn all the same."""

Result = tuple[EntryId, ...] | GatewayError


class Writer:
    """Owns the writing connection. `submit` from the event loop; its jobs are answered there, a whole group in one
    step (each wake-up of the loop costs more than a job), and then `on_stored` hears which streams have grown."""

    def __init__(
        self,
        db: sqlite3.Connection,
        gateway: str,
        epoch: str,
        life: Life,
        loop: asyncio.AbstractEventLoop,
        on_stored: Callable[[frozenset[Stream]], None],
        on_checked: Callable[[Mapping[Stream, Head]], None] = lambda _heads: None,
    ) -> None:
        self._loop = loop
        self._db = db
        self._gateway = gateway
        self._epoch = epoch
        self._life = life
        self._on_stored = on_stored
        self._on_checked = on_checked
        self._jobs: queue.SimpleQueue[tuple[Job, ...] | Literal["tidy"] | None] = queue.SimpleQueue()
        """Jobs for one commit; `tidy`: one step of it; None: end."""
        self._acks: dict[Stream, int] = {}
        self._lock = threading.Lock()
        self._streams: Streams
        self._thread = threading.Thread()
        self._tidy_at: Stamp | None = None
        self._patience = PATIENCE
        self.commits = 0
        self.problem: LedgerError | None = None
        self.damaged = False
        """SQLite has said that the file is damaged."""

    def start(self) -> None:
        """Begin, or go on after a `stop`. Raises `sqlite3.Error`."""
        self._streams = load(self._db, self._gateway, self._epoch)
        self._life.load(self._streams)
        self._tidy_at = None
        # A daemon: an end without `stop` is like a kill, which loses nothing that was told; to wait would only hang.
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, then end."""
        self._jobs.put(None)
        self._thread.join()

    def submit(self, jobs: tuple[Job, ...]) -> None:
        """Hand over jobs that share a commit; their futures are answered in any case. Raises `LedgerError` once the
        writer is gone."""
        if not self._thread.is_alive():
            raise LedgerError("the writer has ended", "Restart the gateway and report its last log lines")
        self._jobs.put(jobs)

    def tidy(self, now: Stamp) -> None:
        """Let go what was kept long enough, in small steps between the jobs, until there is no more."""
        with self._lock:
            begun, self._tidy_at = self._tidy_at is not None, now
        if not begun:
            self._jobs.put("tidy")

    @property
    def is_tidying(self) -> bool:
        """Whether steps of it are still to come."""
        return self._tidy_at is not None

    def note_ack(self, stream: Stream, through: int) -> None:
        """Move a watermark with the next group. Losing this in a crash only sends entries again."""
        with self._lock:
            self._acks[stream] = max(through, self._acks.get(stream, 0))

    def head(self, stream: Stream) -> Head:
        """The newest committed entry of a stream."""
        return self._streams.heads[stream]

    @property
    def heads(self) -> Mapping[Stream, Head]:
        """The newest committed entry of every stream."""
        return self._streams.heads

    def floor(self, stream: Stream) -> int:
        """Everything through this number is gone or going."""
        return self._streams.floors[stream].seq

    # The thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except BaseException:
            # A fault in an effect's own code, or in ours. Nobody may wait for ever.
            while not self._jobs.empty():
                if isinstance(item := self._jobs.get(), tuple):
                    self._fail(list(item), sqlite3.InternalError("a fault in the program"))
            raise

    def _work(self) -> None:
        behind: list[Literal["tidy"] | None] = []
        while (item := behind.pop() if behind else self._jobs.get()) is not None:
            if item == "tidy":
                self._tidy()
                continue
            group = list(item)
            while len(group) < GROUP_MAX and not behind and not self._jobs.empty():
                if isinstance(waiting := self._jobs.get(), tuple):
                    group += waiting
                else:
                    behind.append(waiting)
            self._commit(group)

    def _commit(self, group: list[Job]) -> None:
        """All jobs of the group in one transaction; when the card is full, what may use the reserve."""
        now = group[-1].stamp
        has_room = self._life.look(self._db)
        try:
            try:
                told, more = self._attempt(group, now, has_room=has_room)
            except sqlite3.Error as error:
                if not is_full(error):
                    raise
                self._life.give_up_ballast()
                has_room = False
                told, more = self._attempt(group, now, has_room=False)
        except sqlite3.Error as error:
            self._fail(group, error)
            return
        except BaseException:
            self._fail(group, sqlite3.InternalError("a fault in the program"))
            raise
        self.problem = None if has_room else no_room()
        self._loop.call_soon_threadsafe(self._answer, *told)
        if more:
            self.tidy(now)

    def _tidy(self) -> None:
        """One small step; jobs that wait go first."""
        if (now := self._tidy_at) is None:
            return  # begun before a stop
        if self._patience and not self._jobs.empty():
            self._patience -= 1
            self._jobs.put("tidy")
            return
        self._patience = PATIENCE
        more = self._tidy_step(now)
        with self._lock:
            if not more and self._tidy_at is now:
                self._tidy_at = None
                return
        self._jobs.put("tidy")

    def _tidy_step(self, now: Stamp) -> bool:
        """True when there is more to do."""
        self._life.look(self._db)
        self._life.make_ballast()
        try:
            told, more = self._attempt([], now, has_room=True, tidying=True)
        except sqlite3.Error as error:
            if not is_full(error) or not self._life.give_up_ballast():
                self._note_problem(error)
                return False
            return True
        self._loop.call_soon_threadsafe(self._answer, *told)
        return more

    def _attempt(
        self, group: list[Job], now: Stamp, *, has_room: bool, tidying: bool = False
    ) -> tuple[tuple[list[tuple[Job, Result]], frozenset[Stream]], bool]:
        """One transaction. Returns what to tell whom, and whether tidying should follow. Raises what went wrong, after
        undoing everything."""
        with self._lock:
            acks, self._acks = self._acks, {}
        draft = Draft(self._db, self._gateway, self._epoch, self._streams)
        changes = self._db.total_changes
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for stream, through in acks.items():
                draft.ack(stream, through)
            results: list[tuple[Job, Result]] = []
            for job in group:
                admitted = has_room or all(map(may_use_the_reserve, job.entries))
                results.append((job, draft.apply(job) if admitted else no_room()))
            more = self._life.enforce(draft, now)
            if tidying and not more:
                more = self._life.tidy(draft, now)
            moved = draft.move_checked(CHECK_EVERY)
            self._db.execute("COMMIT")
        except BaseException:
            self._undo(acks)
            raise
        before, self._streams = self._streams, draft.streams
        self._life.committed(self._streams)
        self.commits += self._db.total_changes > changes
        if moved:
            self._on_checked(self._streams.heads)
        grown = frozenset(stream for stream in Stream if self.head(stream).seq != before.heads[stream].seq)
        return (results, grown), more

    def _undo(self, acks: dict[Stream, int]) -> None:
        """The transaction failed: back to what the file says."""
        for stream, through in acks.items():
            self.note_ack(stream, through)
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._streams = load(self._db, self._gateway, self._epoch)
        except (sqlite3.Error, KeyError):
            # What was known before the transaction stays, which is the same; the callers hear of the first error.
            self.damaged = True
        self._life.undone(self._streams)

    # Answers ---------------------------------------------------------------------------------------------

    def _answer(self, results: list[tuple[Job, Result]], grown: frozenset[Stream]) -> None:
        """In the event loop: tell the callers. Who waits for a commit goes on before who only watches streams."""
        for job, result in results:
            if job.done.done():
                continue  # its caller was cancelled; the commit stands
            if isinstance(result, GatewayError):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)
        if grown:
            self._loop.call_soon(self._on_stored, grown)

    def _fail(self, group: list[Job], error: sqlite3.Error) -> None:
        """The disk refused: say so to each of the group's callers."""
        problem = self._note_problem(error)
        answers: list[tuple[Job, Result]] = [(job, problem) for job in group]
        self._loop.call_soon_threadsafe(self._answer, answers, frozenset[Stream]())

    def _note_problem(self, error: sqlite3.Error) -> LedgerError:
        self.damaged |= says_damage(error)
        self.problem = problem = refused(error)
        return problem

    # End -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """After `stop`: move the checked points to the heads, mark the stop as clean, close the file."""
        try:
            try:
                self._mark_clean()
            except sqlite3.Error as error:
                if not is_full(error) or not self._life.give_up_ballast():
                    raise
                self._mark_clean()
        except sqlite3.Error as error:
            raise LedgerError(
                f"not closed cleanly: {error}", "Nothing stored is lost; see `smartplace doctor`"
            ) from error
        finally:
            self._db.close()

    def _mark_clean(self) -> None:
        draft = Draft(self._db, self._gateway, self._epoch, self._streams)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for stream, through in self._acks.items():
                draft.ack(stream, through)
            draft.move_checked(1)
            # Of a damaged one the next start shall look at all.
            self._db.execute("UPDATE meta SET value=? WHERE key='clean'", ("damaged" if self.damaged else "1",))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
