"""A ride off the holder's own card, at a gate: whatever is torn, killed or refused, nobody rides more than the card
had, and what was taken off it and not given is credited to it, or on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.config.types import DeskStation, GateStation, TillStation
from gateway.model.decision import Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.gate_bodies import Way
from gateway.model.receipt import Line, Receipt
from gateway.model.shown import Show
from gateway.quota.quotas import Quotas
from gateway.rules.index import compile as compile_rules
from gateway.rules.question import Question
from gateway.rules.read import load
from gateway.stations.counters import CREDITED, UNSETTLED
from gateway.stations.deciding import Deciding
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.inside import Moved
from gateway.stations.till import Till
from gateway.stations.till_words import QuoteAnswer, QuoteRequest
from tests.drivers.desfire_cards import QUOTA, UID, VALUE_FILE, with_counter
from tests.rules.builders import document
from tests.support.authority import Authority
from tests.support.card_field import CardField, Tear
from tests.support.card_town import ON_CARD, Town
from tests.support.gates import PASSAGE, AtGate
from tests.support.place import Place


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    made = Town(tmp_path, 3).start()
    yield made
    await made.stop()


async def test_three_rides_off_the_card_and_the_fourth_is_to_be_paid(town: Town) -> None:
    assert [await town.tap() for _ in range(4)] == [(Show.OPEN, "")] * 3 + [(Show.REFUSED, "payment_due")]
    first = town.admissions()[0]
    assert first["decision"]["uses"] == [{"key": QUOTA, "period": "ever", "units": 1, "card": True}]
    assert first["decision"]["balances"][0]["left"] == 2
    assert {**first["debit"], "name": ""} == {"quota": QUOTA, "units": 1, "left": 2, "name": ""}
    assert bytes.fromhex(first["debit"]["name"]) in town.committed
    assert first["asked"]["quotas"] == [{"key": QUOTA, "period": "ever", "left": 3}]
    assert town.card.values == {VALUE_FILE: 0}


async def test_two_gateways_need_not_talk(town: Town) -> None:
    assert [await town.tap(at) for at in (0, 1, 0, 1)] == [(Show.OPEN, "")] * 3 + [(Show.REFUSED, "payment_due")]


async def test_it_is_durable_before_the_card_is_touched_and_before_the_gate_opens(town: Town) -> None:
    seen: list[tuple[str, int]] = []
    place, field = town.places[0], town.field()

    async def debited() -> None:
        ((open_debits,),) = place.ledger.query("SELECT count(*) FROM card_counter WHERE name<>x''", ())
        seen.append(("debited", open_debits))

    field.on_debited = debited
    field.on_pulse = lambda: seen.append(("opened", place.on_disk()))
    await town.tap()
    assert seen == [("debited", 1), ("opened", 1)]


@pytest.mark.parametrize("tear", [tear for tear in Tear if tear is not Tear.NONE])
async def test_a_torn_tap_opens_nothing_and_the_next_one_makes_it_good(town: Town, tear: Tear) -> None:
    show, reason = await town.tap(0, tear)
    assert (show, reason) in ((Show.REFUSED, "card_again"), (Show.ATTENTION, "killed"))
    assert (town.field().pulses, town.admissions()) == ([], [])
    taken = town.taken
    assert await town.tap() == (Show.OPEN, "")
    assert (town.taken, town.given(), town.owed()) == (1, 1, 0), "one ride, one unit"
    assert (town.told(CREDITED), town.told(UNSETTLED)) == ([1] * taken, [])
    assert town.admissions()[0]["debit"].get("credited", 0) == taken


async def test_what_is_owed_here_is_not_owed_elsewhere_and_is_given_here(town: Town) -> None:
    """Torn at the first gateway after the card was debited: it has two units for the second, and one credit here."""
    await town.tap(0, Tear.ANSWER_LOST)
    assert [await town.tap(1) for _ in range(3)] == [(Show.OPEN, "")] * 2 + [(Show.REFUSED, "payment_due")]
    assert [await town.tap(0) for _ in range(2)] == [(Show.OPEN, ""), (Show.REFUSED, "payment_due")]


async def test_a_debit_elsewhere_is_not_taken_for_the_one_in_doubt(town: Town) -> None:
    """The value alone would say so: three were there, one was asked for, two are left."""
    await town.tap(0, Tear.COMMIT_LOST)
    await town.tap(1)
    assert town.card.values == {VALUE_FILE: 2}
    assert [await town.tap(0) for _ in range(3)] == [(Show.OPEN, "")] * 2 + [(Show.REFUSED, "payment_due")]
    assert (town.told(CREDITED), town.told(UNSETTLED)) == ([], [])


async def test_what_nobody_can_know_any_more_is_on_record_and_not_given(tmp_path: Path) -> None:
    town = Town(tmp_path, 9).start()
    await town.tap(0, Tear.ANSWER_LOST)
    for _ in range(4):
        assert await town.tap(1) == (Show.OPEN, "")
    assert await town.tap(0) == (Show.OPEN, "")
    assert (town.told(UNSETTLED), town.owed(), town.taken, town.given()) == ([1], 0, 6, 5)
    await town.stop()


async def test_a_gate_that_does_not_open_owes_the_ride(town: Town) -> None:
    assert await town.tap(relay_fails=True) == (Show.ATTENTION, "gate_not_ready")
    assert (town.taken, town.given(), town.owed()) == (1, 0, 1)
    assert await town.tap() == (Show.OPEN, "")
    assert (town.taken, town.owed(), town.field().asked) == (1, 0, [1]), "the card was not asked again"


async def test_an_entry_that_is_refused_after_the_debit_owes_it(town: Town) -> None:
    """Somebody else took the last place inside while the card was debited."""
    place, field = town.places[0], town.field()
    gate = town.gate(capacity=1, passage_input=PASSAGE)
    field.on_debited = lambda: place.ledger.commit([], [Moved("place", Way.IN)])
    await gate.on_reading(field.tap(town.card))
    assert [(one.show, one.reason) for one in place.board.after(0)] == [(Show.REFUSED, "full")]
    assert (town.taken, town.given(), town.owed()) == (1, 0, 1)


@pytest.mark.parametrize(("limit", "shown"), [(2, (Show.REFUSED, "payment_due")), (5, (Show.OPEN, ""))])
async def test_what_a_lease_does_not_cover_any_more_after_the_debit_is_decided_once_more(
    town: Town, tmp_path: Path, limit: int, shown: tuple[Show, str]
) -> None:
    """Somebody else used what the other quota had while the card was debited: it is not debited again."""
    place, field = town.places[0], town.field()
    daily = {"key": "daily", "unit": "uses", "limit": limit, "period": "day"}
    rules = document({**ON_CARD, "quota": [*ON_CARD["quota"], daily]})
    place.benefits.use(compile_rules(load(rules), 1), 0)
    quotas = Quotas(place.ledger, place.clock, "gw-test")
    await quotas.start()
    place.services.deciding = Deciding(place.benefits, quotas, place.ledger.query, place.clock, 20.0)
    authority = Authority(tmp_path / "centre.db", place.clock, rules, "gw-test", quotas)
    await authority.line(True)

    async def used_elsewhere() -> None:
        field.on_debited = None
        entry = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")
        await place.ledger.commit([entry], [quotas.spend("h-anna", [Use("daily", "2026-11-23", 2)])])

    await quotas.prepare("h-anna", place.benefits.asks(question(place)), 20.0, {"daily": 2})
    field.on_debited = used_elsewhere
    assert await town.tap() == shown
    assert (town.taken, field.asked) == (1, [1])
    opened = shown[0] is Show.OPEN
    assert (town.given(), town.owed()) == ((1, 0) if opened else (0, 1))
    assert [body["debit"] for body in town.admissions()] == [
        {"quota": QUOTA, "units": 0, "left": 2, "credited": 1}
    ] * opened
    await authority.stop()


def question(place: Place) -> Question:
    """Of Anna's card, about a ride."""
    reading = CardField(place.clock, {}).tap(with_counter(1))
    identified = place.services.identify("door-1", reading)
    assert identified is not None
    receipt = Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),))
    return place.benefits.question(receipt, identified.identification, "door-1")


async def test_of_a_group_those_rides_are_owed_that_nobody_took(tmp_path: Path) -> None:
    town = Town(tmp_path, 5).start(1)
    place = town.places[0]
    at = await AtGate(place, category="fare.bus", price_cents=150, passage_s=0.2).start()
    await at.group(3, town.field().tap(town.card))
    await at.walk(2)
    await at.over()
    (void,) = place.bodies(EntryKind.VOID)
    assert void["returned"] == [{"key": QUOTA, "period": "ever", "units": 1, "card": True}]
    assert (town.taken, town.given(), town.owed()) == (3, 2, 1)
    await at.gate.stop()
    await town.stop()


async def test_a_card_that_is_being_debited_elsewhere_here_has_to_wait(town: Town) -> None:
    field, place = town.field(), town.places[0]
    field.tear = Tear.KILLED_BEFORE
    serving = asyncio.create_task(town.gate().on_reading(field.tap(town.card)))
    await field.killed.wait()
    other = GateStation(id="door-2", readers=("nfc-2",), relay="relay-1", passage_input=None, category="fare.bus",
                        price_cents=150)  # fmt: skip
    await Gate(other, place.services).on_reading(field.tap(town.card, "nfc-2"))
    assert [(one.show, one.reason) for one in place.board.after(0)] == [(Show.REFUSED, "busy")]
    serving.cancel()


async def test_a_desk_shows_what_the_card_holds_and_what_is_owed_to_it(town: Town) -> None:
    place, field = town.places[0], town.field()
    await town.tap(0, Tear.ANSWER_LOST)
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1",)), place.services)
    for _ in range(2):
        await desk.on_reading(field.tap(town.card))
        *_, shown = place.board.after(0)
        assert (shown.show, [(one.left, one.limit) for one in shown.left]) == (Show.ACCEPTED, [(3, 0)])
    assert (town.taken, town.owed(), town.told(CREDITED), field.asked) == (1, 1, [1], [1])


async def test_a_card_that_is_not_accepted_is_not_settled(town: Town) -> None:
    """Nobody is told what is on a card of a stranger."""
    place = town.places[0]
    stranger = with_counter(3, UID[:-1] + b"\x01")
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1",)), place.services)
    await desk.on_reading(town.field().tap(stranger))
    *_, shown = place.board.after(0)
    assert (shown.show, shown.left) == (Show.REFUSED, ())


async def test_at_a_till_nothing_is_taken_off_a_card(town: Town) -> None:
    """A quote and its commit are apart by as long as somebody looks for change: the card has left by then."""
    place = town.places[0]
    till = Till(TillStation(id="till-1", readers=("nfc-1",)), place.services)
    await till.on_reading(town.field().tap(town.card))
    receipt = Receipt((Line(id="1", text="Ride", category="fare.bus", unit_cents=150),))
    answer = msgspec.json.decode(await till.quote(QuoteRequest(receipt), "q1"), type=QuoteAnswer)
    assert (answer.due_cents, town.field().asked) == (150, [])
