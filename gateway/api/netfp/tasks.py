"""Tasks: what a client asked for under an id of its own, done once, and told as often as it is asked.

A task's answer is a row of the table `answer`, with a digest of what was asked. It is made in the commit that begins
the work and amended in the commit that ends it, so that neither a crash nor a restart makes an id forget what it stands
for.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

import msgspec
from msgspec import Raw

from gateway.api.netfp import codes, paths
from gateway.api.netfp.kept import OWNER, AmendTask, Kept, answer_key
from gateway.api.netfp.receipts import Refused
from gateway.api.netfp.words import Message, MessageType, Result, TaskInfo, TaskStatus, encode, error, result
from gateway.fiscal.printers import Printers
from gateway.fiscal.rows import FiscalBegun, WorkRow, row_of
from gateway.fiscal.words import look_at
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, GatewayError, InputRefused, LedgerError
from gateway.model.fiscal import PrintOutcome, PrintResult, Work, WorkPoint
from gateway.model.till_bodies import FiscalWorkBody
from gateway.stations.answers import AmendAnswer, Asked, StoreAnswer, Tidy

log = logging.getLogger("netfp")

ID_MAX = 60
KEY_BYTES = 8
"""Of the name that a work has in the journal and on paper: short enough for any printer's line."""
STOP_S = 0.2
"""At a stop: time for what a commit is awaited for. What prints is the journal's to end."""
WAITING_MAX = 200
"""Tasks that wait at one device; more than that is a client that has gone wild."""
TIDY_S = 24 * 3600
"""How often answers that are too old are dropped."""


class Job(msgspec.Struct, frozen=True):
    """A work for the journal. `expires_s`: on the loop's clock, from when it is not wanted unless it has begun.
    `items`: where the work's items stand in the request."""

    work: Work
    device: str
    client: str
    printer: str
    messages: tuple[Message, ...] = ()
    expires_s: float | None = None
    items: tuple[str, ...] = ()


Call = Callable[[], Awaitable[Result]]
"""What is done at its device and is no work: only its answer is kept."""


class Task:
    """One that lives. After a restart only its row is left. `keep`: somebody may ask for its answer later."""

    def __init__(self, task_id: str, digest: bytes, device: str, *, keep: bool) -> None:
        self.id = task_id
        self.digest = digest
        self.device = device
        self.keep = keep
        self.stored = False
        self.key = ""
        self.running: asyncio.Task[bytes]
        self.in_doubt = False
        self.settled = asyncio.Event()


def check_id(task_id: str) -> None:
    """Raises `Refused` (E110)."""
    if not task_id or len(task_id) > ID_MAX or not task_id.isprintable():
        advice = f"Give 1 to {ID_MAX} printable characters, new for each document"
        raise Refused(codes.BAD_TASK, "this task id cannot be used", advice, where="taskId")


class Tasks:
    """The owner of this face's works. `start` before anything else."""

    def __init__(self, ledger: Ledger, printers: Printers, clock: Clock, devices: Collection[str]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tidied_ns: int | None = None
        self._printers = printers
        self._devices = devices
        self._live: dict[str, Task] = {}
        self._by_key: dict[str, Task] = {}

    async def start(self) -> None:
        """End what a crash interrupted: see `Printers.own`. Raises `LedgerError`."""
        await self._printers.own(OWNER, self, self._devices)
        await self._ledger.commit([], self._tidy())

    async def stop(self) -> None:
        """What is still under way after `STOP_S` is settled at the next start."""
        if running := [task.running for task in self._live.values()]:
            await asyncio.wait(running, timeout=STOP_S)

    # What is asked for ------------------------------------------------------------------------------------

    def known(self, task_id: str, digest: bytes) -> Task | bytes | None:
        """What stands under this id: a task that lives, the answer that it had, or nothing.

        Raises `Refused` (E109) when something else was asked for under it.
        """
        if (task := self._live.get(task_id)) is not None:
            _check_same(task.digest, digest)
            return task
        rows = self._ledger.query("SELECT request, body FROM answer WHERE key=?", (answer_key(task_id),))
        if not rows:
            return None
        _check_same(rows[0][0], digest)
        return self._told(msgspec.json.decode(rows[0][1], type=Kept), again=True)

    def begin(self, task_id: str, digest: bytes, device: str, job: Job | Call | Result, *, keep: bool) -> Task:
        """A new task, under an id that is not `known`; an empty one is made. The answer of a work is always kept, that
        of anything else with `keep`, or when nobody waited for its end."""
        before = [task.running for task in self._live.values() if task.device == device]
        if len(before) >= WAITING_MAX:
            job = result(error(codes.BUSY, f"{len(before)} tasks wait for this printer already: ask later"))
        task = Task(task_id or os.urandom(16).hex(), digest, device, keep=keep)
        self._live[task.id] = task
        task.running = asyncio.create_task(self._run(task, job, before), name=f"task {task.id}")
        task.running.add_done_callback(lambda _done: self._live.pop(task.id, None))
        return task

    async def wait(self, task: Task, seconds: float) -> bytes | None:
        """Its answer, None when there is none within so long. While it is not known how it ended, it may be read back
        from the device meanwhile: that is waited for, too."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        await asyncio.wait({task.running}, timeout=seconds)
        if not task.running.done():
            task.keep = True
            return None
        if task.in_doubt:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until_s):
                    await task.settled.wait()
            if (stored := self._stored(task.id)) is not None:
                return self._told(stored)
        return task.running.result()

    def look(self, task_id: str) -> TaskInfo:
        """How a task stands, for whoever has its id."""
        if (task := self._live.get(task_id)) is not None and not task.running.done():
            return TaskInfo(self._status(task))
        kept = self._stored(task_id)
        return TaskInfo(TaskStatus.UNKNOWN) if kept is None else TaskInfo(TaskStatus.FINISHED, Raw(self._told(kept)))

    # As an owner of works ---------------------------------------------------------------------------------

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        return (AmendTask(row.answer, row.kind, outcome),)

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        if outcome.result is not PrintResult.UNKNOWN and (task := self._by_key.pop(row.key, None)) is not None:
            task.settled.set()

    # How it is done ---------------------------------------------------------------------------------------

    async def _run(self, task: Task, job: Job | Call | Result, before: list[asyncio.Task[bytes]]) -> bytes:
        """Works take their turns at the printer in the order in which they came; a call comes after those `before`."""
        try:
            if isinstance(job, Job):
                return await self._work(task, job)
            if not isinstance(job, Result):
                if before:
                    await asyncio.wait(before)
                if task.keep:
                    await self._begun(task, Kept())
                job = await job()
            said = job
        except LedgerError as fault:
            return encode(codes.of_error(fault, codes.NOT_STORED))
        except GatewayError as fault:
            said = codes.of_error(fault)
        return await self._ended(task, encode(said))

    async def _work(self, task: Task, job: Job) -> bytes:
        """Raises a `GatewayError` when nothing was recorded."""
        try:
            await self._printers.check_work(job.device, job.work)
        except InputRefused as refused:
            raise paths.as_written(refused, job.items) from refused
        begun = FiscalBegun(job.work, job.device, OWNER, answer_key(task.id))
        body = FiscalWorkBody(
            station=OWNER, client=job.client, printer=job.printer, task=task.id, device=job.device, work=job.work
        )
        entry = NewEntry(Stream.RECEIPT, EntryKind.FISCAL_WORK, msgspec.json.encode(body))
        kept = msgspec.json.encode(Kept(begun.key, job.messages))
        store = StoreAnswer(Asked(answer_key(task.id), task.digest), lambda _ids: kept)
        await self._ledger.commit([entry], [begun, store, *self._tidy()])
        task.key = begun.key
        self._by_key[task.key] = task
        try:
            outcome = await self._printers.run(begun, lambda: _wanted(job))
        except LedgerError as fault:
            outcome = PrintOutcome(begun.key, PrintResult.UNKNOWN, reason=fault.code, advice=str(fault))
        task.in_doubt = outcome.result is PrintResult.UNKNOWN
        return encode(codes.of_outcome(outcome, begun.row().kind, job.messages))

    def _tidy(self) -> list[Effect]:
        """At the start and once a day: there may be no till that does it."""
        now_ns = self._clock.mono_ns()
        if self._tidied_ns is not None and now_ns - self._tidied_ns < TIDY_S * 10**9:
            return []
        self._tidied_ns = now_ns
        return [Tidy()]

    async def _begun(self, task: Task, kept: Kept) -> None:
        body = msgspec.json.encode(kept)
        await self._ledger.commit([], [StoreAnswer(Asked(answer_key(task.id), task.digest), lambda _ids: body)])
        task.stored = True

    async def _ended(self, task: Task, said: bytes) -> bytes:
        if not task.keep:
            return said
        kept = Kept(result=Raw(said))
        try:
            if not task.stored:
                await self._begun(task, kept)
            else:
                amend = AmendAnswer(Asked(answer_key(task.id), task.digest), msgspec.json.encode(kept))
                await self._ledger.commit([], [amend])
        except (LedgerError, Conflict) as fault:
            log.warning("the answer of a task could not be kept: %s", fault)
        return said

    # What is told -----------------------------------------------------------------------------------------

    def _stored(self, task_id: str) -> Kept | None:
        rows = self._ledger.query("SELECT body FROM answer WHERE key=?", (answer_key(task_id),))
        return msgspec.json.decode(rows[0][0], type=Kept) if rows else None

    def _told(self, kept: Kept, *, again: bool = False) -> bytes:
        """The answer of a task that does not live any more; `again`: to somebody who has asked for it once more."""
        row = row_of(self._ledger.query, kept.key) if kept.key else None
        if row is not None and row.said is not None and not row.in_doubt:
            # The row's is the last word: it may have been settled while this face was switched off.
            said = codes.of_outcome(row.said, row.kind, kept.messages)
        elif isinstance(kept.result, Raw):
            said = msgspec.json.decode(kept.result, type=Result)
        else:
            text = look_at(row) if row is not None else _INTERRUPTED
            return encode(result(error(codes.UNKNOWN_OUTCOME, text), *kept.messages))
        if again:
            message = Message(type=MessageType.INFO, code=codes.STORED_ANSWER, text=_AGAIN)
            said = msgspec.structs.replace(said, messages=(*said.messages, message))
        return encode(said)

    def _status(self, task: Task) -> TaskStatus:
        if not task.key:
            return TaskStatus.ENQUEUED
        row = row_of(self._ledger.query, task.key)
        waits = row is None or row.point is WorkPoint.RECORDED
        return TaskStatus.ENQUEUED if waits else TaskStatus.RUNNING


def _check_same(before: bytes, digest: bytes) -> None:
    if before != digest:
        advice = "Give each document an id of its own, the same one only to repeat the very same request"
        raise Refused(codes.TASK_USED, "this task id stands for another request", advice, where="taskId")


def _wanted(job: Job) -> bool:
    return job.expires_s is None or asyncio.get_running_loop().time() < job.expires_s


_AGAIN = "this is the answer that was given before: nothing was printed now"
_INTERRUPTED = "the gateway was stopped in the middle: it is not known whether this was done. Look at the device"
