"""What Hypothesis plays on the real handlers of both sides: every order of asking, leasing, using, voiding, closing,
recalling, restarting, restoring and replacing, over a bag of messages that are lost, repeated and late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from gateway.model.errors import Conflict
from tests.quota.core import HOLDER, NAMES, STEPS, Core, any_one, rarely, some
from tests.quota.world import RIDES, Box


class Machine(Core):
    """Beside that: voids, quotes, recalls, restarts, power cuts, moments with a good line. It begins with leases."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        for box in self.world.boxes[:2]:
            for quota in self.quotas:
                box.want(quota, HOLDER)
        self.world.talk()

    def __init__(self) -> None:
        super().__init__()
        self.quotes: list[tuple[str, str, dict[str, Any], int]] = []
        self.count = 0

    @precondition(lambda self: self.entries)
    @rule(which=any_one, back=st.integers(1, 3))
    def void(self, which: int, back: int) -> None:
        """Of all that an entry used, or of some of it; what was over goes first."""
        STEPS["void"] += 1
        name, entry, cell, units, over = self.entries.pop(which % len(self.entries))
        box = self.world.box(name)
        back, over_back = min(back, units), min(back, over)
        box.commit(box.quotas.give_back(entry, {cell.key: back}))
        self.got[cell] -= back
        self.over[cell] -= over_back
        if back < units:
            self.entries.append((name, entry, cell, units - back, over - over_back))

    @rule(at=some, of=some, units=st.integers(1, 2))
    def quote(self, at: int, of: int, units: int) -> None:
        STEPS["quote"] += 1
        box, quota = self.box_at(at), self.quota(of)
        self.count += 1
        try:
            box.commit(box.quotas.hold(f"q{self.count}", HOLDER, [box.use(quota, units)], 60))
        except Conflict:
            return
        self.quotes.append((box.name, f"q{self.count}", quota, units))

    @precondition(lambda self: self.quotes)
    @rule(which=any_one, late=st.booleans())
    def commit_quote(self, which: int, late: bool) -> None:
        STEPS["commit_quote"] += 1
        name, quote, quota, units = self.quotes.pop(which % len(self.quotes))
        box = self.world.box(name)
        cell, use = box.cell(quota, HOLDER), [box.use(quota, units)]
        if late:
            effect = box.quotas.spend_late(HOLDER, use, quote=quote)
            entry = box.commit(effect)
            self.note(box, entry, cell, units, effect.over)
            return
        try:
            entry = box.commit(box.quotas.spend(HOLDER, use, quote=quote))
        except Conflict:
            return
        self.note(box, entry, cell, units)

    @rarely
    @rule(at=some)
    def tend(self, at: int) -> None:
        STEPS["tend"] += 1
        box = self.box_at(at)
        box.run(box.quotas.tend())

    @rarely
    @rule(at=some)
    def restart(self, at: int) -> None:
        STEPS["restart"] += 1
        self.box_at(at).restart()

    @rarely
    @rule(at=some)
    def cut(self, at: int) -> None:
        STEPS["cut"] += 1
        self.box_at(at).cut(self.world.fresh())

    @rarely
    @rule()
    def recalls(self) -> None:
        STEPS["recalls"] += 1
        self.world.recalls()

    @rule(at=some)
    def talk(self, at: int) -> None:
        STEPS["talk"] += 1
        self.line(at)


class Copies(Core):
    """Cards are copied and restored. What was leased to the life before counts as used."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: dict[str, list[Path]] = {name: [] for name in self.gateways}

    def at_the_end(self) -> None:
        self.world.talk(greet=True)
        self.nobody_gets_more_than_there_is()

    @rarely
    @rule(at=some)
    def copy(self, at: int) -> None:
        STEPS["copy"] += 1
        box = self.box_at(at)
        target = self.world.fresh().with_suffix(".backup")
        box.back_up(target)
        self.copies[box.name].append(target)

    @precondition(lambda self: any(self.copies.values()))
    @rarely
    @rule(at=some)
    def restore(self, at: int) -> None:
        box = self.box_at(at)
        if self.copies[box.name]:
            STEPS["restore"] += 1
            box.restore(self.copies[box.name].pop())
            self.other_card(box)

    def other_card(self, box: Box) -> None:
        """What the old card knew of entries, the new one does not."""
        self.copies[box.name].clear()
        self.entries = [entry for entry in self.entries if entry[0] != box.name]


class Cards(Copies, Machine):
    """Everything, and boxes that are replaced or fenced."""

    def other_card(self, box: Box) -> None:
        super().other_card(box)
        self.quotes = [quote for quote in self.quotes if quote[0] != box.name]

    @rarely
    @rule(at=some)
    def replace(self, at: int) -> None:
        """Without a word."""
        STEPS["replace"] += 1
        box = self.box_at(at)
        box.replace(self.world.fresh())
        self.other_card(box)

    @rarely
    @rule(at=some)
    def fence(self, at: int) -> None:
        STEPS["fence"] += 1
        self.world.store.fence(self.box_at(at).name)


class Small(Core):
    """As little as shows a mistake soon: two gateways, two rides."""

    gateways = NAMES[:2]
    quotas = ({**RIDES, "limit": 2, "period": "ever"},)


class SmallCards(Copies):
    """The same with copies of a card."""

    gateways = NAMES[:1]
    quotas = Small.quotas
