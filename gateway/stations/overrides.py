"""A gate opened without a decision: by the staff's button, and by whoever wants to get out, with a button or a card.

The staff's opening is durable before the relay moves, like everybody's. A person on the way out is let out at once, on
whatever the disk does, and it is stored within a second (docs/decisions/0022-gates-and-people-who-want-out.md).
"""

from __future__ import annotations

import asyncio
import logging

from gateway.config.types import GateStation
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, LedgerError, NotReady
from gateway.model.gate_bodies import OverrideBody, OverrideKind, WalkCause
from gateway.model.reading import Reading, is_fresh
from gateway.model.shown import Show
from gateway.stations.opening import PULSE_DEADLINE_MS
from gateway.stations.services import Services, new_entry
from gateway.stations.tally import Tally

log = logging.getLogger("stations")

ExitOpening = tuple[OverrideKind, bool]


CAUSES = {
    OverrideKind.STAFF_BUTTON: WalkCause.STAFF_BUTTON,
    OverrideKind.EXIT_BUTTON: WalkCause.EXIT_BUTTON,
    OverrideKind.EXIT_READER: WalkCause.EXIT_READER,
}


class Overrides:
    """The buttons and exit readers of one gate. What is pressed again while it is being obeyed is one press."""

    def __init__(self, section: GateStation, services: Services) -> None:
        self._section = section
        self._services = services
        self._tasks: dict[OverrideKind, asyncio.Task[bool]] = {}
        self._exits: Tally[ExitOpening] = Tally(services.ledger, self._exit_entry, self._refused)
        self._free: tuple[int, WalkCause] = (0, WalkCause.STAFF_BUTTON)

    def pressed(self, what: OverrideKind, reading: Reading) -> asyncio.Task[bool] | None:
        """A button went down. The task says whether it has opened the gate; None where another press is being obeyed,
        and for a press from long ago, which opens nothing."""
        task = self._tasks.get(what)
        if (task is not None and not task.done()) or not is_fresh(reading, self._services.clock.mono_ns()):
            return None
        work = self._staff(reading) if what is OverrideKind.STAFF_BUTTON else self._exit(what)
        self._tasks[what] = asyncio.get_running_loop().create_task(work)
        return self._tasks[what]

    def cause(self) -> WalkCause | None:
        """Why somebody may pass now without a grant, if anybody may."""
        until_ns, cause = self._free
        return cause if self._services.clock.mono_ns() < until_ns else None

    async def settled(self) -> None:
        """Until every press so far is obeyed and stored."""
        await asyncio.gather(*self._tasks.values())
        await self._exits.settled()

    async def _staff(self, reading: Reading) -> bool:
        section, services = self._section, self._services
        if services.fire_alarm.on:
            return False
        try:
            await services.ledger.commit([_entry(section.id, OverrideKind.STAFF_BUTTON)])
        except LedgerError as error:
            self._refused(error)
            return False
        fresh = is_fresh(reading, services.clock.mono_ns())
        if fresh and await self._opened(section.output, OverrideKind.STAFF_BUTTON):
            services.board.tell(section.id, Show.OPEN)
            return True
        services.ledger.ride(_entry(section.id, OverrideKind.STAFF_BUTTON, not_opened=True))
        return False

    async def _exit(self, what: OverrideKind) -> bool:
        section = self._section
        output = section.output if section.exit_output is None else section.exit_output
        self._exits.add((what, False))
        # During a fire alarm too: where the wiring has failed, this is one way more.
        opened = await self._opened(output, what)
        if not opened:
            self._exits.add((what, True))
        return opened

    async def _opened(self, output: int, what: OverrideKind) -> bool:
        section, services = self._section, self._services
        self._free = (services.clock.mono_ns() + round(section.passage_s * 1e9), CAUSES[what])
        try:
            await services.outputs.pulse(section.relay, output, section.pulse_ms, PULSE_DEADLINE_MS)
        except (NotReady, InputRefused, DeadlineMissed) as error:
            log.error("%s: %s did not open it: %s", section.id, what, error)
            services.board.tell(section.id, Show.ATTENTION, reason="gate_not_ready", advice=error.advice)
            return False
        return True

    def _exit_entry(self, what: ExitOpening, count: int) -> tuple[NewEntry, tuple[()]]:
        kind, not_opened = what
        return _entry(self._section.id, kind, count, not_opened=not_opened), ()

    def _refused(self, error: LedgerError) -> None:
        self._services.board.tell(self._section.id, Show.ATTENTION, reason=error.code, advice=error.advice)


def _entry(station: str, what: OverrideKind, count: int = 1, *, not_opened: bool = False) -> NewEntry:
    body = OverrideBody(station=station, what=what, count=count, not_opened=not_opened)
    return new_entry(Stream.AUDIT, EntryKind.OVERRIDE, body)
