"""Cards at a desk, for its staff: what is presented now, and what staff confirm. Needs the desk's staff token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.views import Views
from gateway.model.errors import NotFound
from gateway.stations.desk import Desk
from gateway.stations.desk_words import CardRequest
from gateway.stations.registering import Registering

Read = Callable[[web.Request], Awaitable[bytes]]
BEARER = "bearer "
"""RFC 6750, section 2.1."""


class CardRoutes:
    """Handlers of /v1/stations/{id}/cards."""

    def __init__(self, views: Views, read: Read) -> None:
        self._views = views
        self._read = read

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/stations/{id}/cards", self.cards)
        app.router.add_post("/v1/stations/{id}/cards", self.request)

    async def cards(self, request: web.Request) -> web.Response:
        return _json(msgspec.json.encode(self._desk(request).cards()))

    async def request(self, request: web.Request) -> web.Response:
        desk = self._desk(request)
        key = body.idempotency_key(request.headers.getall("Idempotency-Key", []), required=True)
        asked = body.decode(await self._read(request), CardRequest)
        return _json(await desk.request(asked, key or ""))

    def _desk(self, request: web.Request) -> Registering:
        """The desk, for its own staff only."""
        station = self._views.station(request.match_info["id"])
        if not isinstance(station, Desk):
            what = f"station {station.id} is a {station.kind}, not a desk"
            raise NotFound(what, "Use the id of a desk: see /v1/stations", code="not_a_desk")
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        token = given[len(BEARER) :].strip() if given[: len(BEARER)].lower() == BEARER else ""
        station.registering.check_staff(token)
        return station.registering


def _json(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={hdrs.CONTENT_TYPE: "application/json"})
