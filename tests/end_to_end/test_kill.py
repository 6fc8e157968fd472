"""kill -9 of the daemon at any moment, under load: what was told is kept, nothing happens twice or by itself."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from gateway.cli.demo.acts import BASKET, DESK, GATE, READER_OF, TILL
from gateway.cli.demo.check import Told, check
from gateway.cli.demo.children import ChildFailed
from gateway.cli.demo.town import PEOPLE
from gateway.cli.demo.watch import ask
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, left, until

GONE_S = 2.0 + 2.0
"""Promised are two seconds; the rest is room for a busy machine."""
OPEN = "('', 'unknown')"
PAID = "('paying', 'closing', 'closed')"
"""Points from which on a receipt is paid and closed, not cancelled."""
QUIET_S = 0.5
"""Within which, after a restart, no relay may move by itself."""
LINE_MS = "40"
PEOPLE_AT = {DESK: ("anna", "zane", "stranger"), GATE: ("anna", "karlis", "peteris"), TILL: ("anna", "peteris")}
PERSON = {person.name: person for person in PEOPLE}


class Load:
    """People at three stations, a POS that sells and one that has receipts printed, until `stop`."""

    def __init__(self, house: House, name: str) -> None:
        self._house = house
        self._name = name
        self._ended = threading.Event()
        self._faults: list[str] = []
        self.asked: dict[str, dict[str, Any]] = {}
        """Every commit that was sent, by its key; whether it was answered or not."""
        self.answered: dict[str, Any] = {}
        work: list[Callable[[], None]] = [partial(self._tap, station) for station in PEOPLE_AT]
        work += [partial(self._sell, "pos", False), partial(self._sell, "print", True)]
        self._threads = [threading.Thread(target=self._safely, args=(each,)) for each in work]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Nobody is at a reader and no request is open any more."""
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        assert self._faults == []

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (ChildFailed, AssertionError) as fault:
            self._faults.append(repr(fault))

    def _tap(self, station: str) -> None:
        reader = self._house.rig.children[READER_OF[station]]
        number = 0
        while not self._ended.is_set():
            card = PEOPLE_AT[station][number % len(PEOPLE_AT[station])]
            self._house.acts.note_presented(station, PERSON[card])
            reader.ask("present", card=card, ms=300)
            number += 1

    def _sell(self, name: str, printed: bool) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            key = f"{self._name}-{name}-{number}"
            try:
                quote = self._quote(key)
                how = {"print": True} if printed else {"fiscal_number": key}
                self.asked[key] = {"quote": quote, **how}
                status, answer = self._commit(key)
            except OSError:
                return  # The daemon is dead.
            if status == 200:
                self.take(key, answer)
            else:
                assert printed, answer
                assert answer["code"] in ("printer_not_ready", "printer_in_doubt"), answer
            self._ended.wait(0.02)

    def _quote(self, key: str) -> str:
        path = f"/v1/stations/{TILL}/quotes"
        status, answer = ask(self._house.rig.port, "POST", path, {"receipt": {"lines": BASKET}}, f"q-{key}")
        assert status == 200, answer
        return str(answer["quote"])

    def _commit(self, key: str) -> tuple[int, Any]:
        return ask(self._house.rig.port, "POST", f"/v1/stations/{TILL}/receipts", self.asked[key], key)

    def take(self, key: str, answer: Any) -> None:
        """The POS notes what it was told."""
        self.answered[key] = answer
        noted = self._house.acts.noted
        noted.answers.append(Told(answer["entry"], TILL, key=key))
        if answer.get("fiscal", {}).get("state") == "printed":
            noted.printed.add(self.asked[key]["quote"])

    def repeat_all(self) -> None:
        """The POS asks for everything again, as one does that has not heard: answered before, the same, or how it ended
        when that was not known; sent and not answered, once."""
        for key in self.asked:
            status, answer = self._commit(key)
            before = self.answered.get(key)
            if before is not None and before.get("fiscal", {}).get("state") != "unknown":
                assert (status, answer) == (200, before), key
            elif status == 200:
                assert answer.get("fiscal", {}).get("state") != "unknown"
                self.take(key, answer)
            else:
                assert answer["code"] in ("printer_not_ready", "printer_in_doubt"), answer


def round_of_load(house: House, name: str, seconds: float) -> None:
    """Load, death, and everything that must hold after it."""
    rig, acts = house.rig, house.acts
    load = Load(house, name)
    load.start()
    threading.Event().wait(seconds)
    tree = house.tree()
    assert len(tree) >= 8, "the gateway, its guard, six drivers"
    rig.kill("gateway")
    died = time.monotonic()
    assert left(tree, GONE_S) == []
    load.stop()
    assert time.monotonic() - died < 30
    pulses, papers = acts.noted.pulses, len(acts.noted.papers)
    [paying] = house.query(f"SELECT count(*) FROM fiscal WHERE outcome='' AND point IN {PAID}")

    rig.start_gateway()
    rig.wait_ready(30)
    until(lambda: house.query(f"SELECT key FROM fiscal WHERE outcome IN {OPEN}") == [], "the end of every doubt", 30)
    threading.Event().wait(QUIET_S)
    assert acts.noted.pulses == pulses, "something moved by itself"
    assert len(acts.noted.papers) - papers <= paying[0], "only what was being paid is brought to its end"
    report = house.verify()
    assert report.clean, report
    assert house.query("SELECT * FROM grant_open") == []
    printed = {key for (key,) in house.query("SELECT key FROM fiscal WHERE outcome='printed'")}
    assert printed == {key for key, _ in acts.noted.papers}, "what is told is what stands on paper"
    load.repeat_all()
    assert_kept(house)


def assert_kept(house: House) -> None:
    """Everything that anyone was told stands in the ledger, and stands there once."""
    kept = house.entries()
    for told in (*house.acts.noted.shown, *house.acts.noted.answers):
        assert told.entry in kept, f"{told} is lost"
        assert kept[told.entry]["station"] == told.station
    keys = Counter(body["key"] for body in house.bodies(EntryKind.RECEIPT))
    assert {key: count for key, count in keys.items() if count > 1} == {}
    papers = Counter(key for key, _ in house.acts.noted.papers)
    assert {key: count for key, count in papers.items() if count > 1} == {}


def rounds(house: House, count: int, seed: int) -> None:
    moments = random.Random(seed)
    house.open(options={"till-printer": ["--line-ms", LINE_MS]})
    house.rig.wait_ready()
    house.acts.people_walk_through(True)
    for number in range(count):
        round_of_load(house, f"{seed}-{number}", moments.uniform(0.2, 2.5))
    house.drain()
    verdict = check(house.acts.noted, house.at_the_centre())
    assert (verdict.lost, verdict.duplicates) == ((), ()), json.dumps(verdict.lost + verdict.duplicates, indent=1)
    assert len(house.acts.noted.shown) > count * 3


def test_a_daemon_that_is_killed_under_load_keeps_what_it_told(new_house: NewHouse) -> None:
    rounds(new_house(), 1, seed=random.randrange(10**6))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_daemon_that_is_killed_again_and_again_keeps_what_it_told(new_house: NewHouse) -> None:
    rounds(new_house(), 5, seed=random.randrange(10**6))
