"""What the centre says, to whom it goes: acks, bundles and their chunks, commands, leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.model.errors import InputRefused, LedgerError
from gateway.sync.acks import AckIntake
from gateway.sync.bundles import Bundles
from gateway.sync.commands import Commands
from gateway.sync.notes import Notes
from gateway.sync.quota import QuotaLine
from gateway.wire import messages
from gateway.wire.topics import Topics

log = logging.getLogger("sync")


class Inbox:
    """In the event loop. `working` are the tasks for messages that are being taken; `ack_at` is when the centre acked
    last, in the loop's time. `on_change` hears of acks."""

    def __init__(
        self,
        topics: Topics,
        acks: AckIntake,
        bundles: Bundles,
        commands: Commands,
        quota: QuotaLine | None,
        notes: Notes,
        on_change: Callable[[], None],
    ) -> None:
        self._topics = topics
        self._acks = acks
        self._bundles = bundles
        self._commands = commands
        self._quota = quota
        self._notes = notes
        self._on_change = on_change
        self.working: set[asyncio.Task[None]] = set()
        self.ack_at: float | None = None

    def take(self, topic: str, payload: bytes) -> None:
        """A message from the centre. A malformed one is refused, counted and changes nothing."""
        try:
            if topic == self._topics.ack:
                self._take_acks(messages.decode(payload, messages.Acks, topic))
            elif topic == self._topics.bundle:
                self.spawn(self._bundles.take(payload))
            elif topic == self._topics.command:
                self.spawn(self._commands.take(payload, topic))
            elif topic == self._topics.chunk:
                self.spawn(self._bundles.take_chunk(payload))
            elif topic == self._topics.lease and self._quota is not None:
                self.spawn(self._quota.take(payload))
            else:
                raise InputRefused("no such message is expected here", where=topic)
        except InputRefused as error:
            self._notes.refused(topic, error.what)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside everything else. What it refuses is counted, what goes wrong is in the log."""
        task = asyncio.get_running_loop().create_task(work)
        self.working.add(task)
        task.add_done_callback(self._ended)

    def _take_acks(self, acks: messages.Acks) -> None:
        self.ack_at = asyncio.get_running_loop().time()
        for ack in acks.acks:
            if refused := self._acks.take(ack):
                self.spawn(self._acks.quarantine(ack.epoch, ack.stream, refused))
        self._on_change()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.working.discard(task)
        if task.cancelled() or (fault := task.exception()) is None:
            return
        if isinstance(fault, InputRefused):
            self._notes.refused(fault.where, fault.what)
        else:
            log.error("a message from the centre had no effect: %s", fault, exc_info=not isinstance(fault, LedgerError))
