"""Bundles by hand, on the unix socket: what is in force, hand one over, go back to the one before.

A large one comes as the centre would send it: first its announcement, then chunk by chunk what is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.answers import Answer
from gateway.api.guard import require_technician
from gateway.model.errors import NotFound
from gateway.sync.bundles import Bundles, BundlesStatus
from gateway.sync.bundles_record import Past
from gateway.wire.bundle import BundleKind, Hash
from gateway.wire.chunks import MAX_CHUNKS

Read = Callable[[web.Request], Awaitable[bytes]]


class BundlesAnswer(Answer, frozen=True, kw_only=True):
    """What is in force and being fetched, and the history, the newest first."""

    now: BundlesStatus
    history: tuple[Past, ...]


class BundleChunk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chunk (base64) of a bundle that was handed over without its content."""

    sha256: Hash
    index: Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHUNKS)]
    data: bytes


class Missing(Answer, frozen=True, kw_only=True):
    """The chunks that are still to be handed over; none: the bundle is in force."""

    missing: tuple[int, ...]


class BundleRoutes:
    """Handlers below /v1/bundles."""

    def __init__(self, bundles: Bundles, read: Read) -> None:
        self._bundles = bundles
        self._read = read

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/v1/bundles", self.bundles)
        router.add_post("/v1/bundles", self.hand_over)
        router.add_post("/v1/bundles/chunks", self.chunk)
        router.add_post("/v1/bundles/{kind}/rollback", self.rollback)

    async def bundles(self, _request: web.Request) -> web.Response:
        return _json(BundlesAnswer(now=self._bundles.status, history=tuple(self._bundles.history)))

    async def hand_over(self, request: web.Request) -> web.Response:
        """The signature decides, not who brings it; only a technician may try."""
        _technician(request)
        return _json(Missing(missing=tuple(await self._bundles.hand_over(await self._read(request)))))

    async def chunk(self, request: web.Request) -> web.Response:
        _technician(request)
        given = body.decode(await self._read(request), BundleChunk)
        return _json(Missing(missing=tuple(await self._bundles.put_chunk(given.sha256, given.index, given.data))))

    async def rollback(self, request: web.Request) -> web.Response:
        _technician(request)
        named = request.match_info["kind"]
        if named not in [kind.value for kind in BundleKind]:
            raise NotFound(
                f"no kind of bundle {named[:32]!r}", f"One of: {', '.join(BundleKind)}", code="bundle_unknown"
            )
        return _json(await self._bundles.rollback(BundleKind(named)))


def _technician(request: web.Request) -> None:
    require_technician(request, "change bundles by hand", "bundle")


def _json(answer: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), headers={hdrs.CONTENT_TYPE: "application/json"})
