"""What can be read, and what is kept from callers that nobody has identified."""

from __future__ import annotations

from typing import TypeVar

import aiohttp
import msgspec

from gateway.api.answers import ChainName, Devices, HealthAnswer, Level, Overall, Stations, StationView, Status
from gateway.model.device import DeviceHealth, Health
from gateway.model.shown import Show
from tests.api.conftest import Place

T = TypeVar("T")


async def get(session: aiohttp.ClientSession, path: str, kind: type[T]) -> T:
    async with session.get(path) as answer:
        assert answer.status == 200
        return msgspec.json.decode(await answer.read(), type=kind)


async def test_health_over_tcp_is_one_word(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/health") as answer:
        assert await answer.json() == {"status": "ok"}


async def test_health_on_the_unix_socket_has_its_reasons(place: Place, unix: aiohttp.ClientSession) -> None:
    place.sync = msgspec.structs.replace(place.sync, connected=False, problem="connection refused")
    health = await get(unix, "/v1/health", HealthAnswer)
    assert health.status is Overall.DEGRADED
    assert isinstance(health.chains, tuple)
    (bad,) = (chain for chain in health.chains if chain.level is not Level.OK)
    assert (bad.chain, bad.level, bad.code) == (ChainName.RECORD, Level.WARN, "offline")
    assert "connection refused" in bad.cause


async def test_a_connected_place_that_cannot_send_everything_says_so(place: Place, unix: aiohttp.ClientSession) -> None:
    place.sync = msgspec.structs.replace(place.sync, problem="too large for the broker: receipt 3")
    health = await get(unix, "/v1/health", HealthAnswer)
    assert isinstance(health.chains, tuple)
    (bad,) = (chain for chain in health.chains if chain.level is not Level.OK)
    assert (bad.chain, bad.level, bad.code) == (ChainName.RECORD, Level.WARN, "sync")
    assert "receipt 3" in bad.cause


async def test_over_tcp_nothing_names_the_box(http: aiohttp.ClientSession) -> None:
    secrets = (b"9.8.7", b"jelgava", b"shop-1", b"SN-123", b"4711")
    for path in (
        "/v1/health",
        "/v1/status",
        "/v1/devices",
        "/v1/stations",
        "/v1/stations/till-1",
        "/openapi.json",
        "/",
    ):
        async with http.get(path) as answer:
            found = await answer.read()
            assert not [secret for secret in secrets if secret in found], path
            assert "aiohttp" not in str(answer.headers)


async def test_the_unix_socket_tells_everything(unix: aiohttp.ClientSession) -> None:
    status = await get(unix, "/v1/status", Status)
    assert isinstance(status.gateway, msgspec.Struct)
    assert (status.gateway.id, status.gateway.version) == ("gw-test", "9.8.7")
    assert status.devices[0].detail["serial"] == "SN-123"
    assert set(status.ledger.last) == {"receipt", "identification", "audit", "document", "telemetry"}
    assert [station.id for station in status.stations] == ["desk-1", "gate-1", "till-1"]


async def test_uptime_counts_from_the_start(place: Place, http: aiohttp.ClientSession) -> None:
    place.clock.advance(61)
    assert (await get(http, "/v1/status", Status)).uptime_s == 61


async def test_a_lost_device_fails_the_reading_chain_with_its_advice(place: Place, http: aiohttp.ClientSession) -> None:
    place.devices[0] = DeviceHealth("reader-1", "nfc", Health.LOST, "no_answer", "no answer", "Check the cable")
    status = await get(http, "/v1/status", Status)
    assert status.status is Overall.DEGRADED
    read = status.chains[0]
    assert (read.chain, read.level, read.advice) == (ChainName.READ, Level.FAIL, "Check the cable")
    assert not (await get(http, "/v1/stations/till-1", StationView)).ready


async def test_a_place_that_never_met_its_centre_says_so(place: Place, http: aiohttp.ClientSession) -> None:
    place.sync = msgspec.structs.replace(place.sync, bundles={})
    status = await get(http, "/v1/status", Status)
    assert [chain.code for chain in status.chains] == ["ok", "no_registry", "no_rules", "ok"]


async def test_a_ledger_that_cannot_write_fails_the_last_chain(place: Place, http: aiohttp.ClientSession) -> None:
    place.ledger_problem = "disk full"
    assert (await get(http, "/v1/status", Status)).chains[3].level is Level.FAIL


async def test_a_chain_says_when_it_last_worked(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap("desk-1")
    place.clock.advance(5)
    status = await get(http, "/v1/status", Status)
    assert status.chains[1].last_ms == status.now_ms - 5000
    assert status.chains[2].last_ms is None


async def test_a_station_says_what_it_shows_and_since_when(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap("desk-1")
    place.clock.advance(2)
    view = await get(http, "/v1/stations/desk-1", StationView)
    assert isinstance(view.shown, msgspec.Struct)
    assert (view.shown.show, view.shown.language, view.age_ms) == (Show.ACCEPTED, "ru", 2000)
    assert view.languages == ("lv", "en")
    assert view.number == place.board.last_number


async def test_all_stations_and_devices_are_listed(http: aiohttp.ClientSession) -> None:
    assert [s.kind for s in (await get(http, "/v1/stations", Stations)).stations] == ["desk", "gate", "till"]
    assert [d.device for d in (await get(http, "/v1/devices", Devices)).devices] == ["reader-1", "relay-1"]
