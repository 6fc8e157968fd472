"""A gate opens once per grant; every grant ends in passed or void; nothing moves before it is on disk."""

from __future__ import annotations

import asyncio

import pytest

from gateway.config.types import GateStation
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, LedgerError, NotReady
from gateway.model.reading import InputReading
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from tests.support.outputs import Silence
from tests.support.place import Card, Place, SlowDisk

ADMISSION, OPENED, PASSED, VOID = EntryKind.ADMISSION, EntryKind.OPENED, EntryKind.PASSED, EntryKind.VOID
PATIENCE_S = 10.0


def make_gate(place: Place, *, sensor: bool = True, passage_s: float = 30.0, id: str = "gate-1") -> Gate:
    section = GateStation(
        id=id,
        readers=("nfc-1", "cam-1"),
        relay="relay-1",
        output=2,
        pulse_ms=400,
        passage_input=1 if sensor else None,
        passage_s=passage_s,
    )
    return Gate(section, place.services)


@pytest.fixture
async def gate(place: Place) -> Gate:
    station = make_gate(place)
    await station.start()
    return station


def passage(place: Place) -> InputReading:
    return InputReading("relay-1", place.clock.mono_ns(), 1, True)


async def until(place: Place, show: Show, station: str = "gate-1") -> None:
    """Until the station's page has shown this."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(event.show is show for event in place.board.after(0, station)):
            await place.board.wait(place.board.turn)


def shown(place: Place) -> list[tuple[Show, str]]:
    return [(event.show, event.reason) for event in place.board.after(0)]


async def test_a_grant_opens_once_and_ends_with_the_passage(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    assert place.outputs.pulses == [("relay-1", 2, 400)]
    await gate.on_reading(passage(place))
    await until(place, Show.PASSED)
    await place.settle()
    assert place.kinds() == [ADMISSION, OPENED, PASSED]
    assert {body["admission"] for kind in (OPENED, PASSED) for body in place.bodies(kind)} == {1}
    assert place.ledger.query("SELECT * FROM grant_open") == []


async def test_one_entry_holds_identification_decision_and_grant(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    (body,) = place.bodies(ADMISSION)
    assert body["identification"]["holder"] == "h-anna"
    assert body["decision"]["discount_cents"] == body["decision"]["list_cents"] == 250
    assert place.ledger.query("SELECT admission, station FROM grant_open") == [(1, "gate-1")]


async def test_the_relay_moves_only_when_the_grant_is_on_disk(place: Place, gate: Gate) -> None:
    seen: list[int] = []
    place.outputs.on_pulse = lambda: seen.append(place.on_disk())
    await gate.on_reading(Card("anna").tap(place))
    assert seen == [1]


async def test_while_the_disk_hangs_nothing_moves_and_nothing_is_shown(place: Place, gate: Gate) -> None:
    before = shown(place)
    with SlowDisk(place):
        tap = asyncio.create_task(gate.on_reading(Card("anna").tap(place)))
        await asyncio.wait([tap], timeout=0.2)
        assert (place.outputs.pulses, shown(place)) == ([], before)
    await tap
    assert len(place.outputs.pulses) == 1


async def test_a_disk_that_refuses_opens_nothing(place: Place, gate: Gate) -> None:
    place.ledger._writer.stop()
    with pytest.raises(LedgerError):
        await gate.on_reading(Card("anna").tap(place))
    assert place.outputs.pulses == []


async def test_a_stale_reading_opens_nothing(place: Place, gate: Gate) -> None:
    reading = Card("anna").tap(place)
    place.clock.advance(2.001)
    await gate.on_reading(reading)
    assert (place.kinds(), place.outputs.pulses) == ([], [])
    assert shown(place)[-1] == (Show.REFUSED, "stale")


async def test_a_reading_that_grew_stale_in_the_commit_opens_nothing(place: Place, gate: Gate) -> None:
    with SlowDisk(place):
        tap = asyncio.create_task(gate.on_reading(Card("anna").tap(place)))
        await asyncio.wait([tap], timeout=0.1)
        place.clock.advance(2.5)
    await tap
    assert place.outputs.pulses == []
    assert place.kinds() == [ADMISSION, VOID]
    assert place.bodies(VOID) == [
        {"station": "gate-1", "admission": 1, "reason": "not_opened", "epoch": place.ledger.epoch}
    ]


async def test_without_passage_in_time_the_grant_is_void(place: Place) -> None:
    gate = make_gate(place, passage_s=0.05)
    await gate.on_reading(Card("anna").tap(place))
    await until(place, Show.VOID)
    await place.settle()
    assert sorted(place.kinds()) == [ADMISSION, OPENED, VOID]
    assert place.bodies(VOID)[0]["reason"] == "no_passage"
    assert place.ledger.query("SELECT * FROM grant_open") == []


async def test_after_a_void_the_gate_serves_the_next_person(place: Place) -> None:
    gate = make_gate(place, passage_s=0.05)
    await gate.on_reading(Card("anna").tap(place))
    await until(place, Show.VOID)
    await gate.stop()
    await gate.on_reading(Card("anna", counter=5).tap(place))
    assert len(place.outputs.pulses) == 2


async def test_a_passage_after_the_void_changes_nothing(place: Place) -> None:
    gate = make_gate(place, passage_s=0.05)
    await gate.on_reading(Card("anna").tap(place))
    await until(place, Show.VOID)
    await gate.on_reading(passage(place))
    await place.settle()
    assert PASSED not in place.kinds()


@pytest.mark.parametrize(
    ("device", "channel", "on"), [("relay-1", 0, True), ("relay-1", 1, False), ("relay-2", 1, True)]
)
async def test_only_the_passage_sensors_rising_edge_is_a_passage(
    place: Place, gate: Gate, device: str, channel: int, on: bool
) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(InputReading(device, place.clock.mono_ns(), channel, on))
    await gate.on_reading(Card("berta").tap(place))
    assert shown(place)[-1] == (Show.REFUSED, "busy")


async def test_an_edge_from_before_the_opening_is_no_passage(place: Place, gate: Gate) -> None:
    leaning = passage(place)
    place.clock.advance(0.3)
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(leaning)
    await place.settle()
    assert place.kinds() == [ADMISSION, OPENED]


async def test_without_a_sensor_opened_counts_as_passed(place: Place) -> None:
    gate = make_gate(place, sensor=False)
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(Card("anna", counter=9).tap(place))
    await place.settle()
    assert place.kinds() == [ADMISSION, ADMISSION, OPENED, OPENED]
    assert place.ledger.query("SELECT * FROM grant_open") == []


async def test_opened_is_on_disk_within_a_second(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    began = asyncio.get_running_loop().time()
    stored = asyncio.Event()
    place.ledger.on_stored(lambda _streams: stored.set())
    async with asyncio.timeout(PATIENCE_S):
        while OPENED not in place.kinds():
            await stored.wait()
            stored.clear()
    assert asyncio.get_running_loop().time() - began < 1.5


async def test_a_gate_awaiting_a_passage_is_busy(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(place.pass_reading())
    assert shown(place)[-1] == (Show.REFUSED, "busy")
    assert len(place.outputs.pulses) == 1
    await place.settle()
    assert place.kinds() == [ADMISSION, OPENED]


async def test_turned_away_by_a_busy_gate_is_counted(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(place.pass_reading())
    place.services.flush_floods(all_of_them=True)
    await place.settle()
    assert [(b["source"], b["reason"], b["count"]) for b in place.bodies(EntryKind.FLOOD)] == [("gate-1", "busy", 1)]


async def test_who_owes_something_is_told_how_much_and_stays_outside(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("berta").tap(place))
    event = place.board.last("gate-1")
    assert event is not None
    assert (event.show, event.reason, event.due_cents) == (Show.REFUSED, "payment_due", 125)
    assert place.kinds() == [EntryKind.IDENTIFICATION]
    assert place.outputs.pulses == []


async def test_rules_that_have_expired_grant_nothing(place: Place, gate: Gate) -> None:
    place.benefits._expires_ms = place.clock.wall_ms()
    await gate.on_reading(Card("anna").tap(place))
    assert shown(place)[-1] == (Show.REFUSED, "payment_due")


@pytest.mark.parametrize(("name", "reason"), [("carl", "blocked"), ("dora", "unknown")])
async def test_a_refused_card_stays_outside(place: Place, gate: Gate, name: str, reason: str) -> None:
    await gate.on_reading(Card(name).tap(place))
    assert shown(place)[-1] == (Show.REFUSED, reason)
    assert (place.kinds(), place.outputs.pulses) == ([EntryKind.REFUSAL], [])


async def test_a_replayed_message_at_two_gates_at_once_admits_one(place: Place, gate: Gate) -> None:
    other = make_gate(place, id="gate-2")
    reading = Card("anna").tap(place)
    await asyncio.gather(gate.on_reading(reading), other.on_reading(reading))
    assert place.kinds(Stream.RECEIPT).count(ADMISSION) == 1
    assert [body["identification"]["refusal"] for body in place.bodies(EntryKind.REFUSAL)] == ["replayed"]
    assert len(place.outputs.pulses) == 1


async def test_a_relay_that_is_away_admits_nobody(place: Place, gate: Gate) -> None:
    place.outputs.ready = False
    await gate.on_reading(Card("anna").tap(place))
    assert shown(place)[-1] == (Show.REFUSED, "gate_not_ready")
    assert place.kinds() == [EntryKind.IDENTIFICATION]


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (NotReady("the driver is gone"), False),
        (InputRefused("no such output"), False),
        (DeadlineMissed("no answer"), True),
    ],
)
async def test_a_grant_that_did_not_open_is_void(place: Place, gate: Gate, error: GatewayError, unknown: bool) -> None:
    place.outputs.pulse_script.append(error)
    await gate.on_reading(Card("anna").tap(place))
    assert place.kinds() == [ADMISSION, VOID]
    (body,) = place.bodies(VOID)
    assert (body["reason"], body.get("opening_unknown", False)) == ("not_opened", unknown)
    assert shown(place)[-1] == (Show.ATTENTION, "gate_not_ready")


async def test_the_next_tap_may_try_again(place: Place, gate: Gate) -> None:
    card = Card("anna")
    place.outputs.pulse_script.append(NotReady("the driver is gone"))
    await gate.on_reading(card.tap(place))
    await gate.on_reading(card.tap(place))
    assert len(place.outputs.pulses) == 1


async def test_after_a_crash_in_the_pulse_the_grant_is_void_and_the_opening_unknown(place: Place, gate: Gate) -> None:
    silence = Silence()
    place.outputs.pulse_script.append(silence)
    tap = asyncio.create_task(gate.on_reading(Card("anna").tap(place)))
    await silence.asked.wait()
    after = await place.crash()
    tap.cancel()
    await make_gate(after).start()
    assert after.kinds() == [ADMISSION, VOID]
    (void,) = after.bodies(VOID)
    assert void.pop("epoch") == after.ledger.epoch
    assert void == {"station": "gate-1", "admission": 1, "reason": "restart", "opening_unknown": True}
    assert len(after.outputs.pulses) == 1  # the one that the crash interrupted; none by itself
    await after.stop()


async def test_after_a_crash_in_the_passage_the_void_knows_of_the_opening(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await place.settle()
    after = await place.crash()
    await make_gate(after).start()
    assert [body.get("opening_unknown", False) for body in after.bodies(VOID)] == [False]
    await gate.stop()
    await after.stop()


async def test_a_gate_settles_only_its_own_grants(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await place.settle()
    after = await place.crash()
    await make_gate(after, id="gate-2").start()
    assert VOID not in after.kinds()
    await gate.stop()
    await after.stop()


async def test_a_settled_grant_is_not_voided_again(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(passage(place))
    await until(place, Show.PASSED)
    await place.settle()
    after = await place.crash()
    await make_gate(after).start()
    assert after.kinds() == [ADMISSION, OPENED, PASSED]
    await after.stop()


async def test_a_passage_in_the_moment_of_the_stop_counts(place: Place, gate: Gate) -> None:
    await gate.on_reading(Card("anna").tap(place))
    await gate.on_reading(passage(place))
    await gate.stop()
    await place.settle()
    assert place.kinds() == [ADMISSION, OPENED, PASSED]
