"""Who is inside, on the unix socket: staff sets the number when the sensors have miscounted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.answers import Answer
from gateway.api.guard import require_technician
from gateway.api.parts import ApiParts
from gateway.model.errors import NotFound
from gateway.stations.gate import Gate

Read = Callable[[web.Request], Awaitable[bytes]]


class InsideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many persons are inside the area now."""

    persons: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class InsideAnswer(Answer, frozen=True, kw_only=True):
    """So many are inside from now on; `before`: how many were counted until then."""

    area: str
    persons: int
    before: int


class AreaRoutes:
    """Handler below /v1/areas."""

    def __init__(self, parts: ApiParts, read: Read) -> None:
        self._parts = parts
        self._read = read

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/areas/{id}/inside", self.set_inside)

    async def set_inside(self, request: web.Request) -> web.Response:
        """On record, by a technician or staff with the gateway's own user."""
        require_technician(request, "set how many are inside", "inside")
        area = request.match_info["id"]
        known = {one.section.area for one in self._parts.stations.values() if isinstance(one, Gate)}
        if area not in known:
            there = ", ".join(sorted(known)) or "none"
            raise NotFound(f"no gate has an area {area[:32]!r}", f"Areas here: {there}", code="no_such_area")
        asked = body.decode(await self._read(request), InsideRequest)
        before = await self._parts.set_inside(area, asked.persons)
        answer = msgspec.json.encode(InsideAnswer(area=area, persons=asked.persons, before=before))
        return web.Response(body=answer, headers={hdrs.CONTENT_TYPE: "application/json"})
