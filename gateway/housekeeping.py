"""What is done from time to time: health entries, counts of floods, tidying, signed checkpoints, the watchdog's ping.
Few wake-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import HealthBody
from gateway.model.device import DeviceHealth
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError
from gateway.notify import Notifier
from gateway.stations.services import Services, new_entry

FLOODS_S = 30.0
TIDY_S = 60.0
"""How often the ledger looks for what has been kept long enough. Nothing is written when there is nothing."""
MINUTE_S = 60.0
"""How often stations and printers look whether something is due."""
CHECKPOINT_S = 3600.0
"""How often the heads of all streams are signed, when they have grown."""


class Housekeeping:
    """Periodic work of the daemon, as tasks that `stop` ends. A fault of ours in it goes to `on_fault`: a gateway
    that no longer tells how it is must not look well."""

    def __init__(
        self,
        ledger: Ledger,
        services: Services,
        health: Callable[[], list[DeviceHealth]],
        notifier: Notifier,
        telemetry_s: float,
        on_fault: Callable[[BaseException], None],
    ) -> None:
        self._ledger = ledger
        self._services = services
        self._health = health
        self._notifier = notifier
        self._telemetry_s = telemetry_s
        self._on_fault = on_fault
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._began = asyncio.get_running_loop().time()
        self._begin(FLOODS_S, self._services.flush_floods)
        self._begin(TIDY_S, self._ledger.tidy)
        self._begin(FLOODS_S, self._services.inside.tick)
        self._begin(FLOODS_S, self._look_at_ledger)
        self._begin(CHECKPOINT_S, self._ledger.checkpoint)
        self._start(self._each_minute())
        if self._telemetry_s:
            self._begin(self._telemetry_s, self.tell_health)
        if self._notifier.watchdog_s:
            # From the loop itself: a ping must prove that the loop runs.
            self._begin(self._notifier.watchdog_s / 3, lambda: self._notifier.tell("WATCHDOG=1"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look_at_ledger(self) -> None:
        """A start can put a damaged file right, a running gateway cannot: end, so that one follows."""
        if self._ledger.damaged:
            where = next((older.path for older in self._ledger.older if older.damaged), self._ledger.path)
            what = "the ledger's file is damaged"
            raise LedgerError(what, "The next start puts it right", where=str(where), code="ledger_damaged")

    def tell_health(self) -> None:
        """One telemetry entry on how the gateway is."""
        uptime = asyncio.get_running_loop().time() - self._began
        body = HealthBody(
            devices={health.device: health.health.value for health in self._health()},
            backlog={stream.value: self._ledger.last(stream) - self._ledger.acked(stream) for stream in Stream},
            uptime_s=round(uptime),
        )
        self._ledger.ride(new_entry(Stream.TELEMETRY, EntryKind.HEALTH, body))

    async def _each_minute(self) -> None:
        while True:
            await asyncio.sleep(MINUTE_S)
            for work in self._services.each_minute:
                await work()

    def _begin(self, seconds: float, work: Callable[[], object]) -> None:
        self._start(self._every(seconds, work))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._on_fault(fault)

    async def _every(self, seconds: float, work: Callable[[], object]) -> None:
        while True:
            await asyncio.sleep(seconds)
            work()
