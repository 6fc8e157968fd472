"""The local HTTP API in the daemon's own loop: one application on loopback TCP and on a unix socket."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import cast

import gateway.api.lean  # noqa: F401 (before aiohttp: it decides how that is imported)

# isort: split

from aiohttp import web

from gateway.api.body import BODY_MAX
from gateway.api.callers import own_users
from gateway.api.door import Door
from gateway.api.events import Events
from gateway.api.guard import Guard
from gateway.api.http_log import one_line_logger
from gateway.api.origins import Origins
from gateway.api.pages import Pages
from gateway.api.parts import ApiParts
from gateway.api.refusals import Refusals
from gateway.api.routes import Routes
from gateway.api.sockets import listen_tcp, listen_unix, remove_own
from gateway.api.views import Views
from gateway.config.types import ApiSection

STOP_S = 0.3
"""Requests that are still being answered get so long at a stop. What they store is stored all the same."""
KEEPALIVE_S = 30.0

log = logging.getLogger("api")


class Api:
    """`start` binds and serves, `stop` undoes it within half a second. `port` is the real one once started.

    `technicians` are the users who may do everything on the unix socket: root and the gateway's own by default.
    """

    def __init__(
        self, section: ApiSection, socket_path: Path, parts: ApiParts, *, technicians: frozenset[int] | None = None
    ) -> None:
        self._section = section
        self._path = socket_path
        self._inode = 0
        self._parts = parts
        self._technicians = own_users() if technicians is None else technicians
        self._runner: web.AppRunner | None = None
        self._origins = Origins(section.port, section.origins)
        self.port = section.port

    async def start(self) -> None:
        """Serve. Raises `ConfigurationError` (port or socket cannot be had), `Conflict` (another gateway runs)."""
        tcp = listen_tcp(self._section.address, self._section.port)
        try:
            unix = listen_unix(self._path)
        except BaseException:
            tcp.close()
            raise
        self._inode = self._path.stat().st_ino
        self.port = tcp.getsockname()[1]
        self._origins = Origins(self.port, self._section.origins)
        self._refusals = Refusals(self._parts.on_security)
        self._runner = web.AppRunner(
            self._application(),
            handle_signals=False,
            access_log=None,
            shutdown_timeout=STOP_S,
            keepalive_timeout=KEEPALIVE_S,
            logger=one_line_logger(),
        )
        await self._runner.setup()
        self._door = Door(cast("web.Server", self._runner.server))
        self._door.open(unix, tcp)
        log.info("listening on %s port %d and %s", self._section.address, self.port, self._path)

    def _application(self) -> web.Application:
        views = Views(self._parts)
        events = Events(self._parts, views)
        guard = Guard(lambda: self._origins, self._technicians, self._refusals)
        app = web.Application(client_max_size=BODY_MAX, middlewares=[guard.middleware()])
        app.on_response_prepare.append(guard.headers)
        app.on_shutdown.append(events.close)
        Routes(self._parts, views, events).add_to(app)
        Pages(views).add_to(app)
        return app

    def routes(self) -> list[tuple[str, str]]:
        """Method and address pattern of everything that is served."""
        known = self._runner.app.router.routes() if self._runner is not None else ()
        return [(route.method, route.resource.canonical) for route in known if route.resource is not None]

    async def stop(self) -> None:
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        await self._door.close()
        await runner.cleanup()
        self._refusals.stop()
        remove_own(self._path, self._inode)
