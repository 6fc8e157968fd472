"""Whatever happens at a gate and whenever the power goes: one opening per admission, one end per admission.

Taps, passages, silent relays, time-outs and power cuts in any order, on real files.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal, get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.types import GateStation
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.reading import CardReading, InputReading
from gateway.stations.gate import Gate
from tests.support.outputs import Silence
from tests.support.place import Card, Place

Step = Literal["tap", "replay", "stale", "blocked", "passage", "timeout", "crash", "crash in pulse", "lost", "refused"]
STEPS: tuple[Step, ...] = get_args(Step)


class Scene:
    """One gate over several lives, as the world outside sees it."""

    def __init__(self, folder: Path, *, sensor: bool) -> None:
        self._sensor = sensor
        self._card, self._blocked = Card("anna"), Card("carl")
        self.place = Place(folder).start()

    async def begin(self) -> None:
        section = GateStation(
            id="gate-1",
            readers=("nfc-1",),
            relay="relay-1",
            passage_input=1 if self._sensor else None,
            passage_s=3600.0,
        )
        self.gate = Gate(section, self.place.services)
        await self.gate.start()

    async def step(self, step: Step) -> None:
        place = self.place
        match step:
            case "tap":
                await self.gate.on_reading(self._card.tap(place))
            case "replay":
                copy = self._card.clone()
                await self.gate.on_reading(CardReading("nfc-1", place.clock.mono_ns(), copy.uid, copy.message()))
            case "stale":
                reading = self._card.tap(place)
                place.clock.advance(2.5)
                await self.gate.on_reading(reading)
            case "blocked":
                await self.gate.on_reading(self._blocked.tap(place))
            case "passage":
                await self.gate.on_reading(InputReading("relay-1", place.clock.mono_ns(), 1, True))
                await self._watched()
            case "timeout":
                await self._time_out()
            case "crash":
                await self._crash()
            case "crash in pulse":
                await self._crash_in_pulse()
            case "lost":
                place.outputs.pulse_script.append(DeadlineMissed("no answer"))
                await self.gate.on_reading(self._card.tap(place))
                place.outputs.pulse_script.clear()
            case "refused":
                place.outputs.pulse_script.append(NotReady("gone") if self._sensor else InputRefused("no such output"))
                await self.gate.on_reading(self._card.tap(place))
                place.outputs.pulse_script.clear()

    async def _watched(self) -> None:
        """Until the gate has seen what has just come."""
        watch = self.gate._watch
        if watch is not None and self.gate._passage is not None and self.gate._passage.done():
            await asyncio.wait([watch])

    async def _time_out(self) -> None:
        """A person who taps and then does not come."""
        patient, before = self.gate._section, self.gate._watch
        self.gate._section = msgspec.structs.replace(patient, passage_s=0.01)
        await self.gate.on_reading(self._card.tap(self.place))
        watch = self.gate._watch
        if watch is not None and watch is not before:
            await asyncio.wait([watch])
        self.gate._section = patient

    async def _crash(self) -> None:
        dead, self.place = self.gate, await self.place.crash()
        await dead.stop()
        await self.begin()

    async def _crash_in_pulse(self) -> None:
        silence = Silence()
        self.place.outputs.pulse_script.append(silence)
        tap = asyncio.create_task(self.gate.on_reading(self._card.tap(self.place)))
        asked = asyncio.create_task(silence.asked.wait())
        await asyncio.wait([tap, asked], return_when=asyncio.FIRST_COMPLETED)
        await self._crash()
        for task in (tap, asked):
            task.cancel()
            await asyncio.wait([task])
        self.place.outputs.pulse_script.clear()

    def check(self, *, open_allowed: int) -> None:
        place = self.place
        kinds = Counter(place.kinds())
        admitted = kinds[EntryKind.ADMISSION]
        assert len(place.outputs.pulses) <= admitted
        ends = [b["admission"] for kind in (EntryKind.PASSED, EntryKind.VOID) for b in place.bodies(kind)]
        if not self._sensor:
            ends += [b["admission"] for b in place.bodies(EntryKind.OPENED)]
        assert len(ends) == len(set(ends)), "an admission ended twice"
        admissions = {e.header.id.seq for e in place.entries() if e.header.kind is EntryKind.ADMISSION}
        assert set(ends) <= admissions
        waiting = {row[0] for row in place.ledger.query("SELECT admission FROM grant_open")}
        assert waiting == admissions - set(ends)
        assert len(waiting) <= open_allowed


async def play(folder: Path, steps: list[Step], *, sensor: bool) -> None:
    scene = Scene(folder, sensor=sensor)
    await scene.begin()
    for step in steps:
        await scene.step(step)
        await scene.place.settle()
        scene.check(open_allowed=1)
    await scene._crash()
    scene.check(open_allowed=0)
    path = scene.place.ledger_path
    await scene.gate.stop()
    await scene.place.stop()
    assert verify(path).clean


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), max_size=12), st.booleans())
def test_one_opening_and_one_end_per_admission(steps: list[Step], sensor: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s").mkdir()
        asyncio.run(play(Path(folder) / "s", steps, sensor=sensor))
