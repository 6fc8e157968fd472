"""What the quota machines have in common: three gateways and a centre, asking, using, saying, delivering, closing,
losing, and time that passes; what holds at each step and at the end.

Outside of both sides stands a count of what people really got. No limit may ever be passed by it (I3)."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.model.errors import Conflict
from gateway.quota.keeping import Closing
from gateway.wire.quota import Key
from tests.quota.world import BUDGET, RIDES, Box, World, make_store
from tests.support.clock import FakeClock
from tests.support.memory import in_memory

HOLDER = "h-1"
NAMES = ("museum-1", "school-1", "library-1")
MAX_BAG = 60
STEPS: Counter[str] = Counter()
"""Steps that were taken, of all runs of this process."""
UNITS: Counter[str] = Counter()
"""Units that people got, and of these what no lease covered."""

rarely = precondition(lambda self: self.turn % 4 == 0)
"""What leads nowhere for long, or costs time: every fourth step it may come."""
_templates: dict[str, Path] = {}
some = st.integers(0, 5)
seconds_here = st.sampled_from((1, 61, 61, 61, 3600, 3600, 86_400, 9 * 86_400))
seconds_there = st.sampled_from((1, 61, 3600, 3600, 86_400, 86_400, 40 * 86_400))
any_one = st.integers(0, 1000)


def template(quotas: tuple[dict[str, Any], ...]) -> Path:
    """A store with these rules published, to begin each run with a copy of."""
    if (name := str(quotas)) not in _templates:
        folder = Path(tempfile.mkdtemp(dir=in_memory()))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        make_store(folder / "centre.db", FakeClock(), *quotas).close()
        _templates[name] = folder / "centre.db"
    return _templates[name]


class Core(RuleBasedStateMachine):
    """What the model check has: ask, use, say, deliver, close, lose, and time that passes. Three gateways, a personal
    quota of 5 and everybody's budget of 12."""

    gateways: tuple[str, ...] = NAMES
    quotas: tuple[dict[str, Any], ...] = (RIDES, BUDGET)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=in_memory()))
        self.world = World(self.folder, self.gateways, template=template(self.quotas))
        self.limits = {quota["key"]: quota["limit"] for quota in self.quotas}
        self.got: Counter[Key] = Counter()
        """What people really got, less what was voided."""
        self.over: Counter[Key] = Counter()
        """Of that, what was committed late and no lease covered."""
        self.turn = 0
        self.entries: list[tuple[str, str, Key, int, int]] = []
        """Gateway, entry, cell, units, and how many of them are over."""

    def teardown(self) -> None:
        try:
            self.at_the_end()
        finally:
            self.world.stop()
            shutil.rmtree(self.folder)

    def at_the_end(self) -> None:
        """All is told and closed: what is out is what people got (I8), and nothing was odd."""
        self.world.talk(greet=True)
        for box in self.world.boxes:
            for (number,) in box.rows("SELECT number FROM quota_lease WHERE closed=0"):
                box.run(box.ledger.commit([], [Closing(number, at_once=True)]))
        self.world.talk(greet=True)
        out = self.world.out()
        for cell in {*out, *self.got}:
            assert out.get(cell, 0) == self.got[cell] - self.over[cell], f"I8: {cell}: {out.get(cell)} {self.got[cell]}"
        assert not self.world.alarms(), f"alarms: {self.world.alarms()}"

    @initialize()
    def begin(self) -> None:
        self.world.talk()

    def box_at(self, at: int) -> Box:
        return self.world.boxes[at % len(self.world.boxes)]

    def quota(self, of: int) -> dict[str, Any]:
        return self.quotas[of % len(self.quotas)]

    def note(self, box: Box, entry: str, cell: Key, units: int, over: int = 0) -> None:
        UNITS["used"] += units
        UNITS["over"] += over
        self.got[cell] += units
        self.over[cell] += over
        self.entries.append((box.name, entry, cell, units, over))

    @rule(at=some, of=some, units=st.integers(1, 3))
    def want(self, at: int, of: int, units: int) -> None:
        STEPS["want"] += 1
        self.box_at(at).want(self.quota(of), HOLDER, units)

    @rule(at=some, of=some, units=st.integers(1, 2))
    def serve(self, at: int, of: int, units: int) -> None:
        STEPS["serve"] += 1
        box, quota = self.box_at(at), self.quota(of)
        if (entry := box.serve(quota, HOLDER, units)) is not None:
            self.note(box, entry, box.cell(quota, HOLDER), units)

    @rule(at=some, of=some, units=st.integers(1, 3))
    def use_unasked(self, at: int, of: int, units: int) -> None:
        """A decision that was made a while ago: the commit itself has to look."""
        STEPS["use_unasked"] += 1
        box, quota = self.box_at(at), self.quota(of)
        try:
            entry = box.commit(box.quotas.spend(HOLDER, [box.use(quota, units)]))
        except Conflict:
            return
        self.note(box, entry, box.cell(quota, HOLDER), units)

    @rarely
    @rule(at=some, which=some)
    def close(self, at: int, which: int) -> None:
        STEPS["close"] += 1
        box = self.box_at(at)
        if rows := box.rows("SELECT number FROM quota_lease WHERE closed=0 ORDER BY number"):
            box.close(rows[which % len(rows)][0])

    @rarely
    @rule(at=some, seconds=seconds_here)
    def time_at_a_gateway(self, at: int, seconds: int) -> None:
        STEPS["time"] += 1
        self.box_at(at).clock.advance(seconds)

    @rarely
    @rule(seconds=seconds_there)
    def time_at_the_centre(self, seconds: int) -> None:
        STEPS["time"] += 1
        self.world.clock.advance(seconds)

    # The line ----------------------------------------------------------------------------------------------

    @rule(at=some, greet=st.booleans())
    def say(self, at: int, greet: bool) -> None:
        STEPS["say"] += 1
        box = self.box_at(at)
        self.world.up += [(box.name, payload) for payload in box.say(greet)]
        del self.world.up[:-MAX_BAG]

    @rule(at=some, of=some, units=st.integers(1, 3))
    def want_and_say(self, at: int, of: int, units: int) -> None:
        self.want(at=at, of=of, units=units)
        self.say(at=at, greet=False)

    @precondition(lambda self: self.world.up)
    @rule(some_of=st.lists(st.tuples(any_one, st.booleans()), min_size=1, max_size=6))
    def deliver_several_up(self, some_of: list[tuple[int, bool]]) -> None:
        for which, again in some_of:
            if self.world.up:
                self.deliver_up(which=which, again=again)

    @precondition(lambda self: self.world.down)
    @rule(some_of=st.lists(st.tuples(any_one, st.booleans()), min_size=1, max_size=6))
    def deliver_several_down(self, some_of: list[tuple[int, bool]]) -> None:
        for which, again in some_of:
            if self.world.down:
                self.deliver_down(which=which, again=again)

    @precondition(lambda self: self.world.up)
    @rule(which=any_one, again=st.booleans())
    def deliver_up(self, which: int, again: bool) -> None:
        STEPS["deliver_up"] += 1
        at = which % len(self.world.up)
        gateway, payload = self.world.up[at] if again else self.world.up.pop(at)
        self.world.to_centre(gateway, payload)
        del self.world.down[:-MAX_BAG]

    @precondition(lambda self: self.world.down)
    @rule(which=any_one, again=st.booleans())
    def deliver_down(self, which: int, again: bool) -> None:
        STEPS["deliver_down"] += 1
        at = which % len(self.world.down)
        gateway, payload = self.world.down[at] if again else self.world.down.pop(at)
        self.world.box(gateway).take(payload)

    @precondition(lambda self: len(self.world.up) + len(self.world.down) > MAX_BAG / 2)
    @rule()
    def lose(self) -> None:
        STEPS["lose"] += 1
        self.world.up.clear()
        self.world.down.clear()

    def line(self, *at: int) -> None:
        """For a moment the line of these gateways is good."""
        self.world.talk(*map(self.box_at, at), greet=True)

    # What holds --------------------------------------------------------------------------------------------

    @invariant()
    def nobody_gets_more_than_there_is(self) -> None:
        self.turn += 1
        for cell, units in self.got.items():
            assert units - self.over[cell] <= self.limits[cell.key], f"I3: {cell}: {units}"

    @invariant()
    def the_authority_has_no_more_out_than_there_is(self) -> None:
        for cell, units in self.world.out().items():
            assert 0 <= units <= self.limits[cell.key], f"I1: {cell}: {units}"

    @invariant()
    def no_lease_is_used_beyond_its_units(self) -> None:
        wrong = "SELECT 1 FROM quota_lease WHERE used - returned > units OR returned > used"
        for box in self.world.boxes:
            assert not box.rows(wrong), "I2: a lease"
