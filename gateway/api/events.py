"""GET /v1/events: the board as server-sent events (HTML Living Standard, 9.2), resumable by Last-Event-ID.

Nothing is buffered for a client: it is served from the board, and one that does not read is dropped. Its browser
comes back by itself and catches up by number.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from gateway.api.answers import Hello
from gateway.api.parts import ApiParts
from gateway.api.problems import HttpRefused
from gateway.api.views import Views
from gateway.model.errors import InputRefused

STREAMS_MAX = 32
"""Open streams. Each costs a socket and some kB."""
LOOK_S = 5.0
"""How often a quiet stream looks whether the place's state has changed."""
HEARTBEAT_S = 15.0
SLOW_S = 5.0
"""A client that takes nothing for so long is dropped."""
BEHIND_MAX = 64 * 1024
"""Bytes that may wait in a client's socket before it is dropped."""
RETRY_MS = 2000
"""How soon a browser comes back."""
NUMBER_MAX = 2**53


class Events:
    """All open streams. `close` ends them at once."""

    def __init__(self, parts: ApiParts, views: Views) -> None:
        self._parts = parts
        self._views = views
        self._session = format(parts.started_ns, "x")
        self._open: dict[web.Request, asyncio.Timeout | None] = {}
        self._closing = False

    async def close(self, _app: web.Application | None = None) -> None:
        """End every stream; further ones end after their greeting."""
        self._closing = True
        self._wake(self._open)

    def _wake(self, requests: dict[web.Request, asyncio.Timeout | None] | list[web.Request]) -> None:
        now = asyncio.get_running_loop().time()
        for request in requests:
            if (waiting := self._open[request]) is not None and not waiting.expired():
                waiting.reschedule(now)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        station = request.query.get("station")
        if station is not None:
            self._views.station(station)
        after = self._start(request)
        self._make_room()
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream"})
        self._open[request] = None
        try:
            await response.prepare(request)
            await self._run(request, response, station, after)
        except (TimeoutError, ConnectionError):
            # Dropped or gone. Nothing more can be said to it.
            if request.transport is not None:
                request.transport.abort()
        finally:
            del self._open[request]
        return response

    def _start(self, request: web.Request) -> int:
        """After which number to begin. A browser that comes back says its last one; else `after`; else now."""
        board = self._parts.board
        given = request.headers.get("Last-Event-ID") or request.query.get("after")
        if given is None:
            return board.last_number
        if not given.isascii() or not given.isdigit() or int(given[:20]) > NUMBER_MAX:
            raise InputRefused(
                f"{given[:32]!r} is not an event's number", "Give the id of an event of this stream", code="bad_request"
            )
        # Ahead of us: a number of before a restart. Everything since is news.
        return int(given) if int(given) <= board.last_number else 0

    def _make_room(self) -> None:
        gone = [request for request in self._open if request.transport is None]
        self._wake(gone)
        if len(self._open) - len(gone) >= STREAMS_MAX:
            raise HttpRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{STREAMS_MAX} event streams are open already",
                "Close pages that are not needed; one stream can follow all stations",
                "too_many_streams",
            )

    async def _run(self, request: web.Request, response: web.StreamResponse, station: str | None, after: int) -> None:
        board, loop = self._parts.board, asyncio.get_running_loop()
        kept = board.after(after)
        missed = kept[0].number - after - 1 if kept else 0
        hello = Hello(session=self._session, number=board.last_number, missed=missed)
        place = self._views.place(station)
        greeting = b"retry: %d\n" % RETRY_MS + _event(b"hello", hello) + _event(b"place", place)
        await self._send(request, response, greeting)
        beat_at = loop.time() + HEARTBEAT_S
        while not self._closing and request.transport is not None:
            number = board.last_number
            parts = [b"id: %d\n" % shown.number + _event(b"shown", shown) for shown in board.after(after, station)]
            after = number
            before, place = place, self._views.place(station)
            if place != before:
                parts.append(_event(b"place", place))
            if not parts and loop.time() >= beat_at:
                parts.append(b": alive\n\n")
            if parts:
                beat_at = loop.time() + HEARTBEAT_S
                await self._send(request, response, b"".join(parts))
            await self._news(request, after)

    async def _news(self, request: web.Request, after: int) -> None:
        """Until there is news, or it is time to look around."""
        try:
            async with asyncio.timeout(LOOK_S) as waiting:
                self._open[request] = waiting
                await self._parts.board.wait(after)
        except TimeoutError:
            pass
        finally:
            self._open[request] = None

    async def _send(self, request: web.Request, response: web.StreamResponse, data: bytes) -> None:
        transport = request.transport
        if transport is None or transport.get_write_buffer_size() > BEHIND_MAX:
            raise ConnectionResetError("the client does not keep up")
        async with asyncio.timeout(SLOW_S):
            await response.write(data)


def _event(name: bytes, data: msgspec.Struct) -> bytes:
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
