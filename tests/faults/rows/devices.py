"""With real drivers on simulated devices: the whole house, and the printer's driver."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from gateway.cli.demo.check import check
from gateway.cli.demo.rig import MOSQUITTO
from gateway.model.entry import EntryKind
from tests.end_to_end.house import House
from tests.end_to_end.test_kill import LINE_MS, round_of_load
from tests.end_to_end.test_printing import (
    POINTS,
)
from tests.end_to_end.test_printing import (
    test_kill_9_of_the_printers_driver_at_each_point_prints_once_or_not_and_says_so as kill_at_each_point,
)
from tests.faults.frame import Context, Tally
from tests.faults.witness import Witness


def house_killed(context: Context) -> Tally:
    """People at three stations, a POS, a printer; the daemon is killed with all its drivers, again and again."""
    rounds = context.rounds(1, 4, 20)
    house = House(context.folder, MOSQUITTO)
    witness: Witness | None = None
    try:
        house.open(options={"till-printer": ["--line-ms", LINE_MS]})
        witness = Witness(house.rig.ports["broker"])
        witness.start()
        house.rig.wait_ready()
        house.acts.people_walk_through(True)
        for number in range(rounds):
            round_of_load(house, f"kill-{number}", context.chance.uniform(0.2, 2.5))
        house.drain()
        noted = house.acts.noted
        verdict = check(noted, house.at_the_centre())
        suppressed = sum(len(digests) - 1 for digests in witness.seen().values())
    finally:
        if witness is not None:
            witness.stop()
        house.close()
    told = len(noted.shown) + len(noted.answers)
    missed = [] if told else ["nobody was told anything"]
    note = f"{noted.pulses} openings, {len(noted.papers)} papers"
    return Tally(rounds, told, verdict.lost, verdict.duplicates, suppressed, tuple(missed), note)


def printer_driver_killed(context: Context) -> Tally:
    """The printer's driver is killed at every point of a receipt (the end-to-end test, counted)."""
    houses: list[House] = []

    def new_house(broker: str = MOSQUITTO) -> House:
        houses.append(House(Path(tempfile.mkdtemp(prefix="h-", dir=context.folder)), broker))
        return houses[-1]

    try:
        kill_at_each_point(new_house)
        [house] = houses
        house.drain()
        receipts = Counter(body["quote"] for body in house.bodies(EntryKind.RECEIPT))
        outcomes = house.bodies(EntryKind.FISCAL_OUTCOME)
        papers = Counter(
            paper["key"] for paper in house.rig.children["till-printer"].ask("journal") if paper["closed"] is True
        )
        verdict = check(house.acts.noted, house.at_the_centre())
    finally:
        for each in houses:
            each.close()
            shutil.rmtree(each.town.folder, ignore_errors=True)
    printed = {body["key"] for body in outcomes if body["outcome"] == "printed"}
    lost = [*verdict.lost, *(f"paper {key} was told and is not there" for key in printed - set(papers))]
    twice = [f"paper twice: {key}" for key, times in papers.items() if times > 1]
    unknown = sum(body["outcome"] == "unknown" for body in outcomes)
    missed = [] if unknown else ["no kill left a doubt"]
    note = f"{len(printed)} printed, {unknown} unknown until a person looks"
    return Tally(len(POINTS), len(receipts), tuple(lost), tuple(twice), 0, tuple(missed), note)
