"""GET /v1/events: the board as server-sent events (HTML Living Standard, 9.2), resumable by Last-Event-ID.

Nothing is buffered for a client: it is served from the board, and one that does not read is dropped. Its browser
comes back by itself and catches up by number.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from gateway.api.answers import Hello
from gateway.api.parts import ApiParts
from gateway.api.problems import HttpRefused
from gateway.api.views import Views
from gateway.model.errors import InputRefused
from gateway.stations.board import Board

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
DIGITS_MAX = 15

_LINGER_NOT = struct.pack("ii", 1, 0)


class _Stream:
    """One client: its connection, and what it waits on."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._waiting: asyncio.Timeout | None = None

    @property
    def gone(self) -> bool:
        return self._request.transport is None

    def wake(self) -> None:
        """End its wait now."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def bound(self) -> None:
        """Keep the kernel from buffering megabytes for a client that does not read."""
        sock = self._request.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BEHIND_MAX)

    def drop(self) -> None:
        """Reset the connection, what waits in the kernel included (socket(7), SO_LINGER of 0)."""
        sock, transport = self._request.get_extra_info("socket"), self._request.transport
        if sock is not None and transport is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
            transport.abort()

    async def news(self, board: Board, turn: int) -> None:
        """Until something has happened after this turn, or it is time to look around."""
        try:
            async with asyncio.timeout(LOOK_S) as self._waiting:
                await board.wait(turn)
        except TimeoutError:
            pass
        finally:
            self._waiting = None

    async def send(self, data: bytes) -> None:
        """Raises `ConnectionError` or `TimeoutError` when the client is gone or does not keep up."""
        transport = self._request.transport
        if transport is None or transport.get_write_buffer_size() > BEHIND_MAX:
            raise ConnectionResetError("the client does not keep up")
        async with asyncio.timeout(SLOW_S):
            await self._response.write(data)


class Events:
    """All open streams. `close` ends them at once."""

    def __init__(self, parts: ApiParts, views: Views) -> None:
        self._parts = parts
        self._views = views
        self._session = format(parts.started_ns, "x")
        self._streams: set[_Stream] = set()
        self._closing = False

    async def close(self, _app: web.Application | None = None) -> None:
        """End every stream; further ones end after their greeting."""
        self._closing = True
        for stream in self._streams:
            stream.wake()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        station = request.query.get("station")
        if station is not None:
            self._views.station(station)
        after = self._start(request)
        self._make_room()
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream"})
        stream = _Stream(request, response)
        self._streams.add(stream)
        try:
            stream.bound()
            await response.prepare(request)
            await self._run(stream, station, after)
        except (TimeoutError, ConnectionError):
            # Gone or too slow: nothing more can be said to it.
            stream.drop()
        finally:
            self._streams.discard(stream)
        return response

    def _start(self, request: web.Request) -> int:
        """After which number to begin. A browser that comes back says its last one; else `after`; else now."""
        board = self._parts.board
        given = request.headers.get("Last-Event-ID") or request.query.get("after")
        if given is None:
            return board.last_number
        if not given.isascii() or not given.isdigit() or len(given) > DIGITS_MAX:
            raise InputRefused(
                f"{given[:32]!r} is not an event's number", "Give the id of an event of this stream", code="bad_request"
            )
        # Ahead of us: a number of before a restart. Everything since is news.
        return int(given) if int(given) <= board.last_number else 0

    def _make_room(self) -> None:
        gone = [stream for stream in self._streams if stream.gone]
        for stream in gone:
            stream.wake()
        if len(self._streams) - len(gone) >= STREAMS_MAX:
            raise HttpRefused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{STREAMS_MAX} event streams are open already",
                "Close pages that are not needed; one stream can follow all stations",
                "too_many_streams",
            )

    async def _run(self, stream: _Stream, station: str | None, after: int) -> None:
        board, loop = self._parts.board, asyncio.get_running_loop()
        kept = board.after(after)
        missed = kept[0].number - after - 1 if kept else 0
        place = self._views.place(station)
        now_ms = self._parts.clock.wall_ms()
        hello = Hello(session=self._session, number=board.last_number, now_ms=now_ms, missed=missed)
        await stream.send(b"retry: %d\n" % RETRY_MS + _event(b"hello", hello) + _event(b"place", place))
        beat_at = loop.time() + HEARTBEAT_S
        while not self._closing and not stream.gone:
            turn, number = board.turn, board.last_number
            told = [b"id: %d\n" % shown.number + _event(b"shown", shown) for shown in board.after(after, station)]
            after = number
            before, place = place, self._views.place(station)
            if place != before:
                told.append(_event(b"place", place))
            if not told and loop.time() >= beat_at:
                told.append(b": alive\n\n")
            if told:
                beat_at = loop.time() + HEARTBEAT_S
                await stream.send(b"".join(told))
            await stream.news(board, turn)


def _event(name: bytes, data: msgspec.Struct) -> bytes:
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
