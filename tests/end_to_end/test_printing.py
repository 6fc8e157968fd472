"""The printer's driver dies in the middle of a receipt: one paper or none, an honest answer, nothing prints again."""

from __future__ import annotations

import os
import queue
import signal
import threading
from typing import Any

import pytest

from gateway.cli.demo.acts import BASKET, TILL
from gateway.cli.demo.watch import ask
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import Body, House, until

SLOW = {"till-printer": ["--line-ms", "100"]}
"""A line takes 100 ms: between its SYN bytes there is time to die at each point of the receipt."""
POINTS = ("intent", "opened", "paying", "closing", "closed")
QUIET_S = 1.0
"""Within which nothing may print by itself."""


class Sale:
    """A POS that waits for its printed receipt, in a thread of its own."""

    def __init__(self, house: House, key: str) -> None:
        self.key = key
        self._house = house
        self._answers: queue.Queue[tuple[int, Any]] = queue.Queue()
        _, quote = ask(house.rig.port, "POST", f"/v1/stations/{TILL}/quotes", {"receipt": {"lines": BASKET}})
        self.quote = str(quote["quote"])
        self._thread = threading.Thread(target=lambda: self._answers.put(self.commit()))
        self._thread.start()

    def commit(self) -> tuple[int, Any]:
        body = {"quote": self.quote, "print": True}
        return ask(self._house.rig.port, "POST", f"/v1/stations/{TILL}/receipts", body, self.key)

    def answer(self) -> Any:
        status, answer = self._answers.get(timeout=50)
        self._thread.join()
        assert status == 200, answer
        return answer

    def wait_for(self, point: str) -> None:
        """Until the receipt has come to this point, as the ledger has it."""
        until(lambda: point in self.steps() or not self._thread.is_alive(), f"the point {point}")
        assert point in self.steps(), self._answers.get_nowait()

    def steps(self) -> list[str]:
        bodies = self._house.bodies(EntryKind.FISCAL_STEP)
        return [body["point"] for body in bodies if body["key"] == self.quote]

    def outcomes(self) -> list[Body]:
        return [body for body in self._house.bodies(EntryKind.FISCAL_OUTCOME) if body["key"] == self.quote]

    def papers(self) -> list[dict[str, Any]]:
        """Closed receipts with this key, as the printer's own journal has them."""
        journal = self._house.rig.children["till-printer"].ask("journal")
        return [paper for paper in journal if paper["key"] == self.quote and paper["closed"] is True]


def slow_printer(new_house: NewHouse) -> House:
    """A house whose printer is slow, and whose driver soon notices that it is gone."""
    house = new_house()
    house.open(options=SLOW, options_of={"till-printer": "poll_s = 0.3"})
    house.rig.wait_ready()
    return house


def wait_for_driver(house: House, before: int) -> None:
    house.rig.until(lambda: house.rig.pids().get("till-printer") not in (None, before), "the printer's driver")


def power_cycle(house: House) -> None:
    """Somebody switches the printer off, and on again."""
    house.rig.kill("till-printer")
    house.rig.until(lambda: "till-printer" not in house.rig.pids(), "the loss of the printer")
    house.rig.start_again("till-printer")
    house.rig.until(lambda: "till-printer" in house.rig.pids(), "the printer")


def documents(house: House) -> int:
    return len(house.rig.children["till-printer"].ask("journal"))


@pytest.mark.slow
def test_kill_9_of_the_printers_driver_at_each_point_prints_once_or_not_and_says_so(new_house: NewHouse) -> None:
    house = slow_printer(new_house)
    for number, point in enumerate(POINTS):
        before = house.rig.pids()["till-printer"]
        sale = Sale(house, f"sale-{number}")
        sale.wait_for(point)
        os.kill(before, signal.SIGKILL)

        answer = sale.answer()
        fiscal, papers = answer["fiscal"], sale.papers()
        [outcome] = sale.outcomes()
        assert len(papers) <= 1
        assert fiscal["state"] in ("printed", "unknown")
        assert fiscal["state"] == outcome["outcome"]
        if fiscal["state"] == "printed":
            assert [paper["number"] for paper in papers] == [fiscal["number"]]
        else:
            assert fiscal["advice"]
        # A receipt that was paid stands on paper or is open on the printer; before that none can be there.
        assert not papers or point in ("closing", "closed")

        wait_for_driver(house, before)
        printed = documents(house)
        assert sale.commit() == (200, answer)
        assert (len(sale.outcomes()), len(sale.papers())) == (1, len(papers))
        nothing_prints(house, printed)
        # Somebody switches the printer off and on: an open receipt is gone.
        power_cycle(house)

    sale = Sale(house, "afterwards")
    assert sale.answer()["fiscal"]["state"] == "printed"
    assert len(sale.papers()) == 1
    assert house.verify().clean


def test_a_receipt_that_is_open_on_the_printer_stops_the_next_one_with_advice(new_house: NewHouse) -> None:
    house = slow_printer(new_house)
    first = Sale(house, "first")
    first.wait_for("opened")
    before = house.rig.pids()["till-printer"]
    os.kill(before, signal.SIGKILL)
    assert first.answer()["fiscal"]["state"] == "unknown"
    wait_for_driver(house, before)
    printed = documents(house)
    second = Sale(house, "second")
    fiscal = second.answer()["fiscal"]
    assert fiscal["state"] == "refused"
    assert "receipt_open" in fiscal["reason"]
    assert fiscal["advice"]
    nothing_prints(house, printed)


def nothing_prints(house: House, printed: int) -> None:
    """Watched on the printer itself for a while."""
    printer = house.rig.children["till-printer"]
    came = threading.Event()
    printer.on_event = lambda _event: came.set()
    assert not came.wait(QUIET_S)
    assert documents(house) == printed
