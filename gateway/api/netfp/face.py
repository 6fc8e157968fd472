"""ErpNet.FP's HTTP interface on a listener of its own, in the daemon's loop."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import cast
from zoneinfo import ZoneInfo

import gateway.api.lean  # noqa: F401 (before aiohttp: it decides how that is imported)

# isort: split

import msgspec
from aiohttp import hdrs, web

from gateway.api.body import BODY_MAX
from gateway.api.door import Door
from gateway.api.http_log import one_line_logger
from gateway.api.netfp import service
from gateway.api.netfp.calls import Calls, Devices
from gateway.api.netfp.files import NetfpFiles
from gateway.api.netfp.guard import (
    SOURCE,
    Admitted,
    Guard,
    TurnedAway,
    add_headers,
    json_response,
    no_address,
    preflight,
    refusal,
    too_large,
)
from gateway.api.netfp.printers import Shelf
from gateway.api.netfp.routes import PrinterRoutes
from gateway.api.netfp.tasks import Tasks
from gateway.api.netfp.tokens import Clients
from gateway.api.netfp.tree import Malformed
from gateway.api.origins import LOOPBACK_NAMES, Origins
from gateway.api.refusals import Refusals
from gateway.api.sockets import listen_tcp
from gateway.config.types import NetfpSection
from gateway.fiscal.printers import Printers
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Clock
from gateway.model.errors import ConfigurationError

STOP_S = 0.3
"""Requests that are still being answered get so long at a stop. What they began is settled all the same."""
KEEPALIVE_S = 30.0
TOLD = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))

log = logging.getLogger("netfp")


class FaceParts(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon's parts as this face sees them. `fiscal`: ids of the place's own fiscal devices."""

    ledger: Ledger
    printers: Printers
    devices: Devices
    clock: Clock
    zone: ZoneInfo
    fiscal: Sequence[str]
    on_security: Callable[[str, str, int], None]


class Face:
    """`start` binds and serves, `stop` undoes it within half a second. `port` is the real one once started."""

    def __init__(self, section: NetfpSection, parts: FaceParts, files: NetfpFiles) -> None:
        self._section = section
        self._parts = parts
        self._clients = Clients(files.tokens)
        self._certificate = files.certificate
        self._runner: web.AppRunner | None = None
        self._tasks = Tasks(parts.ledger, parts.printers, parts.clock, section.printers.values() or parts.fiscal)
        self._shelf = Shelf(section.printers, parts.fiscal, parts.printers.description)
        calls = Calls(parts.ledger, parts.printers, parts.devices, parts.clock, parts.zone)
        self._routes = PrinterRoutes(section, parts.zone, self._shelf, parts.printers, self._tasks, calls)
        self.port = section.port

    async def start(self) -> None:
        """Serve. Raises `ConfigurationError` (port or certificate cannot be had), `LedgerError`."""
        tls = self._tls()
        await self._tasks.start()
        sock = listen_tcp(self._section.address, self._section.port, section="netfp")
        self.port = sock.getsockname()[1]
        self._refusals = Refusals(self._parts.on_security)
        self._guard = Guard(self._origins(), self._clients, self._refusals)
        app = web.Application(client_max_size=BODY_MAX)
        app.router.add_route("*", "/{address:.*}", self._handle)
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,  # Addresses may hold tokens.
            shutdown_timeout=STOP_S,
            keepalive_timeout=KEEPALIVE_S,
            logger=one_line_logger(),
        )
        await self._runner.setup()
        self._door = Door(cast("web.Server", self._runner.server), tls)
        self._door.open(sock)
        printers = ", ".join(self._shelf.all()) or "as their devices are reached"
        log.info("ErpNet.FP's interface on %s port %d, printers: %s", self._section.address, self.port, printers)

    async def stop(self) -> None:
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        await self._door.close()
        await runner.cleanup()
        await self._tasks.stop()
        self._refusals.stop()

    # A request -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        origin = ""
        try:
            admitted = self._guard.admit(request)
            origin = admitted.origin
            if request.method == hdrs.METH_OPTIONS:
                private = request.headers.get("Access-Control-Request-Private-Network") == "true"
                response = preflight(origin, private=private)
            else:
                response = json_response(await self._answer(request, admitted))
        except TurnedAway as turned:
            origin = origin or turned.origin
            response = self._refused(request, turned)
        except Malformed as malformed:
            bad = TurnedAway(HTTPStatus.BAD_REQUEST, malformed.code, str(malformed))
            response = self._refused(request, bad)
        except web.HTTPRequestEntityTooLarge:
            response = self._refused(request, too_large())
        add_headers(response, origin)
        return response

    async def _answer(self, request: web.Request, admitted: Admitted) -> bytes:
        if request.method not in ("GET", "POST"):
            raise no_address("GET and POST")
        match admitted.segments:
            case (first, *rest) if first.lower() == "printers":
                return await self._routes.answer(request, admitted.client, tuple(rest))
            case (first, *rest) if first.lower() == "service":
                return service.answer(request.method, tuple(rest), self._shelf)
        raise no_address()

    def _refused(self, request: web.Request, turned: TurnedAway) -> web.Response:
        """What would have printed and was turned away is told once a minute, with a count."""
        if request.method == hdrs.METH_POST and turned.status in TOLD:
            self._refusals.refused("netfp_refused", SOURCE)
        return refusal(turned)

    # The listener ----------------------------------------------------------------------------------------

    def _origins(self) -> Origins:
        address = self._section.address
        names = {*LOOPBACK_NAMES, *self._section.hosts}
        if not ip_address(address).is_unspecified:  # Listening everywhere, clients call by the names of `hosts`.
            names.add(f"[{address}]" if ":" in address else address)
        scheme = "http" if self._certificate is None else "https"
        return Origins(self.port, self._section.origins, names, scheme)

    def _tls(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        chain, key = self._certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(chain, key)
        except (OSError, ssl.SSLError) as error:
            advice = "Give a PEM file with the chain and one with its key, which belong together"
            raise ConfigurationError(f"netfp.certificate: {error}", advice, where=str(chain)) from error
        return context
