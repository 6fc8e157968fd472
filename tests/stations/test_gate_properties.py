"""Whatever happens at a gate and whenever the power goes: one opening for each person of an admission, one end of each,
what was not used is given back, and the number inside is that of those who passed. Whoever asks to get out gets out,
and with anti-passback a card that has left opens again, and no other.

Taps, groups, passages, silent relays, time-outs, alarms, people who leave and power cuts in any order, on real files.
Rides are counted on trust, so that no authority has to be there.
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

from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import DeadlineMissed, InputRefused, NotReady
from gateway.model.gate_bodies import OverrideKind, Way
from gateway.model.reading import CardReading
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.deciding import Deciding
from tests.rules.builders import document, percent, rule
from tests.support.gates import ALARM, EXIT, EXIT_BUTTON, PASSAGE, STAFF, AtGate, until
from tests.support.outputs import Silence
from tests.support.place import FREE, Card, Place

Kind = Literal[
    "tap", "replay", "stale", "blocked", "passage", "late", "crash", "crash in pulse", "lost", "refused",
    "fails in the middle", "exit", "staff", "exit button", "alarm", "alarm over",
    "leave", "turn round inside",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
Step = tuple[Kind, int]
"""What happens, and with how many persons."""

EXIT_READER = "nfc-2"

RIDES = {"key": "rides", "unit": "units", "limit": 5000, "period": "day", "grace_units": 5000}
RULES = document(rule("rides", who={"any_of_groups": [FREE]}, give=percent(10_000), quota=[RIDES]))


class Scene:
    """One gate over several lives, as the world outside sees it."""

    def __init__(self, folder: Path, *, sensor: bool, passback: bool) -> None:
        self._sensor = sensor
        self._passback = passback
        self._card, self._blocked = Card("anna"), Card("carl")
        self.place = Place(folder).start()

    async def begin(self) -> None:
        place = self.place
        place.benefits.use(compile_rules(load(RULES), 1), 0)
        quotas = Quotas(place.ledger, place.clock, "gw-test")
        await quotas.start()
        place.services.deciding = Deciding(place.benefits, quotas, place.ledger.query, place.clock)
        within_s = 86400.0 if self._passback else 0.0
        self.at = AtGate(place, passage_s=3600.0, exit_readers=(EXIT_READER,), anti_passback_s=within_s)
        if not self._sensor:
            section = msgspec.structs.replace(self.at.section, passage_input=None)
            self.at.section = self.at.gate.section = self.at.gate._passages._section = section
        await self.at.start()

    async def step(self, kind: Kind, persons: int) -> None:
        place, at = self.place, self.at
        match kind:
            case "tap":
                await at.group(persons, self._card.tap(place))
            case "replay":
                copy = self._card.clone()
                await at.group(persons, CardReading("nfc-1", place.clock.mono_ns(), copy.uid, copy.message()))
            case "stale":
                reading = self._card.tap(place)
                place.clock.advance(2.5)
                await at.group(persons, reading)
            case "blocked":
                await at.group(persons, self._blocked.tap(place))
            case "passage":
                await self._walk(persons)
            case "late":
                await self._late(persons)
            case "crash":
                await self._crash()
            case "crash in pulse":
                await self._crash_in_pulse(persons)
            case "lost":
                await self._fail(DeadlineMissed("no answer"), persons)
            case "refused":
                await self._fail(NotReady("gone") if self._sensor else InputRefused("no such output"), persons)
            case "fails in the middle":
                await at.group(3, self._card.tap(place))
                place.outputs.pulse_script.append(DeadlineMissed("no answer"))
                await self._walk(1)
                place.outputs.pulse_script.clear()
            case "exit":
                for _ in range(persons):
                    self._gone()
            case "leave":
                await self._ask_out()
                self._gone()
                await at.gate.settled()
                if not self._waiting_to_go and not self._alarm:
                    assert place.ledger.query("SELECT * FROM passage") == [], "who has left may come in again"
            case "turn round inside":
                await self._ask_out()
            case "staff":
                at.edge(STAFF)
                await at.gate.settled()
                self._overridden += not self._alarm
            case "exit button":
                at.edge(EXIT_BUTTON)
                await at.gate.settled()
                self._overridden += 1
            case "alarm":
                at.edge(ALARM, False)
                self._alarm = True
                await until(lambda: not at.gate._passages.awaited)
            case "alarm over":
                at.edge(ALARM, True)
                self._alarm = False

    _overridden = 0
    """Openings that needed no grant."""
    _asked_out = 0
    _waiting_to_go = 0
    """Who has asked the reader on the way out, and has not been seen to go."""
    _left = 0
    _alarm = False

    async def _ask_out(self) -> None:
        """The card at the reader on the way out: it opens, whatever else goes on."""
        before = len(self.place.outputs.pulses)
        await self.at.gate.on_reading(self._card.tap(self.place, EXIT_READER))
        await self.at.gate.settled()
        assert len(self.place.outputs.pulses) == before + 1, "whoever wants out gets out"
        self._overridden += 1
        self._asked_out += 1
        self._waiting_to_go += not self._alarm

    def _gone(self) -> None:
        """Somebody is seen to go out."""
        self.at.edge(EXIT)
        if self._waiting_to_go:
            self._waiting_to_go -= 1
            self._left += 1

    async def _walk(self, persons: int) -> None:
        for _ in range(persons):
            if self._sensor and self.at.gate._passages.awaited:
                await self.at.walk()
            else:
                self.at.edge(PASSAGE)

    async def _late(self, persons: int) -> None:
        """A group of which all but one come, and the last one not."""
        patient = self.at.gate._passages._section
        self.at.gate._passages._section = msgspec.structs.replace(patient, passage_s=0.02)
        mine = not self.at.gate._passages.awaited
        await self.at.group(persons, self._card.tap(self.place))
        if mine:
            await self._walk(persons - 1)
            await until(lambda: not self.at.gate._passages.awaited)
        self.at.gate._passages._section = patient

    async def _fail(self, error: DeadlineMissed | NotReady | InputRefused, persons: int) -> None:
        self.place.outputs.pulse_script.append(error)
        await self.at.group(persons, self._card.tap(self.place))
        self.place.outputs.pulse_script.clear()

    async def _crash(self) -> None:
        dead, self.place = self.at, await self.place.crash()
        self._alarm = False
        self._waiting_to_go = 0
        await dead.gate._passages.stop()
        await self.begin()
        self.at.board_is_ready(ALARM)

    async def _crash_in_pulse(self, persons: int) -> None:
        silence = Silence()
        self.place.outputs.pulse_script.append(silence)
        tap = asyncio.create_task(self.at.group(persons, self._card.tap(self.place)))
        asked = asyncio.create_task(silence.asked.wait())
        await asyncio.wait([tap, asked], return_when=asyncio.FIRST_COMPLETED)
        await self._crash()
        for task in (tap, asked):
            task.cancel()
            await asyncio.wait([task])
        self.place.outputs.pulse_script.clear()

    async def settle(self) -> None:
        await self.at.gate.settled()
        await self.place.settle()

    def check(self, *, open_allowed: int) -> None:
        place = self.place
        persons: dict[int, int] = {}
        for entry in place.entries(Stream.RECEIPT):
            if entry.header.kind is EntryKind.ADMISSION:
                body = msgspec.json.decode(entry.body or b"")
                persons[entry.header.id.seq] = body["identification"].get("persons", 1)
                assert body["receipt"]["lines"][0].get("quantity", 1000) == persons[entry.header.id.seq] * 1000
        openings = Counter((b["admission"], b.get("passage", 1)) for b in place.bodies(EntryKind.OPENED))
        passages = Counter((b["admission"], b.get("passage", 1)) for b in place.bodies(EntryKind.PASSED))
        assert all(count == 1 for count in (*openings.values(), *passages.values())), "one person stepped twice"
        assert len(place.outputs.pulses) <= sum(persons.values()) + self._overridden
        assert passages.keys() <= openings.keys(), "nobody passes who was not let in"
        passed = Counter(admission for admission, _ in (passages if self._sensor else openings))
        voids = place.bodies(EntryKind.VOID)
        assert len({void["admission"] for void in voids}) == len(voids), "an admission ended twice"
        voided = {void["admission"]: void.get("passages", 1) for void in voids}
        waiting = {row[0]: row[1] - row[2] for row in self.at.grants()}
        assert len(waiting) <= open_allowed
        for admission, all_of_them in persons.items():
            left = voided.get(admission, 0) + waiting.get(admission, 0)
            assert passed[admission] + left == all_of_them, "each person passed, is awaited, or was given back"
        asked_out = [body for body in place.bodies(EntryKind.OVERRIDE) if body["what"] == OverrideKind.EXIT_READER]
        assert sum(body.get("count", 1) for body in asked_out) == self._asked_out
        if self._passback:
            stand = sum(voided.get(admission, 0) < all_of_them for admission, all_of_them in persons.items())
            assert stand <= 1 + self._left, "once in, and once more for each time that it has left"
        self._check_counts(sum(persons.values()) - sum(voided.values()), passed.total())

    def _check_counts(self, used: int, passed: int) -> None:
        ((taken,),) = self.place.ledger.query("SELECT coalesce(sum(grace - grace_back), 0) FROM quota_beyond")
        assert taken == used, "a ride for each who passed or may"
        walked = Counter[str]()
        for body in self.place.bodies(EntryKind.WALKED):
            walked[body["way"]] += body.get("count", 1)
        assert self.at.inside >= passed + walked[Way.IN] - walked[Way.OUT]
        if not walked[Way.OUT]:
            assert self.at.inside == passed + walked[Way.IN]


async def play(folder: Path, steps: list[Step], *, sensor: bool, passback: bool) -> None:
    scene = Scene(folder, sensor=sensor, passback=passback)
    await scene.begin()
    scene.at.board_is_ready(ALARM)
    for kind, persons in steps:
        await scene.step(kind, persons)
        await scene.settle()
        scene.check(open_allowed=0 if scene._alarm else 1)
    await scene._crash()
    scene.check(open_allowed=0)
    path = scene.place.ledger_path
    await scene.at.gate.stop()
    await scene.place.stop()
    assert verify(path).clean


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 4)), max_size=12), st.booleans(), st.booleans())
def test_one_opening_and_one_end_for_each_person_of_an_admission(
    steps: list[Step], sensor: bool, passback: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s").mkdir()
        asyncio.run(play(Path(folder) / "s", steps, sensor=sensor, passback=passback))
