"""Keeps the gateway and the centre in step: connect, birth, entries up, acks and bundles down, for ever.

Needs nothing of the broker but QoS 1: no retained messages, no session, no MQTT 5.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from gateway.ledger.ledger import Ledger
from gateway.ledger.source import Source
from gateway.model.clock import Clock
from gateway.model.entry import Stream
from gateway.model.errors import NotReady
from gateway.quota.quotas import Quotas
from gateway.sync.acks import AckIntake
from gateway.sync.anchors import LOOK_S, Anchors
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles
from gateway.sync.commands import Commands, NewEpochHook
from gateway.sync.inbox import Inbox
from gateway.sync.notes import Notes
from gateway.sync.port import Link, Will
from gateway.sync.pump import Pump
from gateway.sync.quota import QuotaLine
from gateway.sync.status import SyncStatus
from gateway.wire import messages
from gateway.wire.topics import Topics

log = logging.getLogger("sync")


PUBACK_S = 60.0
"""A broker that confirms nothing for so long although something is on its way is left. Enough for a window of 256 kB
at 40 kbit/s."""
LOOK_AFTER_S = 10.0
"""Between two looks for what is overdue, at most."""


class Sync:
    """The gateway's end of the wire. `start` returns at once; `stop` says goodbye and undoes it.

    `older` are the epochs that still drain, the oldest first. `new_epoch` begins another one on the centre's command.
    `on_behind(epoch, stream, through)`: the centre has stored more of the present epoch than this card holds. With
    `quotas`, leases are asked for and told.
    """

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
        backlog_per_s: float,
        backoff: Backoff,
        older: Callable[[], Sequence[Source]] = tuple,
        new_epoch: NewEpochHook | None = None,
        quotas: Quotas | None = None,
        on_behind: Callable[[str, Stream, int], None] = lambda _epoch, _stream, _through: None,
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
        self._notes = Notes(ledger)
        self._pump = Pump(
            lambda: (*older(), ledger),
            topics,
            self._publish,
            time.monotonic,
            per_s=backlog_per_s,
            on_wait=self._fill_later,
            on_too_large=lambda entry: self._spawn(self._acks.too_large(entry)),
        )
        self._acks = AckIntake(ledger, self._pump, self._notes, topics.ack, on_behind)
        commands = Commands(ledger, self._pump, self._notes, clock, topics.gateway, self._respond, new_epoch)
        self._anchors = Anchors(ledger, clock)
        self._quota: QuotaLine | None = None
        if quotas is not None:
            self._quota = QuotaLine(quotas, topics.gateway, lambda said: self._publish(topics.quota, said), self._spawn)
        self._inbox = Inbox(topics, self._acks, bundles, commands, self._quota, self._notes, on_change)
        self._wake: asyncio.TimerHandle | None = None
        self._born = ""
        self._lost = asyncio.Event()
        self._session = ""
        self._protocol = ""
        self._problem = "not yet connected"
        self._connected = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._anchors.start()
        self._ledger.on_stored(self._stored)
        self._runners = [self._loop.create_task(work) for work in (self._run(), self._watch_clock())]
        for runner in self._runners:
            runner.add_done_callback(self._runner_ended)

    async def stop(self) -> None:
        """Say the death ourselves (a clean stop must not wait for the will), then close."""
        for runner in self._runners:
            runner.cancel()
        self._bundles.stop()
        self._quota_lost()
        await asyncio.gather(*self._runners, *self._inbox.working, return_exceptions=True)
        self._pump.lost()
        if self._wake is not None:
            self._wake.cancel()
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
        heard = self._inbox.ack_at
        age = None if heard is None else self._loop.time() - heard
        backlog = {stream.value: count for stream, count in self._pump.backlog.items()}
        problem = self._problem or (self._pump.problem if self._connected else "")
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
            self._quota_lost()
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
        leases = [topics.lease] if self._quota is not None else []
        await self._link.subscribe([topics.ack, topics.command, topics.bundle, topics.chunk, *leases])
        self._say_birth()
        self._connected = True
        self._protocol = granted.protocol
        log.info("connected to the broker, MQTT %s", granted.protocol)
        self._on_change()
        self._acks.connected()
        # Four places are for births, answers to commands, and quotas.
        window = max(1, min(self._window, granted.receive_maximum - 4))
        self._pump.connected(window, granted.maximum_packet)
        self._bundles.connected(lambda wish: self._publish(topics.want, wish))
        if self._quota is not None:
            self._quota.connected()

    async def _until_lost(self) -> None:
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(min(self._resend_s / 2, LOOK_AFTER_S)):
                    await self._lost.wait()
            except TimeoutError:
                if self._pump.stuck_s >= PUBACK_S:
                    raise NotReady(
                        f"the broker has confirmed nothing for {PUBACK_S:.0f} s", "Check its log and its limits"
                    ) from None
                if self._pump.resend_overdue(self._resend_s):
                    # Silence may mean that the centre has lost us: a new birth makes it answer.
                    log.info("no ack for %.0f s: sent again", self._resend_s)
                    self._say_birth()

    async def _watch_clock(self) -> None:
        """Also while unconnected: what is recorded now shall be dated later."""
        while True:
            self._anchors.look()
            await asyncio.sleep(LOOK_S)

    def _quota_lost(self) -> None:
        if self._quota is not None:
            self._quota.lost()

    def _stored(self, streams: frozenset[Stream]) -> None:
        if self._quota is not None and Stream.RECEIPT in streams:
            self._quota.used()
        if self._connected and self._born != self._ledger.epoch:
            # A new epoch has begun: the centre hears of it before its first entry.
            with suppress(NotReady):  # The link has just gone; the next birth is that of the next connection.
                self._say_birth()
        self._pump.fill()

    def _fill_later(self, seconds: float) -> None:
        if self._wake is None:
            self._wake = self._loop.call_later(seconds, self._fill_now)

    def _fill_now(self) -> None:
        self._wake = None
        self._pump.fill()

    def _say_birth(self) -> None:
        self._publish(self._topics.state, messages.encode(self._birth()), retain=True)
        self._born = self._ledger.epoch

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
            older=self._pump.older,
        )

    def _death(self) -> messages.State:
        return messages.State(online=False, session=self._session, epoch=self._ledger.epoch)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        return self._link.publish(topic, payload, retain=retain)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._inbox.spawn(work)

    def _respond(self, payload: bytes) -> None:
        self._publish(self._topics.result, payload)

    # Listener --------------------------------------------------------------------------------------------

    def on_published(self, message: int, refusal: str) -> None:
        # Not at the connection: a broker that accepts us and then takes nothing is a problem all the time.
        problem = f"the broker refuses what is published: {refusal}" if refusal else ""
        if problem != self._problem and self._connected:
            self._problem = problem
            self._on_change()
        self._pump.published(message)

    def on_lost(self, reason: str) -> None:
        self._tell_problem(f"connection lost: {reason}")
        self._lost.set()

    def on_message(self, topic: str, payload: bytes) -> None:
        self._inbox.take(topic, payload)

    def _tell_problem(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem
