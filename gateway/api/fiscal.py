"""Fiscal devices over HTTP: what is in doubt and how it is settled, reports, cash in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from gateway.api import body
from gateway.api.answers import Answer, InDoubt
from gateway.api.concerns import in_doubt
from gateway.api.guard import require_technician
from gateway.api.parts import ApiParts
from gateway.fiscal.printers import DeviceDay
from gateway.model.errors import NotReady
from gateway.model.fiscal import DEVICE_TIME, with_seconds
from gateway.stations.report_words import CashRequest, ReportRequest
from gateway.stations.till import Till

Read = Callable[[web.Request], Awaitable[bytes]]
TillOf = Callable[[web.Request], Till]


class FiscalAnswer(Answer, frozen=True, kw_only=True):
    """Every fiscal device that is printed on here, and all works in doubt, the oldest first."""

    devices: tuple[DeviceDay, ...]
    doubts: tuple[InDoubt, ...] = ()


class SettleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person has seen. `printed`: the number on the paper; null: nothing complete is there. `by`: who looked.
    `device_time`: the date and time on the paper of a receipt; a printer may ask for it when something of it is given
    back."""

    printed: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z./-]{0,31}$(?!\n)")] | None
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$(?!\n)")]
    device_time: Annotated[str, msgspec.Meta(pattern=DEVICE_TIME)] = ""


class Settled(Answer, frozen=True, kw_only=True):
    """How it ended, from now on: `printed` or `cancelled`."""

    key: str
    state: str
    number: str = ""


class FiscalRoutes:
    """Handlers below /v1/fiscal, and those of a till's reports and cash."""

    def __init__(self, parts: ApiParts, read: Read, till: TillOf) -> None:
        self._parts = parts
        self._read = read
        self._till = till

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/fiscal", self.fiscal)
        app.router.add_post("/v1/fiscal/{key}/settle", self.settle)
        app.router.add_post("/v1/stations/{id}/reports", self.report)
        app.router.add_post("/v1/stations/{id}/cash", self.cash)

    async def fiscal(self, _request: web.Request) -> web.Response:
        printers = self._parts.printers
        if printers is None:
            return _json(msgspec.json.encode(FiscalAnswer(devices=())))
        doubts = tuple(in_doubt(row) for row in printers.doubts())
        return _json(msgspec.json.encode(FiscalAnswer(devices=tuple(printers.days()), doubts=doubts)))

    async def settle(self, request: web.Request) -> web.Response:
        """On record with a name, by a technician or staff with the gateway's own user."""
        require_technician(request, "settle what is in doubt", "till settle")
        if self._parts.printers is None:
            raise NotReady("nothing is printed here", "Ask the daemon itself")
        asked = body.decode(await self._read(request), SettleRequest)
        key = request.match_info["key"]
        outcome = await self._parts.printers.settle_by_hand(
            key, asked.printed, asked.by, with_seconds(asked.device_time)
        )
        answer = Settled(key=outcome.key, state=outcome.result.value, number=outcome.number)
        return _json(msgspec.json.encode(answer))

    async def report(self, request: web.Request) -> web.Response:
        till, key = self._till(request), self._key(request)
        asked = body.decode(await self._read(request), ReportRequest)
        return _json(await till.report(asked, key))

    async def cash(self, request: web.Request) -> web.Response:
        till, key = self._till(request), self._key(request)
        asked = body.decode(await self._read(request), CashRequest)
        return _json(await till.cash(asked, key))

    def _key(self, request: web.Request) -> str:
        return body.idempotency_key(request.headers.getall("Idempotency-Key", []), required=True) or ""


def _json(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={hdrs.CONTENT_TYPE: "application/json"})
