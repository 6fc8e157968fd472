"""The printer's driver dies in the middle of a receipt: one paper or none, an honest answer, nothing prints again."""

from __future__ import annotations

import contextlib
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
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        with contextlib.suppress(OSError):  # a gateway that is killed answers nothing
            self._answers.put(self.commit())

    def join(self) -> None:
        """Nobody waits for an answer any more."""
        self._thread.join(50)
        assert not self._thread.is_alive()

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


def documents(house: House) -> int:
    return len(house.rig.children["till-printer"].ask("journal"))


def wait_for_the_end(sale: Sale) -> Any:
    """What the POS is told when it asks again, as soon as it is known how its receipt ended."""
    answers: list[Any] = []

    def known() -> bool:
        status, answer = sale.commit()
        assert status == 200, answer
        answers.append(answer)
        return answer["fiscal"]["state"] in ("printed", "cancelled", "refused")

    until(known, "the end of the receipt", 60)
    return answers[-1]


def assert_told_as_it_is(house: House, sale: Sale, point: str) -> None:
    """One paper or none, and the POS is told which; from `paying` on it is paid and closed."""
    answer = wait_for_the_end(sale)
    fiscal, papers = answer["fiscal"], sale.papers()
    assert [paper["number"] for paper in papers] == ([fiscal["number"]] if fiscal["state"] == "printed" else [])
    assert bool(papers) == (point in ("paying", "closing", "closed"))
    assert sale.outcomes()[-1]["outcome"] == fiscal["state"]
    printed = documents(house)
    assert sale.commit() == (200, answer)
    nothing_prints(house, printed)


@pytest.mark.slow
def test_kill_9_of_the_printers_driver_at_each_point_prints_once_or_not_and_says_so(new_house: NewHouse) -> None:
    house = slow_printer(new_house)
    for number, point in enumerate(POINTS):
        before = house.rig.pids()["till-printer"]
        sale = Sale(house, f"sale-{number}")
        sale.wait_for(point)
        os.kill(before, signal.SIGKILL)
        first = sale.answer()["fiscal"]
        assert first["state"] in ("printed", "unknown")
        assert first["state"] == sale.outcomes()[0]["outcome"]
        wait_for_driver(house, before)
        assert_told_as_it_is(house, sale, point)

    sale = Sale(house, "afterwards")
    assert sale.answer()["fiscal"]["state"] == "printed"
    assert len(sale.papers()) == 1
    assert house.verify().clean


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_9_of_the_gateway_at_each_point_prints_once_or_not_and_the_next_one_says_so(new_house: NewHouse) -> None:
    house = slow_printer(new_house)
    for number, point in enumerate(POINTS):
        sale = Sale(house, f"sale-{number}")
        sale.wait_for(point)
        house.rig.kill("gateway")
        sale.join()
        house.rig.start_gateway()
        house.rig.wait_ready()
        assert_told_as_it_is(house, sale, point)
    assert house.verify().clean


def test_a_receipt_that_was_open_is_cancelled_before_the_next_one_is_begun(new_house: NewHouse) -> None:
    house = slow_printer(new_house)
    first = Sale(house, "first")
    first.wait_for("opened")
    before = house.rig.pids()["till-printer"]
    os.kill(before, signal.SIGKILL)
    told = first.answer()["fiscal"]
    assert told["state"] == "unknown"
    assert "read back" in told["advice"]
    wait_for_driver(house, before)
    assert wait_for_the_end(first)["fiscal"]["state"] == "cancelled"
    assert Sale(house, "second").answer()["fiscal"]["state"] == "printed"
    assert first.papers() == []


def nothing_prints(house: House, printed: int) -> None:
    """Watched on the printer itself for a while."""
    printer = house.rig.children["till-printer"]
    came = threading.Event()
    printer.on_event = lambda _event: came.set()
    assert not came.wait(QUIET_S)
    assert documents(house) == printed
