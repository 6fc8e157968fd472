"""The one writer of ledger.db: a thread that commits in groups, each group as soon as the last one is on disk.

A lone tap waits for one commit, a crowd shares it. One job's conflict or fault does not touch the others of
its group; a fault of the disk fails the whole group, whose callers have been told nothing yet.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.ledger.effects import Effect
from gateway.ledger.rows import digest_at, insert_entry, last_seq
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, NewEntry, Stream
from gateway.model.errors import Conflict, GatewayError, LedgerError

GROUP_MAX = 512
"""Jobs in one commit at most, so that the first of them does not wait for ever."""
CHECK_EVERY = 1000
"""Entries after which the checked point of a stream moves on (the start verifies only what follows it)."""


class Job(msgspec.Struct):
    """One caller's commit."""

    entries: Sequence[NewEntry]
    effects: Sequence[Effect]
    stamp: Stamp
    done: asyncio.Future[tuple[EntryId, ...]]


class Head(msgspec.Struct, frozen=True):
    """The newest entry of a stream."""

    seq: int
    digest: bytes


Result = tuple[EntryId, ...] | GatewayError


class Writer:
    """Owns the writing connection. `submit` from the event loop; its jobs are answered there, a whole group in one
    step (each wake-up of the loop costs more than a job), and then `on_stored` hears which streams have grown."""

    def __init__(
        self,
        db: sqlite3.Connection,
        gateway: str,
        epoch: str,
        loop: asyncio.AbstractEventLoop,
        on_stored: Callable[[frozenset[Stream]], None],
        on_checked: Callable[[Mapping[Stream, Head]], None] = lambda _heads: None,
    ) -> None:
        self._loop = loop
        self._db = db
        self._gateway = gateway
        self._epoch = epoch
        self._on_stored = on_stored
        self._on_checked = on_checked
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._acks: dict[Stream, int] = {}
        self._acks_lock = threading.Lock()
        self._heads: dict[Stream, Head] = {}
        self._checked: dict[Stream, int] = {}
        self._thread = threading.Thread()
        self.commits = 0
        self.problem: LedgerError | None = None
        self.damaged = False

    def start(self) -> None:
        """Begin, or go on after a `stop`."""
        self._load_heads()
        self._thread = threading.Thread(target=self._run, name="ledger")
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, then end."""
        self._jobs.put(None)
        self._thread.join()

    def submit(self, job: Job) -> None:
        """Hand over a job; its future is answered in any case. Raises `LedgerError` once the writer is gone."""
        if not self._thread.is_alive():
            raise LedgerError("the writer has ended", "Restart the gateway and report its last log lines")
        self._jobs.put(job)

    def note_ack(self, stream: Stream, through: int) -> None:
        """Move a watermark with the next group. Losing this in a crash only sends entries again."""
        with self._acks_lock:
            self._acks[stream] = max(through, self._acks.get(stream, 0))

    def head(self, stream: Stream) -> Head:
        """The newest committed entry of a stream."""
        return self._heads[stream]

    @property
    def heads(self) -> Mapping[Stream, Head]:
        """The newest committed entry of every stream."""
        return self._heads

    def _load_heads(self) -> None:
        for stream in Stream:
            seq = last_seq(self._db, stream)
            self._heads[stream] = Head(seq, digest_at(self._db, self._gateway, self._epoch, stream, seq))
        rows = self._db.execute("SELECT name, checked FROM stream").fetchall()
        self._checked = {Stream(name): checked for name, checked in rows}

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group = [first]
            ending = False
            while len(group) < GROUP_MAX and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    ending = True
                    break
                group.append(job)
            self._commit(group)
            if ending:
                return

    def _commit(self, group: list[Job]) -> None:
        heads = dict(self._heads)
        with self._acks_lock:
            acks, self._acks = self._acks, {}
        results: list[tuple[Job, Result]] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for job in group:
                results.append((job, self._apply(job, heads)))
            for stream, through in acks.items():
                self._db.execute("UPDATE stream SET acked=max(acked, ?) WHERE name=?", (through, stream))
            moved = self._move_checked(heads)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(group, acks, error)
            return
        except BaseException:
            # A fault in an effect's own code. Nobody may wait for ever: fail the group, then end the thread.
            self._fail(group, acks, sqlite3.InternalError("a fault in the program"))
            raise
        self.commits += 1
        self.problem = None
        grown = frozenset(stream for stream in Stream if heads[stream].seq != self._heads[stream].seq)
        self._heads = heads
        if moved:
            self._on_checked(heads)
        self._loop.call_soon_threadsafe(self._answer, results, grown)

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

    def _apply(self, job: Job, heads: dict[Stream, Head]) -> tuple[EntryId, ...] | Conflict:
        """Insert one job's rows; on a conflict undo this job alone."""
        guarded = bool(job.effects)
        mine = dict(heads)
        if guarded:
            self._db.execute("SAVEPOINT job")
        ids = tuple(self._insert(entry, job.stamp, mine) for entry in job.entries)
        try:
            for effect in job.effects:
                effect.apply(self._db, ids, job.stamp)
        except Conflict as conflict:
            self._db.execute("ROLLBACK TO job")
            self._db.execute("RELEASE job")
            return conflict
        if guarded:
            self._db.execute("RELEASE job")
        heads.update(mine)
        return ids

    def _insert(self, entry: NewEntry, at: Stamp, heads: dict[Stream, Head]) -> EntryId:
        before = heads[entry.stream]
        entry_id = EntryId(self._gateway, self._epoch, entry.stream, before.seq + 1)
        digest = insert_entry(self._db, entry, entry_id, at, before.digest)
        heads[entry.stream] = Head(entry_id.seq, digest)
        return entry_id

    def _move_checked(self, heads: dict[Stream, Head], every: int = CHECK_EVERY) -> bool:
        """Move the checked points that are far behind; true when there were some."""
        moved = False
        for stream, head in heads.items():
            if head.seq - self._checked[stream] >= every:
                self._db.execute(
                    "UPDATE stream SET checked=?, checked_digest=? WHERE name=?", (head.seq, head.digest, stream)
                )
                self._checked[stream] = head.seq
                moved = True
        return moved

    def close(self) -> None:
        """After `stop`: move the checked points to the heads, mark the stop as clean, close the file."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for stream, through in self._acks.items():
                self._db.execute("UPDATE stream SET acked=max(acked, ?) WHERE name=?", (through, stream))
            self._move_checked(self._heads, every=1)
            # After damage the next start looks at the whole file.
            clean = "damaged" if self.damaged else "1"
            self._db.execute("UPDATE meta SET value=? WHERE key='clean'", (clean,))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise LedgerError(
                f"not closed cleanly: {error}", "Nothing stored is lost; see `smartplace doctor`"
            ) from error
        finally:
            self._db.close()

    def _fail(self, group: list[Job], acks: dict[Stream, int], error: sqlite3.Error) -> None:
        """The disk refused: undo the group and say so to each of its callers."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        for stream, through in acks.items():
            self.note_ack(stream, through)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        self.damaged |= name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        try:
            self._load_heads()
        except (sqlite3.Error, KeyError):
            self.damaged = True  # The heads stay as the last commit left them; the callers below hear of it.
        advice = _ADVICE.get(name, "See `smartplace doctor`")
        self.problem = problem = LedgerError(f"not stored: {error}", advice, code=f"ledger_{name.lower()}")
        refused: list[tuple[Job, Result]] = [(job, problem) for job in group]
        nothing: frozenset[Stream] = frozenset()
        self._loop.call_soon_threadsafe(self._answer, refused, nothing)


_ADVICE = {
    "SQLITE_FULL": "The card is full: free space on it",
    "SQLITE_READONLY": "The file system is read-only: check the card and `dmesg`",
    "SQLITE_IOERR_FSYNC": "The card did not confirm the write: replace it",
    "SQLITE_BUSY": "Another program holds the ledger open: stop it",
}
