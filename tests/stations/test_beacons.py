"""Beacons at stations: near a desk somebody is identified; a gate and a till pay no heed to who stands about."""

from __future__ import annotations

from gateway.config.types import DeskStation, GateStation, TillStation
from gateway.model.entry import EntryKind
from gateway.model.reading import BeaconReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.services import Services
from gateway.stations.till import Till
from tests.support.place import BEACON, Card, Place


def heard(place: Place, beacon: str = BEACON, *, enter: bool = True) -> BeaconReading:
    return BeaconReading("ble-1", place.clock.mono_ns(), beacon, enter, -60)


async def desk_of(place: Place) -> Desk:
    desk = Desk(DeskStation(id="desk-1", readers=("ble-1", "nfc-1")), place.services)
    await desk.start()
    return desk


async def test_who_comes_near_a_desk_is_identified_and_recorded(place: Place) -> None:
    desk = await desk_of(place)
    await desk.on_reading(heard(place))
    (body,) = place.bodies(EntryKind.IDENTIFICATION)
    assert body["identification"]["holder"] == "h-anna"
    assert body["identification"]["credential"]["strength"] == "weak"
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.kind) == (Show.ACCEPTED, "beacon")


async def test_who_goes_away_is_no_longer_shown_and_nothing_is_recorded(place: Place) -> None:
    desk = await desk_of(place)
    await desk.on_reading(heard(place))
    await desk.on_reading(heard(place, enter=False))
    shown = place.board.last("desk-1")
    assert shown is not None
    assert shown.show is Show.IDLE
    assert place.kinds() == [EntryKind.IDENTIFICATION]


async def test_who_goes_away_does_not_clear_the_page_of_somebody_else(place: Place) -> None:
    desk = await desk_of(place)
    await desk.on_reading(heard(place))
    await desk.on_reading(Card("berta").tap(place))
    await desk.on_reading(heard(place, enter=False))
    shown = place.board.last("desk-1")
    assert shown is not None
    assert shown.show is Show.ACCEPTED


async def test_a_strangers_beacon_is_refused_as_unknown(place: Place) -> None:
    desk = await desk_of(place)
    await desk.on_reading(heard(place, "phone:nobody"))
    assert place.bodies(EntryKind.REFUSAL)[0]["identification"]["refusal"] == "unknown"


async def test_no_gate_opens_for_who_walks_past(place: Place) -> None:
    gate = Gate(GateStation(id="gate-1", readers=("ble-1",), relay="relay-1"), place.services)
    await gate.start()
    await gate.on_reading(heard(place))
    assert (place.kinds(), place.outputs.pulses) == ([], [])


async def test_nobody_pays_for_who_stands_near_a_till(place: Place) -> None:
    till = Till(TillStation(id="till-1", readers=("ble-1",)), place.services)
    await till.start()
    await till.on_reading(heard(place))
    assert place.kinds() == []


async def test_a_desk_that_does_not_take_beacons_refuses_them_as_too_weak(place: Place) -> None:
    parts = (place.ledger, place.services.identity, place.benefits, place.outputs, place.board, place.clock)
    section = DeskStation(id="desk-1", readers=("ble-1",), weak=("card",))
    desk = Desk(section, Services(*parts, weak={section.id: section.weak}))
    await desk.start()
    await desk.on_reading(heard(place))
    assert place.bodies(EntryKind.REFUSAL)[0]["identification"]["refusal"] == "too_weak"
