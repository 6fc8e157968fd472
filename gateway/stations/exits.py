"""The readers on the way out of a gate: whatever is presented there lets one person out.

Nobody is asked for an entitlement, and who leaves is not on record, only that somebody did. A credential is looked at
after the opening, for two things: its message is used up, so that a copy of it opens nothing later, and anti-passback
forgets that it went in (docs/decisions/0022-gates-and-people-who-want-out.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine

from gateway.config.types import GateStation
from gateway.ledger.effects import Effect
from gateway.model.errors import Conflict, LedgerError
from gateway.model.gate_bodies import OverrideKind, WalkCause, Way
from gateway.model.reading import BeaconReading, Presented, is_fresh
from gateway.model.shown import Show
from gateway.stations.opening import Passages
from gateway.stations.overrides import Overrides
from gateway.stations.passages import PassageLeft
from gateway.stations.services import Services
from gateway.stations.walks import Walks

log = logging.getLogger("stations")

LEAVING = 32
"""Credentials that wait for the sensor to see their holder go, at most."""


class Exits:
    """Those of one gate. Where a sensor sees who goes out, that counts; where none does, opened counts as gone."""

    def __init__(
        self, section: GateStation, services: Services, passages: Passages, overrides: Overrides, walks: Walks
    ) -> None:
        self._section = section
        self._services = services
        self._passages = passages
        self._overrides = overrides
        self._walks = walks
        self._seen = section.exit_input is not None or section.passage_input is not None
        self._leaving: deque[tuple[int, bytes]] = deque(maxlen=LEAVING)
        self._tasks: set[asyncio.Task[None]] = set()

    def presented(self, reading: Presented) -> None:
        """At once, whoever is being served. What was presented long ago opens nothing, and a beacon has asked for
        nothing."""
        if isinstance(reading, BeaconReading):
            return
        if is_fresh(reading, self._services.clock.mono_ns()):
            self._begin(self._let_out(reading))
        else:
            self._services.count_unidentified(self._section.id, "stale")
            self._services.board.tell(self._section.id, Show.REFUSED, reason="stale")

    def walked(self) -> None:
        """The sensor has seen somebody go out: the one who asked first."""
        now_ns = self._services.clock.mono_ns()
        while self._leaving:
            until_ns, digest = self._leaving.popleft()
            if now_ns < until_ns:
                self._begin(self._store([self._left(digest)]))
                return

    async def settled(self) -> None:
        """Until everybody who has asked so far is let out, and it is stored."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _let_out(self, reading: Presented) -> None:
        section, services = self._section, self._services
        task = self._overrides.pressed(OverrideKind.EXIT_READER, reading)
        opened = task is not None and await task
        if opened and not self._seen:
            self._walks.walked(Way.OUT, WalkCause.EXIT_READER)
        if services.fire_alarm.on:
            return  # Nothing is looked at, and the page says "free passage".
        now = services.clock.stamp()
        identified = services.identity.identify(reading, now.wall_ms, sure=now.quality.trusted)
        who = identified.identification
        if opened and not self._passages.awaited:
            services.board.tell(section.id, Show.LEAVING, language=who.language or "")
        if not who.accepted or who.credential is None:
            return
        digest = bytes.fromhex(who.credential.digest)
        effects: list[Effect] = [*identified.unspent.effects]
        if self._seen:
            self._leaving.append((now.mono_ns + round(section.passage_s * 1e9), digest))
        else:
            effects.append(self._left(digest))
        if effects:
            await self._store(effects)

    def _left(self, digest: bytes) -> PassageLeft:
        return PassageLeft(digest, tuple(sorted(self._services.gates_of[self._section.area])))

    async def _store(self, effects: list[Effect]) -> None:
        """What the disk refuses makes nobody wait: the person is out, and may have to wait before coming in again."""
        try:
            await self._services.ledger.commit([], effects)
        except Conflict:
            pass  # The message was used meanwhile, by whoever came in with it: then they have not left.
        except LedgerError as error:
            log.error("%s: that somebody left could not be stored: %s", self._section.id, error)
            self._services.board.tell(self._section.id, Show.ATTENTION, reason=error.code, advice=error.advice)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
