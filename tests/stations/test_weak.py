"""What can be copied is taken where the station's configuration says so."""

from __future__ import annotations

import pytest

from gateway.config.types import DeskStation, GateStation, TillStation
from gateway.model.entry import EntryKind, Stream
from gateway.model.identification import CredentialKind, Refusal, Strength
from gateway.model.reading import CodeReading, Presented, UnusableReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.services import Services, Station
from gateway.stations.till import Till
from gateway.stations.weak import COPYABLE
from tests.support.place import BARCODE, Card, Place


def stations(place: Place, weak: tuple[str, ...] | None) -> list[Station]:
    parts = (place.ledger, place.services.identity, place.benefits, place.outputs, place.board, place.clock)
    named = {} if weak is None else dict.fromkeys(("desk-1", "gate-1", "till-1"), weak)
    services = Services(*parts, weak=named)
    return [
        Desk(DeskStation(id="desk-1", readers=("nfc-1",)), services),
        Gate(GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1"), services),
        Till(TillStation(id="till-1", readers=("nfc-1",)), services),
    ]


def barcode(place: Place, data: bytes = BARCODE) -> CodeReading:
    return CodeReading("nfc-1", place.clock.mono_ns(), "Code39", data)


def shown(place: Place, station: Station) -> tuple[Show, str]:
    last = place.board.last(station.id)
    assert last is not None
    return last.show, last.reason


@pytest.mark.parametrize("weak", [None, ("card", "barcode"), ("barcode",)])
async def test_a_barcode_is_taken_where_it_is_named(place: Place, weak: tuple[str, ...] | None) -> None:
    for station in stations(place, weak):
        await station.on_reading(barcode(place))
        assert shown(place, station)[0] in (Show.ACCEPTED, Show.OPEN)


@pytest.mark.parametrize("weak", [(), ("card",)])
async def test_a_barcode_is_refused_where_it_is_not_and_recorded(place: Place, weak: tuple[str, ...]) -> None:
    for station in stations(place, weak):
        await station.on_reading(barcode(place))
        assert shown(place, station) == (Show.REFUSED, "too_weak")
    assert place.outputs.pulses == []
    assert place.kinds() == [EntryKind.REFUSAL] * 3
    for body in place.bodies(EntryKind.REFUSAL):
        assert body["identification"]["refusal"] == "too_weak"
        assert body["identification"]["credential"]["strength"] == "weak"
        assert "holder" not in body["identification"]


@pytest.mark.parametrize("reading", ["card", "pass"])
async def test_a_genuine_credential_is_taken_everywhere(place: Place, reading: str) -> None:
    anna = Card("anna")
    for station in stations(place, ()):
        tapped: Presented = anna.tap(place) if reading == "card" else place.pass_reading("nfc-1")
        await station.on_reading(tapped)
        assert shown(place, station)[0] in (Show.ACCEPTED, Show.OPEN)


async def test_what_is_refused_anyway_keeps_its_reason(place: Place) -> None:
    desk = stations(place, ())[0]
    await desk.on_reading(barcode(place, b"NOBODY-1"))
    assert shown(place, desk) == (Show.REFUSED, "unknown")


def test_every_kind_but_the_proved_ones_can_be_copied() -> None:
    proved = {CredentialKind.SUN_CARD, CredentialKind.DESFIRE_CARD, CredentialKind.PASS}
    assert set(CredentialKind) - proved >= set(COPYABLE)
    assert set(COPYABLE) == set(CredentialKind) - proved
    assert len(Strength) == 2


@pytest.mark.parametrize("why", [Refusal.BANK_CARD, Refusal.EID, Refusal.SEVERAL_CARDS])
async def test_what_is_no_credential_is_refused_at_every_station_and_recorded_without_one(
    place: Place, why: Refusal
) -> None:
    for station in stations(place, None):
        await station.on_reading(UnusableReading("nfc-1", place.clock.mono_ns(), why))
        assert shown(place, station) == (Show.REFUSED, str(why))
    assert place.outputs.pulses == []
    bodies = place.bodies(EntryKind.REFUSAL)
    assert [body["identification"] for body in bodies] == [{"refusal": str(why)}] * 3
    assert place.on_disk(Stream.IDENTIFICATION) == 3


async def test_two_cards_at_a_till_drop_the_tap_that_waits(place: Place) -> None:
    """The first of them may have been read alone: nobody knows which one the customer meant."""
    till = stations(place, None)[2]
    assert isinstance(till, Till)
    await till.on_reading(Card("anna").tap(place))
    assert (await till.balance()).identified
    await till.on_reading(UnusableReading("nfc-1", place.clock.mono_ns(), Refusal.SEVERAL_CARDS))
    assert not (await till.balance()).identified


async def test_a_bank_card_at_a_till_leaves_the_tap_that_waits(place: Place) -> None:
    """Whoever has shown the city card pays with the other one."""
    till = stations(place, None)[2]
    assert isinstance(till, Till)
    await till.on_reading(Card("anna").tap(place))
    await till.on_reading(UnusableReading("nfc-1", place.clock.mono_ns(), Refusal.BANK_CARD))
    assert (await till.balance()).identified
