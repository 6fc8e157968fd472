"""The unix socket: its mode, its owner's rights, and what happens to a stale one."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from gateway.api.callers import peer_uid
from gateway.model.entry import Stream
from gateway.model.errors import ConfigurationError, Conflict
from tests.api.conftest import Place, receipt

RESTART = "/v1/devices/reader-1/restart"


async def test_only_its_owner_can_open_it(place: Place) -> None:
    assert stat.S_IMODE(place.socket_path.stat().st_mode) == 0o600


async def test_the_kernel_says_who_calls() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_uid(one) == os.getuid()


async def test_a_technician_restarts_a_device(place: Place, unix: aiohttp.ClientSession) -> None:
    async with unix.post(RESTART) as answer:
        assert (answer.status, await answer.json()) == (200, {"device": "reader-1"})
    assert place.killed == ["reader-1"]


async def test_a_device_that_does_not_exist_cannot_be_restarted(place: Place, unix: aiohttp.ClientSession) -> None:
    async with unix.post("/v1/devices/nothing/restart") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "no_such_device")
    assert place.killed == []


async def test_nobody_restarts_a_device_over_tcp(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.post(RESTART) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")
    assert place.killed == []


FORGET = "/v1/ledger/forget"


async def test_a_technician_has_somebody_forgotten(place: Place, unix: aiohttp.ClientSession) -> None:
    await place.tap()
    (entry,) = place.ledger.read(Stream.IDENTIFICATION, 0, 9)
    holder = json.loads(entry.body or b"")["identification"]["holder"]
    async with unix.post(FORGET, json={"holder": holder}) as answer:
        assert answer.status == 200
        assert (await answer.json())["entries"] == {"ledger.db": 1}
    (entry,) = place.ledger.read(Stream.IDENTIFICATION, 0, 9)
    assert (entry.body, entry.salt) == (None, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [({"holder": "' OR 1=1"}, "bad_holder"), ({}, "bad_request"), ({"holder": "h-1", "more": 1}, "bad_request")],
)
async def test_what_is_no_holder_is_refused(unix: aiohttp.ClientSession, body: dict[str, object], code: str) -> None:
    async with unix.post(FORGET, json=body) as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, code)


async def test_nobody_is_forgotten_over_tcp(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap()
    async with http.post(FORGET, json={"holder": "h-1"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")


async def test_another_user_may_only_read(tmp_path: Path) -> None:
    place = Place(tmp_path)
    await place.start(technicians=frozenset())
    connector = aiohttp.UnixConnector(str(place.socket_path))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as viewer:
        async with viewer.get("/v1/status") as answer:
            assert answer.status == 200
        for path in (RESTART, FORGET, "/v1/stations/till-1/quotes"):
            async with viewer.post(path, json=receipt()) as answer:
                assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")
    await place.stop()


async def test_a_technician_may_commit_receipts(unix: aiohttp.ClientSession) -> None:
    async with unix.post("/v1/stations/till-1/quotes", json=receipt()) as answer:
        assert answer.status == 200


async def test_a_foreign_page_is_foreign_behind_a_proxy_too(unix: aiohttp.ClientSession) -> None:
    async with unix.post(RESTART, headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403


async def test_a_stop_removes_it(place: Place) -> None:
    assert place.api is not None
    await place.api.stop()
    assert not place.socket_path.exists()


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(place.socket_path))
    await place.start()
    await place.stop()


async def test_a_second_gateway_does_not_take_the_socket_of_the_first(place: Place, tmp_path: Path) -> None:
    second = Place(tmp_path / "second")
    (tmp_path / "second").mkdir()
    second.socket_path = place.socket_path
    with pytest.raises(Conflict) as refused:
        await second.start()
    assert refused.value.code == "already_running"
    await second.stop()
    connector = aiohttp.UnixConnector(str(place.socket_path))
    async with (
        aiohttp.ClientSession("http://localhost", connector=connector) as unix,
        unix.get("/v1/health") as answer,
    ):
        assert answer.status == 200


async def test_a_file_in_its_place_is_left_alone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.socket_path.write_text("precious")
    with pytest.raises(ConfigurationError):
        await place.start()
    await place.stop()
    assert place.socket_path.read_text() == "precious"


async def test_a_port_that_is_taken_is_said_so(place: Place, tmp_path: Path) -> None:
    assert place.api is not None
    (tmp_path / "second").mkdir()
    second = Place(tmp_path / "second")
    with pytest.raises(ConfigurationError) as refused:
        await second.start(port=place.api.port)
    assert refused.value.code == "port_taken"
    assert not second.socket_path.exists()
    await second.stop()
