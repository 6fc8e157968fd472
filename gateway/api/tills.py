"""What a POS asks of a till, under /v1/stations/{id}."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.callers import Caller
from gateway.api.guard import CALLER
from gateway.api.problems import HttpRefused
from gateway.api.views import Views
from gateway.model.errors import NotFound
from gateway.stations.refund_words import RefundRequest, VoidRequest
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, PosQuoteRequest

Read = Callable[[web.Request], Awaitable[bytes]]


class TillRoutes:
    """Handlers."""

    def __init__(self, views: Views, read: Read) -> None:
        self._views = views
        self._read = read

    def add_to(self, app: web.Application) -> None:
        router, station = app.router, "/v1/stations/{id}"
        router.add_get(f"{station}/balance", self.balance)
        router.add_get(f"{station}/day", self.day, allow_head=False)
        router.add_post(f"{station}/quotes", self.quote)
        router.add_delete(f"{station}/quotes/{{quote}}", self.withdraw)
        router.add_post(f"{station}/receipts", self.receipt)
        router.add_post(f"{station}/refunds", self.refund)
        router.add_post(f"{station}/voids", self.void)

    async def quote(self, request: web.Request) -> web.Response:
        till = self.till(request)
        # Without a key each request is a new quote.
        key = _key(request, required=False) or f"quote-{os.urandom(16).hex()}"
        return _json(await till.quote(body.decode(await self._read(request), PosQuoteRequest).settled(), key))

    async def withdraw(self, request: web.Request) -> web.Response:
        return _json(await self.till(request).withdraw(request.match_info["quote"]))

    async def balance(self, request: web.Request) -> web.Response:
        return _json(msgspec.json.encode(await self.till(request).balance()))

    async def receipt(self, request: web.Request) -> web.Response:
        till = self.till(request)
        key = _key(request)
        return _json(await till.commit(body.decode(await self._read(request), CommitRequest), key))

    async def refund(self, request: web.Request) -> web.Response:
        till = self.till(request)
        asked = body.decode(await self._read(request), RefundRequest)
        # A preview books nothing.
        return _json(await till.refund(asked, _key(request, required=not asked.preview)))

    async def void(self, request: web.Request) -> web.Response:
        till = self.till(request)
        key = _key(request)
        return _json(await till.void(body.decode(await self._read(request), VoidRequest), key))

    async def day(self, request: web.Request) -> web.Response:
        return _json(msgspec.json.encode(await self.till(request, reads=True).day(request.query.get("date", ""))))

    def till(self, request: web.Request, *, reads: bool = False) -> Till:
        """The till that is asked, by who may ask it for more than to read. Raises `NotFound`, `HttpRefused`."""
        if request[CALLER] is Caller.VIEWER and not reads:
            raise HttpRefused(
                HTTPStatus.FORBIDDEN,
                "this user may only read on the unix socket",
                "A POS calls over HTTP on 127.0.0.1",
                "not_allowed",
            )
        station = self._views.station(request.match_info["id"])
        if not isinstance(station, Till):
            raise NotFound(
                f"station {station.id} is a {station.kind}, not a till",
                "Use the id of a till: see /v1/stations",
                code="not_a_till",
            )
        return station


def _key(request: web.Request, *, required: bool = True) -> str:
    return body.idempotency_key(request.headers.getall("Idempotency-Key", []), required=required) or ""


def _json(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={hdrs.CONTENT_TYPE: "application/json"})
