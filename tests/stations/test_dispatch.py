"""Readings go to the station that owns the device, one at a time; a stop serves to the end who is being served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.config.types import DeskStation, GateStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind
from gateway.model.errors import NotFound
from gateway.model.reading import Reading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.dispatch import WAITING, Dispatch
from gateway.stations.gate import Gate
from tests.support.place import Card, Place, SlowDisk

PATIENCE_S = 10.0


class Faulty(Desk):
    """A desk with a defect, or with an error of ours."""

    def __init__(self, place: Place, fault: BaseException) -> None:
        super().__init__(DeskStation(id="desk-1", readers=("nfc-1",)), place.services)
        self._fault = fault

    async def on_reading(self, reading: Reading) -> None:
        raise self._fault


def desk(place: Place) -> Desk:
    return Desk(DeskStation(id="desk-1", readers=("nfc-1",)), place.services)


async def until(place: Place, there: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not there():
            await place.board.wait(place.board.turn)


def never(fault: BaseException) -> None:
    raise AssertionError("no defect was expected") from fault


async def test_a_reading_reaches_its_station(place: Place) -> None:
    dispatch = Dispatch([desk(place)], place.services, never)
    await dispatch.start()
    dispatch.on_reading(Card("anna").tap(place, "nfc-1"))
    dispatch.on_reading(Card("berta").tap(place, "nfc-of-nobody"))
    await until(place, lambda: place.board.counts.get(Show.ACCEPTED) == 1)
    await dispatch.stop()
    assert place.kinds() == [EntryKind.IDENTIFICATION]


async def test_an_error_of_ours_is_shown_and_the_station_goes_on(place: Place) -> None:
    dispatch = Dispatch([Faulty(place, NotFound("gone", "Look"))], place.services, never)
    await dispatch.start()
    dispatch.on_reading(Card("anna").tap(place))
    dispatch.on_reading(Card("anna").tap(place))
    await until(place, lambda: place.board.counts.get(Show.ATTENTION) == 2)
    await dispatch.stop()


async def test_a_defect_is_told_to_the_daemon(place: Place) -> None:
    told: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    dispatch = Dispatch([Faulty(place, ZeroDivisionError())], place.services, told.set_result)
    await dispatch.start()
    dispatch.on_reading(Card("anna").tap(place))
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(await told, ZeroDivisionError)
    await dispatch.stop()


async def test_more_readings_than_can_wait_are_counted(place: Place) -> None:
    dispatch = Dispatch([desk(place)], place.services, never)
    await dispatch.start()
    card = Card("anna")
    for _ in range(WAITING + 3):
        dispatch.on_reading(card.tap(place))
    await until(place, lambda: place.board.counts.get(Show.ACCEPTED) == WAITING)
    await dispatch.stop()
    await place.settle()
    assert [(b["reason"], b["count"]) for b in place.bodies(EntryKind.FLOOD)] == [("busy", 3)]


async def test_a_stop_serves_to_the_end_who_is_being_served(place: Place) -> None:
    gate = Gate(GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1"), place.services)
    dispatch = Dispatch([gate], place.services, never)
    await dispatch.start()
    with SlowDisk(place):
        dispatch.on_reading(Card("anna").tap(place))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(dispatch.stop())
        await asyncio.wait([stopping], timeout=0.1)
    await stopping
    await place.settle()
    assert place.kinds() == [EntryKind.ADMISSION, EntryKind.OPENED]
    assert len(place.outputs.pulses) == 1


@pytest.mark.parametrize("health", [Health.LOST, Health.FAILED])
async def test_a_station_without_its_device_says_so_until_it_is_back(place: Place, health: Health) -> None:
    dispatch = Dispatch([desk(place)], place.services, never)
    await dispatch.start()
    dispatch.on_change(DeviceHealth("nfc-1", "nfc", health, advice="Plug it in"))
    gone = place.board.last("desk-1")
    assert gone is not None
    assert (gone.show, gone.reason, gone.advice) == (Show.ATTENTION, "device_missing", "Plug it in")
    dispatch.on_change(DeviceHealth("nfc-1", "nfc", Health.READY))
    back = place.board.last("desk-1")
    assert back is not None
    assert back.show is Show.IDLE
    await dispatch.stop()


async def test_a_receipt_that_stands_still_is_shown_until_it_goes_on(place: Place) -> None:
    dispatch = Dispatch([desk(place)], place.services, never)
    await dispatch.start()
    waits = DeviceHealth("nfc-1", "fiscal", Health.READY, code="waits_for_hand", advice="Put new paper in")
    dispatch.on_change(waits)
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.reason, shown.advice) == (Show.ATTENTION, "waits_for_hand", "Put new paper in")
    dispatch.on_change(DeviceHealth("nfc-1", "fiscal", Health.READY))
    on = place.board.last("desk-1")
    assert on is not None
    assert on.show is Show.IDLE
    await dispatch.stop()


async def test_a_stop_does_not_wait_for_a_passage(place: Place) -> None:
    gate = Gate(GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1", passage_input=0), place.services)
    dispatch = Dispatch([gate], place.services, never)
    await dispatch.start()
    dispatch.on_reading(Card("anna").tap(place))
    await until(place, lambda: place.board.counts.get(Show.OPEN) == 1)
    async with asyncio.timeout(2):
        await dispatch.stop()
    assert place.ledger.query("SELECT admission FROM grant_open") == [(1,)]


async def test_who_follows_looks_anew_when_a_device_has_changed(place: Place) -> None:
    dispatch = Dispatch([desk(place)], place.services, never)
    await dispatch.start()
    before = place.board.turn, place.board.last_number
    dispatch.on_change(DeviceHealth("fiscal-9", "fiscal", Health.READY, code="paper_out"))
    assert (place.board.turn > before[0], place.board.last_number) == (True, before[1])
    await dispatch.stop()
