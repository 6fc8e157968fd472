"""Without a decision: the staff's button, who wants out, and the fire alarm, which no program stands in the way of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.config.types import DeskStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import NotReady
from gateway.model.reading import InputReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.dispatch import Dispatch
from tests.support.gates import ALARM, EXIT, EXIT_BUTTON, PASSAGE, STAFF, AtGate, until
from tests.support.place import Card, Place, SlowDisk

OVERRIDE, WALKED = EntryKind.OVERRIDE, EntryKind.WALKED


@pytest.fixture
async def at(place: Place) -> AsyncIterator[AtGate]:
    made = await AtGate(place, exit_output=1).start()
    made.board_is_ready(ALARM)
    yield made
    await made.gate.stop()


def shown(at: AtGate) -> list[Show]:
    return [event.show for event in at.place.board.after(0, "gate-1")]


def opened(at: AtGate) -> list[int]:
    """Outputs that were closed."""
    return [output for _, output, _ in at.place.outputs.pulses]


# Staff -----------------------------------------------------------------------------------------------------


async def test_the_staff_opens_the_gate_on_record(at: AtGate) -> None:
    at.edge(STAFF)
    await at.gate.settled()
    assert (opened(at), shown(at)[-1]) == ([0], Show.OPEN)
    assert at.place.bodies(OVERRIDE) == [{"station": "gate-1", "what": "staff_button"}]


async def test_it_is_on_disk_before_the_relay_moves(at: AtGate) -> None:
    seen: list[int] = []
    at.place.outputs.on_pulse = lambda: seen.append(at.place.on_disk(Stream.AUDIT))
    at.edge(STAFF)
    await at.gate.settled()
    assert seen == [1]


async def test_while_the_disk_hangs_the_staffs_button_opens_nothing(at: AtGate) -> None:
    with SlowDisk(at.place):
        at.edge(STAFF)
        await asyncio.wait(list(at.gate._overrides._tasks.values()), timeout=0.1)
        assert opened(at) == []
    await at.gate.settled()
    assert opened(at) == [0]


async def test_a_press_that_grew_old_in_the_commit_opens_nothing_and_says_so(at: AtGate) -> None:
    with SlowDisk(at.place):
        at.edge(STAFF)
        await asyncio.wait(list(at.gate._overrides._tasks.values()), timeout=0.1)
        at.place.clock.advance(2.5)
    await at.over()
    assert opened(at) == []
    assert [body.get("not_opened", False) for body in at.place.bodies(OVERRIDE)] == [False, True]


async def test_a_press_that_did_not_open_is_recorded_as_such(at: AtGate) -> None:
    at.place.outputs.pulse_script.append(NotReady("gone"))
    at.edge(STAFF)
    await at.over()
    assert shown(at)[-1] is Show.ATTENTION
    assert [body.get("not_opened", False) for body in at.place.bodies(OVERRIDE)] == [False, True]


async def test_whom_the_staff_lets_in_is_counted_without_a_grant(at: AtGate) -> None:
    at.edge(STAFF)
    await at.gate.settled()
    at.edge(PASSAGE)
    await at.over()
    assert at.place.bodies(WALKED) == [{"station": "gate-1", "way": "in", "cause": "staff_button"}]
    assert at.inside == 1


async def test_a_bar_that_moves_while_nobody_may_pass_counts_nobody(at: AtGate) -> None:
    at.edge(STAFF)
    await at.gate.settled()
    at.place.clock.advance(61)
    at.edge(PASSAGE)
    await at.over()
    assert (at.place.bodies(WALKED), at.inside) == ([], 0)


# The way out ------------------------------------------------------------------------------------------------


async def test_whoever_wants_out_is_let_out_and_it_is_recorded(at: AtGate) -> None:
    at.edge(EXIT_BUTTON)
    await at.gate.settled()
    assert opened(at) == [1]
    assert at.place.bodies(OVERRIDE) == [{"station": "gate-1", "what": "exit_button"}]


async def test_while_the_disk_hangs_a_person_gets_out_and_it_is_recorded_later(at: AtGate) -> None:
    with SlowDisk(at.place):
        at.edge(EXIT_BUTTON)
        await until(lambda: opened(at) == [1])
        assert at.place.bodies(OVERRIDE) == []
    await at.gate.settled()
    assert len(at.place.bodies(OVERRIDE)) == 1


async def test_on_a_disk_that_refuses_a_person_gets_out(at: AtGate) -> None:
    at.place.ledger._writer.stop()
    at.edge(EXIT_BUTTON)
    await until(lambda: opened(at) == [1])
    await at.gate.settled()
    assert shown(at)[-1] is Show.ATTENTION, "the record that is missing is shown"


async def test_a_person_gets_out_while_another_is_being_served(at: AtGate) -> None:
    dispatch = Dispatch([at.gate], at.place.services, never)
    await dispatch.start()
    with SlowDisk(at.place):
        dispatch.on_reading(Card("anna").tap(at.place))
        await asyncio.sleep(0)
        dispatch.on_reading(InputReading("relay-1", at.place.clock.mono_ns(), EXIT_BUTTON, True))
        await until(lambda: opened(at) == [1])
    await dispatch.stop()


async def test_a_button_that_is_leant_on_is_counted_in_few_entries(at: AtGate) -> None:
    for presses in range(1, 6):
        at.edge(EXIT_BUTTON)
        await until(lambda presses=presses: len(opened(at)) == presses)  # type: ignore[misc]
        await asyncio.gather(*at.gate._overrides._tasks.values())
    await at.gate.settled()
    assert sum(body.get("count", 1) for body in at.place.bodies(OVERRIDE)) == 5
    assert len(at.place.bodies(OVERRIDE)) <= 2


async def test_a_request_from_long_ago_opens_nothing(at: AtGate) -> None:
    at.gate.on_input(InputReading("relay-1", at.place.clock.mono_ns() - 3 * 10**9, EXIT_BUTTON, True))
    await at.gate.settled()
    assert opened(at) == []


async def test_who_leaves_by_the_button_is_seen_by_the_exit_sensor_alone(at: AtGate) -> None:
    at.edge(EXIT_BUTTON)
    await at.gate.settled()
    at.edge(PASSAGE)  # the bar has one sensor for both ways
    at.edge(EXIT)
    await at.over()
    assert [(body["way"], body["cause"]) for body in at.place.bodies(WALKED)] == [("out", "exit")]


# Fire alarm -------------------------------------------------------------------------------------------------


async def test_the_alarm_is_recorded_and_shown_and_so_is_its_end(at: AtGate) -> None:
    at.edge(ALARM, False)  # the contact is closed at rest
    await at.gate.settled()
    at.edge(ALARM, True)
    await at.gate.settled()
    assert shown(at)[-2:] == [Show.FREE, Show.IDLE]
    assert [(body["on"], body.get("alarm", True)) for body in at.place.bodies(EntryKind.FIRE_ALARM)] == [
        (True, True),
        (False, True),
    ]
    assert opened(at) == [], "the wiring frees the gate, not this"


async def test_meanwhile_nobody_is_refused_and_nothing_is_used_up(at: AtGate) -> None:
    at.edge(ALARM, False)
    card = Card("anna")
    await at.group(1, card.tap(at.place))
    await at.group(1, Card("carl").tap(at.place))
    await at.over()
    assert (at.place.kinds(), opened(at), shown(at)[-1]) == ([], [], Show.FREE)
    at.edge(ALARM, True)
    await at.group(1, card.tap(at.place))
    assert shown(at)[-1] is Show.OPEN


async def test_passages_count_as_free_ones_both_ways(at: AtGate) -> None:
    at.edge(ALARM, False)
    at.edge(PASSAGE)
    at.edge(EXIT)
    at.edge(EXIT)
    await at.over()
    walked = [(b["way"], b["cause"], b.get("count", 1)) for b in at.place.bodies(WALKED)]
    assert walked == [("in", "fire_alarm", 1), ("out", "fire_alarm", 2)]


async def test_what_was_granted_and_not_used_is_given_back(at: AtGate) -> None:
    await at.group(3, Card("anna").tap(at.place))
    await at.walk()
    at.edge(ALARM, False)
    await at.over()
    (void,) = at.place.bodies(EntryKind.VOID)
    assert (void["reason"], void["passed"], void["passages"]) == ("free_passage", 1, 2)
    assert shown(at)[-1] is Show.FREE


async def test_an_alarm_while_the_grant_is_stored_opens_nothing(at: AtGate) -> None:
    with SlowDisk(at.place):
        tap = asyncio.create_task(at.group(1, Card("anna").tap(at.place)))
        await asyncio.wait([tap], timeout=0.1)
        at.edge(ALARM, False)
    await tap
    await at.over()
    assert opened(at) == []
    assert [body["reason"] for body in at.place.bodies(EntryKind.VOID)] == ["free_passage"]


async def test_whoever_wants_out_during_an_alarm_is_let_out_by_the_button_too(at: AtGate) -> None:
    at.edge(ALARM, False)
    at.edge(STAFF)
    at.edge(EXIT_BUTTON)
    await at.gate.settled()
    assert opened(at) == [1]


async def test_an_alarm_that_was_there_before_the_gateway_is_seen_when_its_board_is_ready(place: Place) -> None:
    at = await AtGate(place).start()
    at.board_is_ready()
    assert shown(at)[-1] is Show.FREE
    await at.gate.stop()


async def test_a_contact_that_closes_on_alarm_may_be_configured(place: Place) -> None:
    at = await AtGate(place, alarm_when_active=True).start()
    at.board_is_ready()
    assert shown(at)[-1] is Show.IDLE
    at.edge(ALARM)
    assert shown(at)[-1] is Show.FREE
    await at.gate.stop()


async def test_one_gates_contact_speaks_for_all_gates_of_the_place(at: AtGate) -> None:
    other = await AtGate(at.place, id="gate-2").start()
    at.edge(ALARM, False)
    event = at.place.board.last("gate-2")
    assert event is not None
    assert event.show is Show.FREE
    await at.gate.settled()
    assert len(at.place.bodies(EntryKind.FIRE_ALARM)) == 1
    await other.gate.stop()


async def test_a_board_that_goes_during_the_alarm_does_not_hide_the_free_passage(at: AtGate) -> None:
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-2",)), at.place.services)
    dispatch = Dispatch([at.gate, desk], at.place.services, never)
    at.edge(ALARM, False)
    for device, driver in (("relay-1", "relay"), ("nfc-2", "nfc")):
        dispatch.on_change(DeviceHealth(device, driver, Health.LOST, advice="Plug it in"))
    assert shown(at)[-1] is Show.FREE
    event = at.place.board.last("desk-1")
    assert event is not None
    assert event.reason == "device_missing"


def never(fault: BaseException) -> None:
    raise AssertionError("no defect was expected") from fault
