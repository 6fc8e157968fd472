"""A box that is replaced on purpose, on the unix socket: its last word, and the last word of the one before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import hdrs, web

from gateway.api.answers import Answer
from gateway.api.guard import require_technician
from gateway.api.parts import ApiParts

Read = Callable[[web.Request], Awaitable[bytes]]


class Brought(Answer, frozen=True, kw_only=True):
    """How many leases the last word speaks of. It is kept here, and sent to the centre until that has it."""

    leases: int


class HandOverRoutes:
    """Handlers below /v1/quota."""

    def __init__(self, parts: ApiParts, read: Read) -> None:
        self._parts = parts
        self._read = read

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/quota/hand-over", self.hand_over)
        app.router.add_post("/v1/quota/bring", self.bring)

    async def hand_over(self, request: web.Request) -> web.Response:
        """Closes every lease for good; asked again, it answers with the same word."""
        require_technician(request, "hand over what this gateway holds", "quota hand-over")
        return _json(await self._parts.hand_over())

    async def bring(self, request: web.Request) -> web.Response:
        """The signature decides, not who brings it; only a technician may try."""
        require_technician(request, "bring what another box has handed over", "quota bring")
        leases = await self._parts.bring(await self._read(request))
        return _json(msgspec.json.encode(Brought(leases=leases)))


def _json(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={hdrs.CONTENT_TYPE: "application/json"})
