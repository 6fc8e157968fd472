"""Keeps the gateway and the centre in step: connect, birth, entries up, acks and bundles down, for ever.

Needs nothing of the broker but QoS 1: no retained messages, no session, no MQTT 5.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import MessageRefusedBody
from gateway.model.clock import Clock, Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import InputRefused, LedgerError, NotReady
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles, BundlesStatus
from gateway.sync.link import Link, Will
from gateway.sync.pump import Pump
from gateway.wire import messages
from gateway.wire.topics import Topics

log = logging.getLogger("sync")


class Quarantine(msgspec.Struct, frozen=True):
    """Effect: the centre will never store these; they are kept here and no longer sent."""

    stream: Stream
    seqs: tuple[int, ...]

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        rows = [(self.stream, seq, now.wall_ms) for seq in self.seqs]
        db.executemany("INSERT OR IGNORE INTO quarantine VALUES (?,?,?)", rows)


class SyncStatus(msgspec.Struct, frozen=True):
    """For status pages: connected, since when and how, what is owed, what went wrong last."""

    connected: bool
    protocol: str
    backlog: dict[str, int]
    last_ack_age_s: float | None
    bundles: dict[str, int]
    problem: str = ""
    content: BundlesStatus = BundlesStatus()


class Sync:
    """The gateway's end of the wire. `start` returns at once; `stop` says goodbye and undoes it."""

    def __init__(
        self,
        link: Link,
        ledger: Ledger,
        bundles: Bundles,
        topics: Topics,
        clock: Clock,
        *,
        version: str,
        window: int,
        resend_s: float,
        backoff: Backoff,
        on_change: Callable[[], None] = lambda: None,
        on_fault: Callable[[BaseException], None] = lambda _fault: None,
    ) -> None:
        self._link = link
        self._ledger = ledger
        self._bundles = bundles
        self._topics = topics
        self._clock = clock
        self._version = version
        self._window = window
        self._resend_s = resend_s
        self._backoff = backoff
        self._on_change = on_change
        self._on_fault = on_fault
        self._pump = Pump(ledger, topics, self._publish)
        self._lost = asyncio.Event()
        self._session = ""
        self._protocol = ""
        self._problem = "not yet connected"
        self._ack_at: float | None = None
        self._refused = 0
        self._refused_here: dict[Stream, set[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ledger.on_stored(lambda _streams: self._pump.fill())
        self._runner = self._loop.create_task(self._run())
        self._runner.add_done_callback(self._runner_ended)

    async def stop(self) -> None:
        """Say the death ourselves (a clean stop must not wait for the will), then close."""
        self._runner.cancel()
        self._bundles.stop()
        await asyncio.gather(self._runner, *self._tasks, return_exceptions=True)
        self._pump.lost()
        if self._connected:
            try:
                self._publish(self._topics.state, messages.encode(self._death()), retain=True)
            except NotReady as error:
                log.info("no goodbye: %s", error)
        await self._link.disconnect()

    def _runner_ended(self, runner: asyncio.Task[None]) -> None:
        """A defect of ours must not leave a gateway that looks well and never speaks to its centre again."""
        if not runner.cancelled() and (fault := runner.exception()) is not None:
            self._on_fault(fault)

    @property
    def status(self) -> SyncStatus:
        age = None if self._ack_at is None else self._loop.time() - self._ack_at
        backlog = {stream.value: count for stream, count in self._pump.backlog.items()}
        problem = "" if self._connected else self._problem
        bundles = self._bundles
        return SyncStatus(self._connected, self._protocol, backlog, age, bundles.numbers, problem, bundles.status)

    # Life of the link ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            began: float | None = None
            try:
                await self._connect()
                began = self._loop.time()
                await self._until_lost()
            except NotReady as error:
                self._tell_problem(str(error))
                self._link.drop()
            self._connected = False
            self._pump.lost()
            self._bundles.lost()
            self._on_change()
            held = 0.0 if began is None else self._loop.time() - began
            await asyncio.sleep(self._backoff.failed(held))

    async def _connect(self) -> None:
        self._session = os.urandom(8).hex()
        self._lost.clear()
        will = Will(self._topics.state, messages.encode(self._death()))
        granted = await self._link.connect(will, self)
        # Ears first: the answer to the birth must find us listening.
        topics = self._topics
        await self._link.subscribe([topics.ack, topics.command, topics.bundle, topics.chunk])
        self._publish(self._topics.state, messages.encode(self._birth()), retain=True)
        self._connected = True
        self._protocol = granted.protocol
        self._problem = ""
        log.info("connected to the broker, MQTT %s", granted.protocol)
        self._on_change()
        self._pump.connected(min(self._window, granted.receive_maximum), self._loop.time())
        self._bundles.connected(lambda wish: self._publish(topics.want, wish))

    async def _until_lost(self) -> None:
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(self._resend_s / 2):
                    await self._lost.wait()
            except TimeoutError:
                if self._pump.resend_overdue(self._loop.time(), self._resend_s):
                    # Silence may mean that the centre has lost us: a new birth makes it answer.
                    log.info("no ack for %.0f s: sent again", self._resend_s)
                    self._publish(self._topics.state, messages.encode(self._birth()), retain=True)

    def _birth(self) -> messages.State:
        return messages.State(
            online=True,
            session=self._session,
            epoch=self._ledger.epoch,
            boot=self._clock.stamp().boot,
            version=self._version,
            last={stream: self._ledger.last(stream) for stream in Stream},
            through={stream: self._ledger.acked(stream) for stream in Stream},
            bundles=self._bundles.numbers,
        )

    def _death(self) -> messages.State:
        return messages.State(online=False, session=self._session, epoch=self._ledger.epoch)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        return self._link.publish(topic, payload, retain=retain)

    # Listener --------------------------------------------------------------------------------------------

    def on_published(self, message: int) -> None:
        self._pump.published(message)

    def on_lost(self, reason: str) -> None:
        self._tell_problem(f"connection lost: {reason}")
        self._lost.set()

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message from the centre. A malformed one is refused, counted and changes nothing."""
        try:
            if topic == self._topics.ack:
                self._take_acks(messages.decode(payload, messages.Acks, topic))
            elif topic == self._topics.bundle:
                self._spawn(self._bundles.take(payload))
            elif topic == self._topics.chunk:
                self._spawn(self._bundles.take_chunk(payload))
            else:
                raise InputRefused("no such message is expected here", where=topic)
        except InputRefused as error:
            self._refuse(topic, error.what)

    def _take_acks(self, acks: messages.Acks) -> None:
        self._ack_at = self._loop.time()
        for ack in acks.acks:
            if ack.epoch != self._ledger.epoch:
                continue  # A word on an older file; it means nothing to this one.
            if ack.refused:
                self._spawn(self._quarantine(ack))
            self._pump.acked(ack, self._loop.time())
        self._on_change()

    async def _quarantine(self, ack: messages.Ack) -> None:
        """The centre repeats its refusals with every ack: one entry for each is enough. It can refuse only what is."""
        stream, last = ack.stream, self._ledger.last(ack.stream)
        if (known := self._refused_here.get(stream)) is None:
            rows = self._ledger.query("SELECT seq FROM quarantine WHERE stream=?", (stream,))
            known = self._refused_here[stream] = {row[0] for row in rows}
        fresh = tuple(sorted({seq for seq in ack.refused if 0 < seq <= last} - known))
        if not fresh:
            return
        known.update(fresh)
        reason = f"the centre refused {stream} {', '.join(map(str, fresh[:10]))}"
        entry = _refused_entry(self._topics.ack, reason, len(fresh))
        try:
            await self._ledger.commit([entry], [Quarantine(stream, fresh)])
        except LedgerError:
            known.difference_update(fresh)  # With the next ack, then.
            raise

    def _refuse(self, topic: str, reason: str) -> None:
        """One entry for the first, then one for each tenfold: a flood is told as a count."""
        self._refused += 1
        if str(self._refused).rstrip("0") == "1":
            log.warning("message refused on %s: %s", topic, reason)
            self._ledger.ride(_refused_entry(topic, reason[:300], self._refused))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a message from the centre had no effect: %s", fault, exc_info=not isinstance(fault, LedgerError))

    def _tell_problem(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem


def _refused_entry(source: str, reason: str, count: int) -> NewEntry:
    body = MessageRefusedBody(source=source, reason=reason, count=count)
    return NewEntry(Stream.AUDIT, EntryKind.MESSAGE_REFUSED, msgspec.json.encode(body))
