"""Server-sent events: order, resume, filters, limits, and a stop that does not wait for readers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.api import events
from gateway.model.shown import Show
from tests.api.conftest import Place, within


class Event(msgspec.Struct, frozen=True):
    """One event as a browser would see it."""

    name: str
    id: str
    data: Any


async def read(answer: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """The events of a stream (HTML Living Standard, 9.2.6)."""
    name, number, data = "message", "", ""
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        field, _, text = line.partition(": ")
        match field:
            case "event":
                name = text
            case "id":
                number = text
            case "data":
                data = text
            case "" if data:
                yield Event(name, number, msgspec.json.decode(data))
                name, number, data = "message", "", ""


async def take(answer: aiohttp.ClientResponse, count: int) -> list[Event]:
    """The next events, the greeting included."""
    found: list[Event] = []
    async with asyncio.timeout(10):
        async for event in read(answer):
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_a_stream_greets_and_then_tells_what_is_new(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        hello, badge = await take(answer, 2)
        assert (hello.name, hello.data["number"]) == ("hello", place.board.last_number)
        assert badge.data == {"online": True, "ready": True}
        await place.tap("desk-1")
        (shown,) = await take(answer, 1)
    assert (shown.name, shown.id) == ("shown", str(place.board.last_number))
    assert (shown.data["show"], shown.data["station"]) == ("accepted", "desk-1")


async def test_no_event_tells_who_it_was(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap("desk-1")
    async with http.get("/v1/events?after=0") as answer:
        told = str(await take(answer, 6))
    assert "accepted" in told
    for secret in ("2900001234567", "h-77", "pupil"):
        assert secret not in told


async def test_a_client_that_comes_back_misses_nothing(place: Place, http: aiohttp.ClientSession) -> None:
    for _ in range(5):
        place.board.tell("till-1", Show.QUOTE)
    last = place.board.last_number
    async with http.get("/v1/events?after=1", headers={"Last-Event-ID": str(last - 3)}) as answer:
        found = await take(answer, 5)
    assert [event.id for event in found[2:]] == [str(last - 2), str(last - 1), str(last)]


async def test_one_station_can_be_followed_alone(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/events?station=gate-1") as answer:
        await take(answer, 2)
        place.board.tell("till-1", Show.QUOTE)
        place.board.tell("gate-1", Show.OPEN)
        (shown,) = await take(answer, 1)
    assert shown.data["show"] == "open"


async def test_a_number_of_before_a_restart_begins_anew(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/events", headers={"Last-Event-ID": "99999"}) as answer:
        found = await take(answer, 5)
    assert [event.id for event in found[2:]] == ["1", "2", "3"]


async def test_what_is_kept_no_longer_is_counted(place: Place, http: aiohttp.ClientSession) -> None:
    for _ in range(600):
        place.board.tell("till-1", Show.QUOTE)
    async with http.get("/v1/events?after=1") as answer:
        hello, _ = await take(answer, 2)
    assert hello.data["missed"] == place.board.last_number - 512 - 1


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, "²"])
async def test_a_number_that_is_none_is_refused(http: aiohttp.ClientSession, after: str) -> None:
    async with http.get("/v1/events", params={"after": after}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, "bad_request")


async def test_a_station_that_does_not_exist_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/events?station=nowhere") as answer:
        assert answer.status == 404


async def test_the_badge_follows_the_connection(
    place: Place, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.02)
    async with http.get("/v1/events?station=till-1") as answer:
        await take(answer, 2)
        place.sync = msgspec.structs.replace(place.sync, connected=False)
        (badge,) = await take(answer, 1)
    assert (badge.name, badge.data["online"]) == ("place", False)


async def test_a_quiet_stream_shows_that_it_lives(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.02)
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    async with asyncio.timeout(10), http.get("/v1/events") as answer:
        async for line in answer.content:
            if line == b": alive\n":
                break


async def test_streams_are_limited_and_a_closed_one_makes_room(http: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(http.get("/v1/events")) for _ in range(events.STREAMS_MAX)]
        async with http.get("/v1/events") as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "too_many_streams")
            assert answer.headers["Retry-After"] == "5"
        streams[0].close()
        async with asyncio.timeout(5):
            while True:
                async with http.get("/v1/events") as answer:
                    if answer.status == 200:
                        break


async def test_a_client_that_does_not_read_is_dropped(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SLOW_S", 0.2)
    assert place.api is not None
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", place.api.port))
        host = f"127.0.0.1:{place.api.port}"
        await loop.sock_sendall(slow, f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        # Its end of the socket is never read; what is told must neither block the till nor pile up.
        async with asyncio.timeout(20):
            while True:
                for _ in range(100):
                    place.board.tell("till-1", Show.ATTENTION, advice="x" * 500)
                await asyncio.sleep(0.01)
                if _peer_is_gone(slow):
                    break


def _peer_is_gone(sock: socket.socket) -> bool:
    """Whether the other end has reset the connection, without reading what it sent before (tcp(7), TCP_INFO)."""
    closed = 7
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == closed


async def test_a_stop_with_open_streams_is_fast(place: Place, http: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(8):
            answer = await stack.enter_async_context(http.get("/v1/events"))
            await take(answer, 2)
        assert place.api is not None
        began = time.monotonic()
        await place.api.stop()
        assert time.monotonic() - began < 0.5


async def test_a_stream_ends_when_its_reader_goes(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.02)
    before = len(asyncio.all_tasks())
    async with http.get("/v1/events") as answer:
        await take(answer, 2)
    await within(5, lambda: len(asyncio.all_tasks()) <= before)
