"""One device: starts its driver, watches it, brings it back, and says how it stands.

One timer, set to the next moment at which something is due: an idle device wakes the daemon every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping

import msgspec

from drivers.contract.core import DeviceState, Kind, Problem, State
from gateway.config.types import DeviceSection
from gateway.devices.budget import Refusals
from gateway.devices.guard import Guard
from gateway.devices.intake import Intake
from gateway.devices.ladder import Ladder, Rung
from gateway.devices.link import OnStep
from gateway.devices.session import Session
from gateway.devices.standing import GONE, NONE, Standing
from gateway.devices.stderr import DriverLog
from gateway.devices.troubles import Trouble, problem
from gateway.model.clock import Clock
from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import NotReady
from gateway.model.reading import Reading

log = logging.getLogger("gateway.devices")


class Device:
    """What of a device outlives its driver's process."""

    def __init__(
        self,
        section: DeviceSection,
        clock: Clock,
        guard: Guard,
        environment: Mapping[str, str],
        *,
        on_reading: Callable[[Reading], None],
        on_change: Callable[[DeviceHealth], None],
        on_flood: Callable[[str, str, int], None],
    ) -> None:
        self.id = section.id
        self._section = section
        self._guard = guard
        self._environment = environment
        self._standing = Standing(section.id, section.driver, clock, on_change)
        self._refusals = Refusals(lambda reason, count: on_flood(section.id, reason, count))
        self._intake = Intake(section.id, clock, self._standing, self._refusals, on_reading)
        self._log = DriverLog(section.id)
        self._ladder = Ladder(section.silence_s, random.random)
        self._session: Session | None = None
        self._start_at: float | None = None
        self._restarting = False
        self._concern = NONE
        """What the driver of a device that works wants somebody to see to."""
        self._timer: asyncio.TimerHandle | None = None
        self._running = False

    def health(self) -> DeviceHealth:
        return self._standing.report()

    def start(self) -> None:
        """Spawn the driver. One that cannot be spawned is tried again."""
        self._loop = asyncio.get_running_loop()
        self._running = True
        self._standing.set(Health.STARTING)
        self._launch()

    async def stop(self) -> None:
        """Undo `start`, in at most 1.4 s."""
        self._running = False
        self._arm()
        if self._session is not None:
            await self._session.stop()
            self._session = None
        self._refusals.stop()
        self._standing.stop()

    def kill(self) -> None:
        """SIGKILL to the driver's process group; another is started. Also starts one that had given up."""
        if self._session is not None:
            self._restarting = False
            self._session.end(problem(Trouble.KILLED))
        elif self._running:
            self._start_at = self._loop.time()
            self._arm()

    async def call(
        self,
        kind: Kind,
        body: msgspec.Struct,
        deadline_ms: int,
        on_step: OnStep | None = None,
        *,
        of_device: bool = True,
    ) -> msgspec.Raw:
        """Ask the device, or without `of_device` only its driver: then the answer is no sign that the device lives.
        Raises `NotReady` at once when it is not there, else as `Link.call`."""
        if self._session is None or self._standing.health is not Health.READY:
            told = self._standing.report()
            cause = told.cause or f"it is {told.health}"
            raise NotReady(cause, told.advice or "Try again in a moment", where=self.id, code=told.code or None)
        return await self._session.call(kind, body, deadline_ms, on_step, of_device=of_device)

    # Process ---------------------------------------------------------------------------------------------

    def _launch(self) -> None:
        now = self._loop.time()
        self._start_at = None
        self._ladder.starting(now)
        session = Session(
            self._section,
            self._intake,
            self._environment,
            on_log=self._log.line,
            on_life=self._life,
            on_state=self._told,
            on_end=lambda why, final: self._ended(session, why, final),
        )
        try:
            session.start()
        except OSError as error:
            self._gone(problem(Trouble.NOT_STARTED, error), final=False)
            return
        self._session = session
        self._guard.add(session.pid)
        self._standing.pid = session.pid
        self._ladder.watch(now)
        self._arm()

    def _ended(self, session: Session, why: Problem, final: bool) -> None:
        self._guard.delete(session.pid)
        if self._session is not session:
            return
        self._session = self._standing.pid = None
        if self._running:
            self._gone(why, final)

    def _gone(self, why: Problem, final: bool) -> None:
        if not final:
            self._start_at = self._ladder.ended(self._loop.time())
            self._standing.restarts += 1
        if not self._restarting or final:
            self._standing.set(Health.FAILED, why, needs_help=final or self._ladder.wants_help)
        self._restarting = False
        self._arm()

    # Device ----------------------------------------------------------------------------------------------

    def _life(self) -> None:
        self._standing.alive()
        self._ladder.alive(self._loop.time())
        ready = self._session is not None and self._session.state is DeviceState.READY
        if ready and self._standing.health is not Health.READY:
            self._standing.set(Health.READY, self._concern)

    def _told(self, state: State) -> None:
        match state.state:
            case DeviceState.READY:
                self._concern = state.problem or NONE
                self._standing.describe(state.detail)
                self._life()
                self._standing.set(Health.READY, self._concern)
            case DeviceState.OPENING:
                if self._standing.health not in GONE:
                    self._standing.set(Health.STARTING)
            case DeviceState.LOST:
                self._ladder.lost(self._loop.time())
                why = state.problem or problem(Trouble.LOST)
                self._standing.set(Health.LOST, why, needs_help=self._ladder.wants_help)

    # Timer -----------------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._running:
            return
        if self._session is not None:
            self._timer = self._loop.call_at(self._ladder.due, self._tick)
        elif self._start_at is not None:
            self._timer = self._loop.call_at(self._start_at, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if self._session is None:
            self._launch()
            return
        if not self._session.watched or self._session.stepping:
            self._ladder.watch(now)
        else:
            self._climb(self._session, now, self._ladder.check(now))
        self._arm()

    def _climb(self, session: Session, now: float, rung: Rung) -> None:
        if self._ladder.absent and self._standing.health not in GONE:
            self._standing.set(Health.LOST, problem(Trouble.SILENT, f"{self._section.silence_s:g}"))
        match rung:
            case Rung.NOTHING:
                pass
            case Rung.REOPEN:
                log.info("%s: asking its driver to open the device again", self.id)
                session.reopen()
            case Rung.RESTART:
                log.info("%s: restarting its driver", self.id)
                self._restarting = True
                session.end(self._standing.problem)
            case Rung.RESET_BUS:
                log.info("%s: resetting its bus is not available here", self.id)
                self._climb(session, now, self._ladder.not_available(now))
            case Rung.ASK_FOR_HELP:
                self._standing.set(self._standing.health, self._standing.problem, needs_help=True)
