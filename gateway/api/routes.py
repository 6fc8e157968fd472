"""The addresses under /v1, each a few lines: take the request apart, ask the part that knows, answer."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.answers import Erased, ForgetRequest, Restarted
from gateway.api.areas import AreaRoutes
from gateway.api.bundles import BundleRoutes
from gateway.api.cards import CardRoutes
from gateway.api.events import Events
from gateway.api.fiscal import FiscalRoutes
from gateway.api.guard import CALLER, require_technician
from gateway.api.handovers import HandOverRoutes
from gateway.api.parts import ApiParts
from gateway.api.problems import HttpRefused
from gateway.api.slips import SlipRoutes
from gateway.api.tills import TillRoutes
from gateway.api.views import Views
from gateway.model.errors import NotFound

BODY_S = 10.0
"""A body that takes longer to arrive is given up: a local program has it ready."""


class Routes:
    """Handlers of the API."""

    def __init__(self, parts: ApiParts, views: Views, events: Events) -> None:
        self._parts = parts
        self._views = views
        self._events = events

    def add_to(self, app: web.Application) -> None:
        """Register every address. tests/api hold this list against /openapi.json."""
        router = app.router
        router.add_get("/v1/health", self.health)
        router.add_get("/v1/status", self.status)
        router.add_get("/v1/devices", self.devices)
        router.add_post("/v1/devices/{id}/restart", self.restart)
        router.add_get("/v1/stations", self.stations)
        router.add_get("/v1/stations/{id}", self.station)
        router.add_post("/v1/ledger/forget", self.forget)
        router.add_get("/v1/events", self._events.handle, allow_head=False)
        router.add_get("/openapi.json", self.openapi)
        BundleRoutes(self._parts.bundles, _read).add_to(app)
        HandOverRoutes(self._parts, _read).add_to(app)
        AreaRoutes(self._parts, _read).add_to(app)
        CardRoutes(self._views, _read).add_to(app)
        SlipRoutes(self._views, _read).add_to(app)
        tills = TillRoutes(self._views, _read)
        tills.add_to(app)
        FiscalRoutes(self._parts, _read, tills.till).add_to(app)

    # Reading ---------------------------------------------------------------------------------------------

    async def health(self, request: web.Request) -> web.Response:
        return _json(self._views.health(full=_full(request)))

    async def status(self, request: web.Request) -> web.Response:
        return _json(self._views.status(full=_full(request)))

    async def devices(self, request: web.Request) -> web.Response:
        return _json(self._views.devices(full=_full(request)))

    async def stations(self, _request: web.Request) -> web.Response:
        return _json(self._views.stations())

    async def station(self, request: web.Request) -> web.Response:
        return _json(self._views.station_view(request.match_info["id"]))

    async def openapi(self, _request: web.Request) -> web.Response:
        # Some 20 ms and never asked for by a till in service: not worth memory from the start.
        from gateway.api.openapi import document

        return _answer(document())

    # Doing -----------------------------------------------------------------------------------------------

    async def restart(self, request: web.Request) -> web.Response:
        """A technician has a driver killed; it heals by itself."""
        require_technician(request, "restart a device", "devices restart")
        device = request.match_info["id"]
        if all(known.device != device for known in self._parts.device_health()):
            raise NotFound(f"no device {device[:32]!r}", "See `smartplace devices list`", code="no_such_device")
        self._parts.kill_device(device)
        return _json(Restarted(device=device))

    async def forget(self, request: web.Request) -> web.Response:
        """A holder has asked to be forgotten, and a technician does it."""
        require_technician(request, "have somebody forgotten", "ledger forget")
        asked = body.decode(await _read(request), ForgetRequest)
        done = await self._parts.forget(asked.holder)
        return _json(Erased(entries=done.entries, rows=done.rows, copies=done.copies, beyond_reach=done.beyond_reach))


def _full(request: web.Request) -> bool:
    """Names, versions and serial numbers stay off TCP: nobody there has shown who they are."""
    return request[CALLER].on_unix_socket


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise HttpRefused(
            HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time", "Send it at once", "body_timed_out"
        ) from None


def _json(answer: msgspec.Struct) -> web.Response:
    return _answer(msgspec.json.encode(answer))


def _answer(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={hdrs.CONTENT_TYPE: "application/json"})
