"""A reader on the way out lets out whoever presents anything, at once; what went in with it may come in again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.config.types import GateStation
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed
from gateway.model.gate_bodies import InsideWhy, OverrideKind
from gateway.model.identification import Refusal
from gateway.model.reading import BeaconReading, CardReading, Presented, UnusableReading
from gateway.model.shown import Show
from gateway.stations.dispatch import Dispatch
from gateway.stations.gate import Gate
from gateway.stations.inside import InsideCount
from tests.support.gates import ALARM, EXIT, PASSAGE, AtGate, until
from tests.support.place import Card, Place, SlowDisk

EXIT_READER = "nfc-2"
OUT = {"station": "gate-1", "way": "out"}
LEFT = {"station": "gate-1", "what": "exit_reader"}


@pytest.fixture
async def at(place: Place) -> AsyncIterator[AtGate]:
    made = await AtGate(place, exit_readers=(EXIT_READER,), exit_output=1, anti_passback_s=3600.0).start()
    yield made
    await made.gate.stop()


def at_exit(at: AtGate, card: Card) -> CardReading:
    """This card at the reader on the way out."""
    return card.tap(at.place, EXIT_READER)


async def leave(at: AtGate, reading: Presented) -> None:
    await at.gate.on_reading(reading)
    await at.gate.settled()


def last(at: AtGate) -> tuple[Show, str]:
    event = at.place.board.last("gate-1")
    assert event is not None
    return event.show, event.reason


async def test_a_card_at_the_exit_opens_it_and_nobody_is_on_record(at: AtGate) -> None:
    await leave(at, at_exit(at, Card("anna")))
    await at.over()
    assert at.place.outputs.pulses == [("relay-1", 1, 500)]
    assert at.place.bodies(EntryKind.OVERRIDE) == [LEFT]
    assert at.place.kinds() == []
    assert last(at) == (Show.LEAVING, "")


def unknown(at: AtGate) -> Presented:
    return CardReading(EXIT_READER, at.place.clock.mono_ns(), bytes.fromhex("04112233445566"), b"")


def blocked(at: AtGate) -> Presented:
    return at_exit(at, Card("carl"))


def bank_card(at: AtGate) -> Presented:
    return UnusableReading(EXIT_READER, at.place.clock.mono_ns(), Refusal.BANK_CARD)


def copy(at: AtGate) -> Presented:
    anna = Card("anna")
    message = anna.message()
    return CardReading(EXIT_READER, at.place.clock.mono_ns(), b"\x04" + anna.uid[1:-1] + b"\x00", message)


@pytest.mark.parametrize("presented", [unknown, blocked, bank_card, copy])
async def test_whatever_is_presented_lets_out(at: AtGate, presented: Callable[[AtGate], Presented]) -> None:
    await leave(at, presented(at))
    assert len(at.place.outputs.pulses) == 1
    assert last(at)[0] is Show.LEAVING
    assert at.place.bodies(EntryKind.REFUSAL) == []


async def test_a_beacon_opens_no_exit(at: AtGate) -> None:
    await leave(at, BeaconReading(EXIT_READER, at.place.clock.mono_ns(), "ab" * 16, enter=True, rssi_dbm=-40))
    assert at.place.outputs.pulses == []


async def test_what_was_presented_long_ago_opens_nothing(at: AtGate) -> None:
    reading = at_exit(at, Card("anna"))
    at.place.clock.advance(2.5)
    await leave(at, reading)
    assert at.place.outputs.pulses == []
    assert last(at) == (Show.REFUSED, "stale")


async def test_nobody_waits_for_the_disk_to_get_out(at: AtGate) -> None:
    with SlowDisk(at.place):
        at.gate.at_once(at_exit(at, Card("anna")))
        await until(lambda: last(at)[0] is Show.LEAVING)
        assert len(at.place.outputs.pulses) == 1
    await at.gate.settled()


async def test_a_disk_that_refuses_holds_nobody_back_and_is_told(at: AtGate) -> None:
    full = sqlite3.connect(at.place.ledger_path, isolation_level=None)
    full.execute("CREATE TRIGGER full BEFORE INSERT ON sun_counter BEGIN SELECT raise(ABORT, 'the card refuses'); END")
    await leave(at, at_exit(at, Card("anna")))
    assert len(at.place.outputs.pulses) == 1
    assert last(at)[0] is Show.ATTENTION
    full.execute("DROP TRIGGER full")
    full.close()


async def test_a_relay_that_does_not_answer_is_on_record(at: AtGate) -> None:
    at.place.outputs.pulse_script.append(DeadlineMissed("no answer"))
    await leave(at, at_exit(at, Card("anna")))
    await at.over()
    assert at.place.bodies(EntryKind.OVERRIDE) == [LEFT, {**LEFT, "not_opened": True}]
    assert last(at)[0] is Show.ATTENTION


async def test_during_a_fire_alarm_it_opens_too_and_looks_at_nothing(at: AtGate) -> None:
    at.edge(ALARM, False)
    await leave(at, at_exit(at, Card("anna")))
    assert len(at.place.outputs.pulses) == 1
    assert last(at)[0] is Show.FREE
    assert at.place.ledger.query("SELECT * FROM sun_counter") == []


async def test_a_message_that_was_shown_on_the_way_out_opens_nothing_later(at: AtGate) -> None:
    anna = Card("anna")
    seen = at_exit(at, anna)
    await leave(at, seen)
    await at.group(1, CardReading("nfc-1", seen.mono_ns, seen.uid, seen.ndef))
    assert last(at) == (Show.REFUSED, "replayed")


# Anti-passback -----------------------------------------------------------------------------------------------


async def go_in(at: AtGate, card: Card) -> bool:
    before = at.place.kinds().count(EntryKind.ADMISSION)
    await at.group(1, card.tap(at.place))
    admitted = at.place.kinds().count(EntryKind.ADMISSION) > before
    if admitted:
        await at.walk()
        await at.over()
    return admitted


async def test_who_has_left_may_come_in_again(at: AtGate) -> None:
    anna = Card("anna")
    assert await go_in(at, anna)
    assert not await go_in(at, anna)
    await leave(at, at_exit(at, anna))
    at.edge(EXIT)
    await at.gate.settled()
    assert await go_in(at, anna)


async def test_who_has_opened_the_exit_and_stayed_has_not_left(at: AtGate) -> None:
    """A card that is held to the reader inside and handed back over the bar lets in nobody."""
    anna = Card("anna")
    await go_in(at, anna)
    await leave(at, at_exit(at, anna))
    assert not await go_in(at, anna)
    at.place.clock.advance(at.section.passage_s)
    at.edge(EXIT)  # somebody else, later
    await at.gate.settled()
    assert not await go_in(at, anna)


async def test_a_copy_of_the_cards_message_says_nothing_of_its_holder(at: AtGate) -> None:
    anna = Card("anna")
    spent = anna.tap(at.place)
    await at.group(1, spent)
    await at.walk()
    await at.over()
    await leave(at, CardReading(EXIT_READER, at.place.clock.mono_ns(), spent.uid, spent.ndef))
    at.edge(EXIT)
    await at.gate.settled()
    assert not await go_in(at, anna)


async def test_it_is_the_gates_of_the_same_area_that_one_has_left(at: AtGate) -> None:
    anna = Card("anna")
    await go_in(at, anna)
    tower = await AtGate(at.place, id="gate-2", area="tower", exit_readers=("nfc-3",)).start()
    side_door = await AtGate(at.place, id="gate-3", exit_readers=("nfc-4",)).start()
    for other, reader, again in ((tower, "nfc-3", False), (side_door, "nfc-4", True)):
        await leave(other, anna.tap(at.place, reader))
        other.edge(EXIT)
        await other.gate.settled()
        assert await go_in(at, anna) is again
        await other.gate.stop()


# Counted -----------------------------------------------------------------------------------------------------


async def test_with_a_sensor_it_is_the_sensor_that_counts(at: AtGate) -> None:
    await at.place.services.inside.set("place", 5, InsideWhy.STAFF)
    await leave(at, at_exit(at, Card("anna")))
    assert at.inside == 5
    at.edge(EXIT)
    await at.over()
    assert at.place.bodies(EntryKind.WALKED) == [{**OUT, "cause": "exit"}]
    assert at.inside == 4


@pytest.mark.parametrize("one_sensor", [True, False])
async def test_one_sensor_for_both_ways_or_none(place: Place, one_sensor: bool) -> None:
    section = GateStation(
        id="gate-1",
        readers=("nfc-1",),
        exit_readers=(EXIT_READER,),
        relay="relay-1",
        passage_input=PASSAGE if one_sensor else None,
        anti_passback_s=3600.0,
        passage_s=60.0,
    )
    at = AtGate(place)
    at.section, at.gate = section, Gate(section, place.services)
    await at.start()
    anna = Card("anna")
    for _ in range(2):
        await at.group(1, anna.tap(place))
        if one_sensor:
            await at.walk()
        await at.over()
        assert at.gate.inside() == InsideCount("place", 1)
        await leave(at, at_exit(at, anna))
        if one_sensor:
            at.edge(PASSAGE)
        await at.over()
        assert at.gate.inside() == InsideCount("place", 0)
    walked = place.bodies(EntryKind.WALKED)
    assert walked == [{**OUT, "cause": "exit_reader"}] * 2
    assert [body["what"] for body in place.bodies(EntryKind.OVERRIDE)] == [OverrideKind.EXIT_READER] * 2
    await at.gate.stop()


async def test_a_group_that_is_coming_in_keeps_its_page(at: AtGate) -> None:
    await at.group(3, Card("anna").tap(at.place))
    await at.walk()
    await leave(at, at_exit(at, Card("anna")))
    event = at.place.board.last("gate-1")
    assert event is not None
    assert (event.show, event.passed) == (Show.OPEN, 1)


# Beside whoever is served ------------------------------------------------------------------------------------


async def test_who_wants_out_does_not_stand_behind_who_wants_in(at: AtGate) -> None:
    faults: list[BaseException] = []
    dispatch = Dispatch((at.gate,), at.place.services, faults.append)
    await dispatch.start()
    with SlowDisk(at.place):
        for _ in range(20):  # more than the queue holds
            dispatch.on_reading(Card("anna").tap(at.place))
        dispatch.on_reading(at_exit(at, Card("carl")))
        async with asyncio.timeout(10):
            await until(lambda: len(at.place.outputs.pulses) == 1)
    await at.gate.settled()
    await dispatch.stop()
    assert faults == []
    assert at.place.outputs.pulses[0] == ("relay-1", 1, 500)
