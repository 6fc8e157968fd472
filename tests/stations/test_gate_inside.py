"""How many are inside: counted in and out, kept over a power cut, a limit at two gates at once, begun anew."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind, Stream
from gateway.model.gate_bodies import InsideWhy
from gateway.model.shown import Show
from gateway.stations.inside import InsideCount, last_struck_ms
from tests.support.gates import EXIT, AtGate
from tests.support.place import Card, Place, SlowDisk

RIGA = ZoneInfo("Europe/Riga")
HOUR_MS = 3600 * 1000


@pytest.fixture
async def at(place: Place) -> AsyncIterator[AtGate]:
    made = await AtGate(place, capacity=3, reset_hour=4).start()
    yield made
    await made.gate.stop()


def last(at: AtGate) -> tuple[Show, str]:
    event = at.place.board.last("gate-1")
    assert event is not None
    return event.show, event.reason


async def test_who_goes_in_and_out_is_counted_and_recorded(at: AtGate) -> None:
    await at.group(2, Card("anna").tap(at.place))
    await at.walk(2)
    at.edge(EXIT)
    await at.over()
    assert at.place.bodies(EntryKind.WALKED) == [{"station": "gate-1", "way": "out", "cause": "exit"}]
    assert at.gate.inside() == InsideCount("place", 1, 3)


async def test_who_leaves_right_behind_somebody_who_comes_in_is_counted_after_them(at: AtGate) -> None:
    await at.group(1, Card("anna").tap(at.place))
    await at.walk()
    at.edge(EXIT)
    await at.gate.settled()  # the passage in was to ride with the next commit
    assert at.inside == 0
    assert at.place.kinds(Stream.RECEIPT)[-2:] == [EntryKind.PASSED, EntryKind.WALKED]


async def test_many_who_leave_at_once_are_one_entry_with_their_count(at: AtGate) -> None:
    for _ in range(5):
        at.edge(EXIT)
        at.edge(EXIT, False)
    await at.over()
    assert [body["count"] for body in at.place.bodies(EntryKind.WALKED)] == [5]


async def test_less_than_nobody_is_never_inside(at: AtGate) -> None:
    at.edge(EXIT)
    await at.over()
    await at.group(1, Card("anna").tap(at.place))
    await at.walk()
    await at.over()
    assert at.inside == 1


async def test_the_number_survives_a_power_cut(at: AtGate) -> None:
    await at.group(3, Card("anna").tap(at.place))
    await at.walk(3)
    at.edge(EXIT)
    await at.over()
    after = await at.place.crash()
    assert (await AtGate(after).start()).inside == 2
    await after.stop()


async def test_a_full_place_lets_in_nobody_until_somebody_leaves(at: AtGate) -> None:
    card = Card("anna")
    await at.group(3, card.tap(at.place))
    await at.walk(3)
    await at.over()
    await at.group(1, card.tap(at.place))
    assert last(at) == (Show.REFUSED, "full")
    at.edge(EXIT)
    await at.over()
    await at.group(1, card.tap(at.place))
    assert last(at)[0] is Show.OPEN


async def test_a_group_for_which_there_is_no_room_is_refused_as_a_whole(at: AtGate) -> None:
    await at.group(4, Card("anna").tap(at.place))
    assert last(at) == (Show.REFUSED, "full")
    assert at.place.kinds() == [EntryKind.IDENTIFICATION]


async def test_two_gates_at_once_let_in_no_more_than_there_is_room_for(at: AtGate) -> None:
    other = await AtGate(at.place, id="gate-2", capacity=3).start()
    anna, other_card = Card("anna").tap(at.place), at.place.pass_reading()
    at.leads.persons = other.leads.persons = 2
    with SlowDisk(at.place):  # both have looked before either of them is stored
        both = [asyncio.create_task(one) for one in (at.gate.on_reading(anna), other.gate.on_reading(other_card))]
        await asyncio.wait(both, timeout=0.1)
    await asyncio.gather(*both)
    reasons = [event.reason for event in at.place.board.after(0) if event.show is Show.REFUSED]
    assert (at.place.kinds(Stream.RECEIPT).count(EntryKind.ADMISSION), reasons) == (1, ["full"])
    await other.gate.stop()


async def test_those_who_have_leave_to_come_in_count_too(at: AtGate) -> None:
    other = await AtGate(at.place, id="gate-2", capacity=3).start()
    await at.group(2, Card("anna").tap(at.place))
    await other.group(2, at.place.pass_reading())
    event = at.place.board.last("gate-2")
    assert event is not None
    assert event.reason == "full"
    await other.gate.stop()


async def test_gates_of_another_area_count_for_themselves(at: AtGate) -> None:
    tower = await AtGate(at.place, id="gate-2", area="tower").start()
    await tower.group(1, at.place.pass_reading())
    await tower.walk()
    await tower.over()
    assert (at.inside, tower.inside) == (0, 1)
    await tower.gate.stop()


async def test_while_the_disk_refuses_leavers_are_counted_for_later(at: AtGate) -> None:
    full = sqlite3.connect(at.place.ledger_path, isolation_level=None)
    full.execute("CREATE TRIGGER full BEFORE INSERT ON receipt BEGIN SELECT raise(ABORT, 'the card refuses'); END")
    at.edge(EXIT)
    await at.gate.settled()
    assert last(at)[0] is Show.ATTENTION
    full.execute("DROP TRIGGER full")
    full.close()
    at.edge(EXIT)
    await at.over()
    assert [body["count"] for body in at.place.bodies(EntryKind.WALKED)] == [2]


# Set by staff, and by the hour ------------------------------------------------------------------------------


async def test_staff_sets_it_on_record(at: AtGate) -> None:
    await at.group(1, Card("anna").tap(at.place))
    await at.walk()
    await at.over()
    assert await at.place.services.inside.set("place", 7, InsideWhy.STAFF) == 1
    assert at.inside == 7
    assert at.place.bodies(EntryKind.INSIDE_SET) == [{"area": "place", "persons": 7, "before": 1, "why": "staff"}]


async def test_at_the_configured_hour_nobody_is_inside(at: AtGate) -> None:
    inside = at.place.services.inside
    await inside.set("place", 2, InsideWhy.STAFF)
    await inside.empty_what_is_due()
    assert at.inside == 2
    at.place.clock.advance(24 * 3600)
    await inside.empty_what_is_due()
    await inside.empty_what_is_due()
    assert at.inside == 0
    assert [body["why"] for body in at.place.bodies(EntryKind.INSIDE_SET)] == ["staff", "hour"]


async def test_an_hour_that_has_passed_while_the_box_was_off_counts(at: AtGate) -> None:
    await at.place.services.inside.set("place", 2, InsideWhy.STAFF)
    at.place.clock.advance(3 * 24 * 3600)
    after = await at.place.crash()
    again = await AtGate(after, reset_hour=4).start()
    await after.services.inside.empty_what_is_due()
    assert again.inside == 0
    await after.stop()


async def test_a_clock_that_nobody_vouches_for_empties_nothing(at: AtGate) -> None:
    await at.place.services.inside.set("place", 2, InsideWhy.STAFF)
    at.place.clock.advance(24 * 3600)
    at.place.clock.quality = ClockQuality.GUESS
    await at.place.services.inside.empty_what_is_due()
    assert at.inside == 2


@given(st.integers(1_700_000_000_000, 1_900_000_000_000), st.integers(0, 23))
def test_the_hour_struck_within_the_last_day_and_by_the_clock_on_the_wall(wall_ms: int, hour: int) -> None:
    struck_ms = last_struck_ms(wall_ms, hour, RIGA)
    struck = datetime.fromtimestamp(struck_ms / 1000, UTC).astimezone(RIGA)
    assert 0 <= wall_ms - struck_ms < 25 * HOUR_MS
    # Where an hour is left out (03:00 in March), it is the one after it.
    assert (struck.hour, struck.minute) in ((hour, 0), (hour + 1, 0))
