"""How one device stands, told on change only: once when it goes, once when it is back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from drivers.contract.core import Problem
from gateway.devices.budget import Bucket
from gateway.devices.troubles import HELP, bounded, bounded_detail
from gateway.model.clock import Clock
from gateway.model.device import DeviceHealth, Health

CHANGES_PER_S, CHANGES_BURST = 0.5, 10
"""A device that comes and goes faster is told of more slowly, always with its latest state."""

GONE = (Health.LOST, Health.FAILED)
NONE = Problem("", "", "")

log = logging.getLogger("gateway.devices")


class Standing:
    """Keeps a device's health and tells its changes through `on_change`, called by the loop."""

    def __init__(self, device: str, driver: str, clock: Clock, on_change: Callable[[DeviceHealth], None]) -> None:
        self._device = device
        self._driver = driver
        self._clock = clock
        self._on_change = on_change
        self._bucket = Bucket(CHANGES_PER_S, CHANGES_BURST)
        self._later: asyncio.TimerHandle | None = None
        self._told: tuple[Health, Problem, bool] | None = None
        self._alive_ns: int | None = None
        self.health = Health.STOPPED
        self.problem = NONE
        self.detail: dict[str, str] = {}
        self.needs_help = False
        self.pid: int | None = None
        self.restarts = 0
        self.garbage = 0
        self.slowed = 0

    def alive(self) -> None:
        """The device itself has answered."""
        self._alive_ns = self._clock.mono_ns()

    def set(self, health: Health, problem: Problem = NONE, *, needs_help: bool = False) -> None:
        """The device stands like this now."""
        self.health = health
        self.problem = bounded(problem)
        self.needs_help = needs_help
        self._tell()

    def describe(self, detail: dict[str, str]) -> None:
        """What the device says of itself."""
        self.detail = bounded_detail(detail)

    def stop(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._bucket = Bucket(CHANGES_PER_S, CHANGES_BURST)
        self.pid = None
        self.set(Health.STOPPED)

    def report(self) -> DeviceHealth:
        """Everything that is known of it now."""
        problem, advice = self.problem, self.problem.advice
        if self.needs_help:
            advice = f"{advice}. {HELP}" if advice else HELP
        return DeviceHealth(
            device=self._device,
            driver=self._driver,
            health=self.health,
            code=problem.code,
            cause=problem.cause,
            advice=advice,
            needs_help=self.needs_help,
            alive_age_ms=None if self._alive_ns is None else (self._clock.mono_ns() - self._alive_ns) // 1_000_000,
            pid=self.pid,
            restarts=self.restarts,
            garbage=self.garbage,
            slowed=self.slowed,
            detail=self.detail,
        )

    def _tell(self) -> None:
        now = (self.health, self.problem, self.needs_help)
        if now == self._told or self._later is not None:
            return
        loop = asyncio.get_running_loop()
        if not self._bucket.take(loop.time()):
            self._later = loop.call_later(self._bucket.wait(loop.time()), self._tell_late)
            return
        before = None if self._told is None else self._told[0]
        self._told = now
        self._log(before)
        loop.call_soon(self._on_change, self.report())

    def _tell_late(self) -> None:
        self._later = None
        self._tell()

    def _log(self, before: Health | None) -> None:
        report = self.report()
        if self.health in GONE and before not in GONE:
            log.warning("%s is %s: %s. %s", self._device, self.health, report.cause, report.advice)
        elif self.health is Health.READY:
            if before is not Health.READY:
                log.info("%s is ready", self._device)
            if report.cause:
                log.warning("%s: %s. %s", self._device, report.cause, report.advice)
        elif self.needs_help:
            log.error("%s is %s: %s. %s", self._device, self.health, report.cause, report.advice)
