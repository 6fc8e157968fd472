"""Who is inside: seen by everybody, set by a technician only, on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from gateway.api.answers import StationView
from gateway.config.types import GateStation
from gateway.model.entry import Stream
from gateway.model.gate_bodies import InsideWhy
from gateway.stations.gate import Gate
from gateway.stations.inside import InsideCount
from tests.api.conftest import Place

SET = "/v1/areas/place/inside"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    await made.start()
    gate = GateStation(id="gate-2", readers=("reader-1",), relay="relay-1", passage_input=0, exit_input=1, capacity=50)
    made.stations["gate-2"] = Gate(gate, made.services)
    yield made
    await made.stop()


async def seen(session: aiohttp.ClientSession, station: str) -> StationView:
    async with session.get(f"/v1/stations/{station}") as answer:
        return msgspec.json.decode(await answer.read(), type=StationView)


async def test_a_technician_sets_it_and_everybody_sees_it(
    place: Place, unix: aiohttp.ClientSession, http: aiohttp.ClientSession
) -> None:
    async with unix.post(SET, json={"persons": 12}) as answer:
        assert await answer.json() == {"area": "place", "persons": 12, "before": 0}
    assert (await seen(http, "gate-2")).inside == InsideCount("place", 12, 50)
    (entry,) = place.ledger.read(Stream.AUDIT, 0, 10)
    assert msgspec.json.decode(entry.body or b"")["why"] == InsideWhy.STAFF


async def test_a_gate_without_sensors_says_nothing_of_it(place: Place, http: aiohttp.ClientSession) -> None:
    assert (await seen(http, "gate-1")).inside is msgspec.UNSET


async def test_nobody_else_sets_it(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.post(SET, json={"persons": 0}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")
    assert place.ledger.last(Stream.AUDIT) == 0


@pytest.mark.parametrize("body", [{"persons": -1}, {"persons": "many"}, {"people": 3}, [], {"persons": 10**12}])
async def test_what_is_no_number_of_persons_is_refused(place: Place, unix: aiohttp.ClientSession, body: object) -> None:
    async with unix.post(SET, json=body) as answer:
        assert answer.status == 422
    assert place.ledger.last(Stream.AUDIT) == 0


async def test_an_area_that_no_gate_has_is_not_found(place: Place, unix: aiohttp.ClientSession) -> None:
    async with unix.post("/v1/areas/tower/inside", json={"persons": 1}) as answer:
        told = await answer.json()
    assert (answer.status, told["code"]) == (404, "no_such_area")
    assert "place" in told["advice"]
