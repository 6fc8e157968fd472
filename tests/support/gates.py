"""A gate of a `Place` with every sensor and button, a group at it, and steps that end when all is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.config.types import GateStation, GroupOpening
from gateway.identity.identify import Identified, Identity
from gateway.model.entry import EntryKind
from gateway.model.identification import Identification
from gateway.model.reading import InputReading, InputStates, Presented
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from tests.support.place import KEYS, Place

PASSAGE, EXIT, STAFF, EXIT_BUTTON, ALARM = range(5)
"""Inputs of the relay board."""
PATIENCE_S = 20.0


async def until(there: Callable[[], bool]) -> None:
    """Let the loop turn until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not there():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class Leads(Identity):
    """Real identification, of people who each come with so many others."""

    persons = 1

    def identify(self, reading: Presented, now_ms: int, *, sure: bool = True) -> Identified:
        found = super().identify(reading, now_ms, sure=sure)
        if not found.identification.accepted:
            return found
        who: Identification = msgspec.structs.replace(found.identification, persons=self.persons)
        return msgspec.structs.replace(found, identification=who)


class AtGate:
    """One gate and whoever walks through it. Times are long: what runs out, a test asks for."""

    def __init__(self, place: Place, **options: Any) -> None:
        self.place = place
        given: dict[str, Any] = {"passage_s": 60.0, "group_pause_ms": 0, "id": "gate-1", **options}
        self.section = GateStation(
            readers=("nfc-1",),
            relay="relay-1",
            passage_input=PASSAGE,
            exit_input=EXIT,
            staff_input=STAFF,
            exit_button_input=EXIT_BUTTON,
            alarm_input=ALARM,
            **given,
        )
        known = place.services.identity
        self.leads = known if isinstance(known, Leads) else Leads(KEYS, place.cache, place.ledger.query)
        place.services.identity = self.leads
        self.gate = Gate(self.section, place.services)

    async def start(self) -> AtGate:
        await self.gate.start()
        return self

    async def group(self, persons: int, reading: Presented) -> None:
        """Somebody with a pass for so many holds it to the reader."""
        self.leads.persons = persons
        await self.gate.on_reading(reading)

    def edge(self, channel: int, on: bool = True) -> None:
        """An input changes now."""
        self.gate.on_input(InputReading("relay-1", self.place.clock.mono_ns(), channel, on))

    def board_is_ready(self, *active: int) -> None:
        """The relay board has become ready, with these inputs active."""
        states = tuple(channel in active for channel in range(8))
        self.gate.on_input(InputStates("relay-1", self.place.clock.mono_ns(), states))

    async def walk(self, persons: int = 1) -> None:
        """So many pass, each when the gate has opened for them."""
        for _ in range(persons):
            await self._walk_one()

    async def _walk_one(self) -> None:
        before, pulses = self._shown_passing(), len(self.place.outputs.pulses)
        self.edge(PASSAGE)
        await until(lambda: self._shown_passing() > before)
        if self.section.group is GroupOpening.PULSES:
            await until(lambda: not self.gate._passages.awaited or len(self.place.outputs.pulses) > pulses)

    def _shown_passing(self) -> int:
        """How often the page has said that somebody passed, or that the gate is open."""
        counts = self.place.board.counts
        return counts.get(Show.PASSED, 0) + counts.get(Show.OPEN, 0)

    async def over(self) -> None:
        """Until nobody is awaited, and all is on disk."""
        await until(lambda: not self.gate._passages.awaited)
        await self.gate.settled()
        await self.place.settle()

    def grants(self) -> list[tuple[Any, ...]]:
        return self.place.ledger.query("SELECT admission, persons, passed FROM grant_open")

    @property
    def inside(self) -> int:
        return self.place.services.inside.persons(self.section.area)

    def steps(self) -> list[tuple[EntryKind, int]]:
        """Openings and passages, each with its number."""
        kinds = (EntryKind.OPENED, EntryKind.PASSED)
        return [(kind, body.get("passage", 1)) for kind in kinds for body in self.place.bodies(kind)]
