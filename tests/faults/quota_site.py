"""A site where quotas are at stake: people pass the till's reader, each with a few benefits of their own, and a budget
is everybody's. Another gateway in the same city, which is never attacked, sells from the same quotas all the time."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from gateway.cli.demo.ports import free_port
from gateway.cli.demo.town import GATEWAY
from gateway.model.entry import Stream
from tests.faults.count import Verdict, stored_of
from tests.faults.frame import Context, FaultFailed
from tests.faults.part import Part
from tests.faults.pos import Pos
from tests.faults.quota_count import Cell, books_of, count_units
from tests.faults.quota_town import BUDGET, PERIOD, VISITS, Stakes, furnish
from tests.faults.site import DRAIN_S, Site

OTHER, OTHER_STATE = "demo-dobele", "other-state"
OTHER_AGAIN_S = 0.2
"""Between two sales there: it competes, and leaves most to the gateway under attack."""
SOLD_OUT_S, LAST_S, STILL_S = 600.0, 5.0, 1.0
"""How long it may take until all of the budget is out, and then the last of it; nobody has any when so long nothing was
given."""
ANSWERS_S = 20.0
"""What was not answered is said again after 5 s, and then within a bound that doubles."""


class QuotaSite(Site):
    """As `Site`; `settle` sells first what is left, and counts units, too: what is overspent is a double, a unit that
    is unknown is lost. A budget that was never short, and people who never had all of theirs, put nothing to the
    test."""

    def __init__(self, context: Context, **how: Any) -> None:
        super().__init__(context, **how)
        self._stakes = Stakes(
            people=context.rounds(20, 150, 800), visits=3, cents=context.rounds(6_000, 120_000, 1_200_000)
        )

    def _configure(self) -> None:
        super()._configure()
        text = self.town.config.read_text(encoding="utf-8") + furnish(self.town, self._stakes)
        self.town.config.write_text(text, encoding="utf-8")
        # The other one has the same, but for its name, its folder and its ports.
        self._other_port = free_port()
        for old, new in (
            (f'id = "{GATEWAY}"', f'id = "{OTHER}"'),
            (r'state = "[^"]*"', f'state = "{self._other_state}"'),
            (r"port = \d+(\s+# DEMO: the broker)", rf"port = {self.rig.ports['broker']}\1"),
            (r"port = \d+(\s+# DEMO: the pages)", rf"port = {self._other_port}\1"),
        ):
            text = re.sub(old, new, text)
        self._other_config.write_text(text, encoding="utf-8")

    def _furnish(self, stack: ExitStack) -> None:
        self._other = Pos(self._other_port, self.folder / "told-other", 1, name="other", again_s=OTHER_AGAIN_S)
        stack.callback(self._other.close)
        self.rig.start_beside(OTHER, self._other_config)
        self._other.start()

    @property
    def _other_config(self) -> Path:
        return self.town.folder / "other.toml"

    @property
    def _other_state(self) -> Path:
        return self.town.folder / OTHER_STATE

    def parts(self) -> list[Part]:
        return [*super().parts(), Part(OTHER, self._other, self._other_state / "ledger.db")]

    def up(self, *in_front: str, bundles: int = 0) -> dict[str, int]:
        """Until it serves, and somebody has passed its reader."""
        last = super().up(*in_front, bundles=bundles)
        before = self._passed()
        self.until(lambda: self._passed() > before, "somebody at the reader")
        return last

    def up_from_older(self) -> None:
        """Until it knows what it is. Before that it cannot know, and may give again what its old leases have: that has
        its bound (docs/quotas.md), and is not what is counted here."""
        [attacked, _] = self.parts()
        before = attacked.epoch()
        self.up()
        self.until(lambda: attacked.status()["ledger"]["epoch"] != before, "a new epoch")

    def settle(self, timeout: float = DRAIN_S, **how: Any) -> Verdict:
        """As `Site.settle`, after the quotas are sold out and the authority knows all."""
        self.pos.stop()
        self.pos.repeat()
        before = self.pos.gave[BUDGET]
        short = self._sell_out()
        self._other.stop()
        self._other.repeat()
        with suppress(FaultFailed):  # What is still owed then is counted.
            self.until(self._all_known, "the authority's answers", ANSWERS_S)
        verdict = super().settle(timeout, **how)
        return self._with_units(verdict, before, short)

    def _with_units(self, verdict: Verdict, before: int, short: bool) -> Verdict:
        parts, stakes, books = self.parts(), self._stakes, books_of(self.store)
        units = count_units(
            [told for part in parts for told in part.pos.told()],
            [entry for part in parts for entry in stored_of(self.store, part.gateway)],
            books,
            stakes.limits,
        )
        alarms = [
            f"reconcile: {key}: {found}"
            for key in stakes.limits
            for found in self.rig.children["centre"].ask("reconcile", key=key, period=PERIOD)
        ]
        alarms += [f"{part.gateway} owes the authority a word" for part in parts if part.owes_quotas()]
        alarms += [f"alarm: {row}" for row in self.rig.children["centre"].ask("alarms") if "quota" in row["what"]]
        full = sum(given == stakes.visits for cell, given in units.cells.items() if cell.key == VISITS)
        missed = [
            *([] if before else ["nothing of the budget was given while the fault struck"]),
            *([] if short else ["the budget was never short"]),
            *([] if full else ["nobody had all of their visits"]),
        ]
        fenced = sum(units for (_, cell), units in books.fenced.items() if cell.key == BUDGET)
        note = (
            f"budget: {units.told[BUDGET]} of {stakes.cents} cents told, {before} of them under attack, "
            f"{fenced} leased to lives that are over; "
            f"visits: {units.told[VISITS]} told, {full} of {stakes.people} people had all {stakes.visits}"
        )
        return verdict._replace(
            lost=(*verdict.lost, *units.unknown, *alarms),
            duplicates=(*verdict.duplicates, *units.overspent),
            missed=tuple(missed),
            note=note,
        )

    # Looks -----------------------------------------------------------------------------------------------

    def _passed(self) -> int:
        """Who asks the till for a balance has units leased, so this only counts."""
        return int(self.rig.status()["ledger"]["last"][Stream.IDENTIFICATION])

    def _given(self) -> int:
        """Cents of the budget that were told."""
        return sum(part.pos.gave[BUDGET] for part in self.parts())

    def _sell_out(self) -> bool:
        """Both sell until the authority has nothing left and nobody gives anything; or more than there is. What one
        does not use goes to the other by and by, which has its time. Returns whether ever all was out."""
        self.pos.start()
        until = time.monotonic() + SOLD_OUT_S
        given, since, short = self._given(), time.monotonic(), False
        while time.monotonic() < until and given <= self._stakes.cents:
            if (now_given := self._given()) != given:
                given, since = now_given, time.monotonic()
            if books_of(self.store).out.get(Cell(BUDGET), 0) >= self._stakes.cents:
                if not short:
                    short, until = True, time.monotonic() + LAST_S
                if time.monotonic() - since > STILL_S:
                    break
            time.sleep(0.1)
        self.pos.stop()
        return short

    def _all_known(self) -> bool:
        """Whether neither gateway has anything to say to the authority that is not answered."""
        return not any(part.owes_quotas() for part in self.parts())
