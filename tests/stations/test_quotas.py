"""Benefits that are counted, at a gate and at a till: what is left is part of the answer, what is used commits with it,
what did not happen is given back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config.types import DeskStation, GateStation, TillStation
from gateway.model.entry import EntryKind
from gateway.model.gate_bodies import VoidReason
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from gateway.stations.deciding import Deciding
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.grants import Grant
from gateway.stations.till import Till
from gateway.stations.till_words import BalanceAnswer, CommitRequest, QuoteAnswer, QuoteRequest
from tests.rules.builders import document, percent, rule
from tests.support.authority import Authority
from tests.support.clock import FakeClock
from tests.support.gates import AtGate
from tests.support.place import FREE, Card, Place

RIDES = {"key": "rides", "unit": "units", "limit": 3, "period": "day"}
FREE_RIDES = rule(
    "rides", who={"any_of_groups": [FREE]}, what={"categories": ["fare.bus"]}, give=percent(10_000), quota=[RIDES]
)
PATIENCE_S = 20.0
"""For an answer of the authority, on a busy machine."""


class Town:
    """A place whose rules count rides, and the authority that knows how many there are."""

    def __init__(self, folder: Path, *rules: dict[str, Any]) -> None:
        self.place = Place(folder / "box", FakeClock())
        self.place.folder.mkdir()
        self._store = folder / "centre.db"
        self._rules = document(*rules)

    async def start(self) -> None:
        place = self.place.start()
        place.benefits.use(compile_rules(load(self._rules), 1), 0)
        self.quotas = Quotas(place.ledger, place.clock, "gw-test")
        await self.quotas.start()
        place.services.deciding = Deciding(place.benefits, self.quotas, place.ledger.query, place.clock, PATIENCE_S)
        self.authority = Authority(self._store, place.clock, self._rules, "gw-test", self.quotas)
        await self.authority.line(True)

    async def stop(self) -> None:
        await self.authority.stop()
        await self.place.stop()

    def gate(self) -> Gate:
        section = GateStation(
            id="door-1", readers=("nfc-1",), relay="relay-1", passage_input=None, category="fare.bus", price_cents=150
        )
        return Gate(section, self.place.services)

    def till(self) -> Till:
        return Till(TillStation(id="till-1", readers=("nfc-1",)), self.place.services)

    def shown(self) -> list[tuple[Show, str]]:
        return [(event.show, event.reason) for event in self.place.board.after(0)]

    def decisions(self, kind: EntryKind) -> list[dict[str, Any]]:
        return [body["decision"] for body in self.place.bodies(kind)]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    made = Town(tmp_path, FREE_RIDES)
    await made.start()
    yield made
    await made.stop()


def rides(quantity: int) -> Receipt:
    return Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150, quantity=quantity),))


async def quoted(till: Till, receipt: Receipt, key: str) -> QuoteAnswer:
    return msgspec.json.decode(await till.quote(QuoteRequest(receipt), key), type=QuoteAnswer)


# Gate ------------------------------------------------------------------------------------------------------


async def test_three_rides_a_day_and_the_fourth_is_to_be_paid(town: Town) -> None:
    gate, card = town.gate(), Card("anna")
    for _ in range(4):
        await gate.on_reading(card.tap(town.place))
    assert [show for show, _ in town.shown()] == [Show.OPEN] * 3 + [Show.REFUSED]
    assert town.shown()[-1] == (Show.REFUSED, "payment_due")
    left = [decision["balances"][0]["left"] for decision in town.decisions(EntryKind.ADMISSION)]
    assert left == [2, 1, 0]
    assert all(one["uses"] == [{"key": "rides", "period": "2026-11-23", "units": 1}] for one in
               town.decisions(EntryKind.ADMISSION))  # fmt: skip


async def test_without_the_line_and_without_a_lease_it_is_to_be_paid(town: Town) -> None:
    await town.authority.line(False)
    await town.gate().on_reading(Card("anna").tap(town.place))
    assert town.shown() == [(Show.REFUSED, "payment_due")]


async def test_what_was_leased_before_is_used_without_the_line(town: Town) -> None:
    gate, card = town.gate(), Card("anna")
    await gate.on_reading(card.tap(town.place))
    await town.authority.settled()
    await town.authority.line(False)
    await gate.on_reading(card.tap(town.place))
    assert [show for show, _ in town.shown()] == [Show.OPEN, Show.OPEN]


async def test_a_gate_that_does_not_open_gives_the_ride_back(town: Town) -> None:
    gate, card = town.gate(), Card("anna")
    town.place.outputs.ready = False
    await gate.on_reading(card.tap(town.place))
    assert town.shown() == [(Show.REFUSED, "gate_not_ready")]
    town.place.outputs.ready = True
    await gate.on_reading(card.tap(town.place))
    (epoch,) = town.place.ledger.query("SELECT value FROM meta WHERE key='epoch'")[0]
    await town.place.settle()
    before = town.place.ledger.query("SELECT sum(used-returned) FROM quota_lease")[0][0]
    await gate._passages.void(Grant(epoch, 1), VoidReason.NO_PASSAGE)
    assert (before, town.place.ledger.query("SELECT sum(used-returned) FROM quota_lease")[0][0]) == (1, 0)


async def test_of_a_group_those_rides_are_given_back_that_nobody_took(town: Town) -> None:
    at = await AtGate(town.place, category="fare.bus", price_cents=150, passage_s=0.2).start()
    await at.group(3, Card("anna").tap(town.place))
    await at.walk(2)
    await at.over()
    assert town.place.ledger.query("SELECT sum(used), sum(returned) FROM quota_lease") == [(3, 1)]
    (void,) = town.place.bodies(EntryKind.VOID)
    assert void["returned"] == [{"key": "rides", "period": "2026-11-23", "units": 1}]
    await at.gate.stop()


async def test_a_group_that_nobody_of_came_never_happened(town: Town) -> None:
    at = await AtGate(town.place, category="fare.bus", price_cents=150, passage_s=0.02).start()
    await at.group(3, Card("anna").tap(town.place))
    await at.over()
    assert town.place.ledger.query("SELECT sum(used - returned) FROM quota_lease") == [(0,)]
    assert "returned" not in town.place.bodies(EntryKind.VOID)[0], "all that it took goes back"
    await at.gate.stop()


async def test_after_a_crash_in_a_group_the_rides_of_the_rest_are_given_back(town: Town) -> None:
    at = await AtGate(town.place, category="fare.bus", price_cents=150).start()
    await at.group(3, Card("anna").tap(town.place))
    await at.walk(1)
    await town.place.settle()
    at.gate._passages._watch.cancel()  # type: ignore[union-attr]
    await (await AtGate(town.place, category="fare.bus", price_cents=150).start()).gate.stop()
    assert town.place.ledger.query("SELECT sum(used - returned) FROM quota_lease") == [(1,)]
    assert [body["reason"] for body in town.place.bodies(EntryKind.VOID)] == ["restart"]


async def test_a_group_for_which_not_enough_rides_are_left_is_to_pay(town: Town) -> None:
    at = await AtGate(town.place, category="fare.bus", price_cents=150).start()
    await at.group(4, Card("anna").tap(town.place))
    assert town.shown()[-1] == (Show.REFUSED, "payment_due")
    await at.gate.stop()


# Till ------------------------------------------------------------------------------------------------------


async def test_a_quote_holds_what_it_takes(town: Town) -> None:
    till = town.till()
    await till.on_reading(Card("anna").tap(town.place))
    first = await quoted(till, rides(2000), "q1")
    assert (first.due_cents, first.balances[0].left) == (0, 1)
    await till.on_reading(Card("anna", counter=5).tap(town.place))
    second = await quoted(till, rides(2000), "q2")
    assert (second.identified, second.due_cents) == (True, 300), "one is left, and the rule withholds what needs more"
    await till.commit(CommitRequest(first.quote, "F1"), "c1")
    (body,) = town.place.bodies(EntryKind.RECEIPT)
    assert body["decision"]["uses"] == [{"key": "rides", "period": "2026-11-23", "units": 2}]
    assert body["asked"]["quotas"][0]["left"] >= 2


async def test_a_quote_that_is_not_committed_holds_for_its_time_only(town: Town) -> None:
    till = town.till()
    await till.on_reading(Card("anna").tap(town.place))
    assert (await quoted(till, rides(3000), "q1")).due_cents == 0
    town.place.clock.advance(301)
    await till.on_reading(Card("anna", counter=5).tap(town.place))
    assert (await quoted(till, rides(3000), "q2")).due_cents == 0


async def test_a_late_commit_is_accepted_and_what_is_not_covered_is_overspend(town: Town) -> None:
    till = town.till()
    await till.on_reading(Card("anna").tap(town.place))
    late = await quoted(till, rides(3000), "q1")
    town.place.clock.advance(301)
    await till.on_reading(Card("anna", counter=5).tap(town.place))
    other = await quoted(till, rides(3000), "q2")
    await till.commit(CommitRequest(other.quote, "F1"), "c1")
    answer = json.loads(await till.commit(CommitRequest(late.quote, "F2"), "c2"))
    assert answer["late"] is True
    assert town.place.ledger.query("SELECT sum(over) FROM quota_beyond") == [(3,)]


# Balance ---------------------------------------------------------------------------------------------------


async def test_what_is_left_is_shown_with_the_answer(town: Town) -> None:
    await town.gate().on_reading(Card("anna").tap(town.place))
    (opened,) = town.place.board.after(0)
    assert [(one.left, one.limit, one.until) for one in opened.left] == [(2, 3, "2026-11-23")]


async def test_it_can_be_asked_without_spending(town: Town) -> None:
    till = town.till()
    assert await till.balance() == BalanceAnswer(False)
    await till.on_reading(Card("anna").tap(town.place))
    for _ in range(3):
        answer = await till.balance()
        assert [(one.rule, one.left, one.limit) for one in answer.balances] == [("rides", 3, 3)]
    assert town.place.ledger.query("SELECT count(*) FROM quota_spend") == [(0,)]


async def test_of_whom_the_rules_are_not_for_nothing_is_told(town: Town) -> None:
    till = town.till()
    await till.on_reading(Card("berta").tap(town.place))
    assert await till.balance() == BalanceAnswer(True)


async def test_a_desk_shows_what_is_known_here(town: Town) -> None:
    card = Card("anna")
    await town.gate().on_reading(card.tap(town.place))
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1",)), town.place.services)
    await desk.on_reading(card.tap(town.place))
    *_, shown = town.place.board.after(0)
    assert (shown.show, [(one.left, one.limit) for one in shown.left]) == (Show.ACCEPTED, [(2, 3)])


# What happened before ---------------------------------------------------------------------------------------

SECOND_TAP = rule(
    "free",
    who={"any_of_groups": [FREE]},
    need={"events": [{"event": "admission", "within_s": 600, "most": 0, "at": "station"}]},
    give=percent(10_000),
)


async def test_a_second_tap_within_ten_minutes_pays(tmp_path: Path) -> None:
    town = Town(tmp_path, SECOND_TAP)
    await town.start()
    gate, card = town.gate(), Card("anna")
    await gate.on_reading(card.tap(town.place))
    await town.place.settle()
    town.place.clock.advance(300)
    await gate.on_reading(card.tap(town.place))
    town.place.clock.advance(301)
    await gate.on_reading(card.tap(town.place))
    assert [show for show, _ in town.shown()] == [Show.OPEN, Show.REFUSED, Show.OPEN]
    await town.stop()


async def test_what_no_rule_asks_for_is_not_noted(town: Town) -> None:
    await town.gate().on_reading(Card("anna").tap(town.place))
    assert town.place.ledger.query("SELECT count(*) FROM happened") == [(0,)]
