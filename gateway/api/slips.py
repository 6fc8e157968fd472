"""Slips on demand, at a desk or a till: `POST /v1/stations/{id}/slips`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.callers import Caller
from gateway.api.guard import CALLER
from gateway.api.problems import HttpRefused
from gateway.api.views import Views
from gateway.model.errors import NotFound
from gateway.stations.desk import Desk
from gateway.stations.slip_words import SlipRequest
from gateway.stations.till import Till

Read = Callable[[web.Request], Awaitable[bytes]]


class SlipRoutes:
    """Handlers of /v1/stations/{id}/slips."""

    def __init__(self, views: Views, read: Read) -> None:
        self._views = views
        self._read = read

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/stations/{id}/slips", self.slip)

    async def slip(self, request: web.Request) -> web.Response:
        station = self._station(request)
        key = body.idempotency_key(request.headers.getall("Idempotency-Key", []), required=True)
        asked = body.decode(await self._read(request), SlipRequest)
        answer = await station.slip(asked, key or "")
        return web.Response(body=answer, headers={hdrs.CONTENT_TYPE: "application/json"})

    def _station(self, request: web.Request) -> Desk | Till:
        if request[CALLER] is Caller.VIEWER:
            what = "this user may only read on the unix socket"
            raise HttpRefused(HTTPStatus.FORBIDDEN, what, "A POS calls over HTTP on 127.0.0.1", "not_allowed")
        station = self._views.station(request.match_info["id"])
        if not isinstance(station, Desk | Till):
            what = f"station {station.id} is a {station.kind}, which prints no slips"
            raise NotFound(what, "Use the id of a desk or a till: see /v1/stations", code="prints_no_slips")
        return station
