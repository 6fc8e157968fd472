"""The door of the face: which host, which page, which client, with what body. Refusals are told in ErpNet.FP's shape,
with the status of HTTP that says the same."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import hdrs, web

from gateway.api.body import BODY_MAX
from gateway.api.guard import SECURITY_HEADERS
from gateway.api.netfp.codes import COMMAND, NO_ACCESS, NO_COMMAND
from gateway.api.netfp.tokens import Clients, token_of
from gateway.api.netfp.words import encode, error, result
from gateway.api.origins import Origins, is_foreign_fetch
from gateway.api.refusals import Refusals

ALLOWED_METHODS = "GET, POST"
ALLOWED_HEADERS = "Content-Type, Authorization, Accept"
BODY_S = 10.0
"""A body that takes longer to arrive is given up."""
PREFLIGHT_AGE_S = "600"
SOURCE = "netfp"
"""How audit entries name this face; addresses may hold tokens and are never told."""


class TurnedAway(Exception):
    """Answered with this status of HTTP; nothing was printed and nothing recorded."""

    def __init__(self, status: HTTPStatus, code: str, text: str, origin: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.origin = origin
        """Of a page that may call and has to be able to read this."""


class Admitted(NamedTuple):
    """A request that may go on: the client (empty without tokens), its address, and the origin of its page."""

    client: str
    segments: tuple[str, ...]
    origin: str


class Guard:
    """Checks every request before anything else looks at it."""

    def __init__(self, origins: Origins, clients: Clients, refusals: Refusals) -> None:
        self._origins = origins
        self._clients = clients
        self._refusals = refusals

    def admit(self, request: web.BaseRequest) -> Admitted:
        """Raises `TurnedAway`."""
        host = request.headers.get(hdrs.HOST, "")
        if not self._origins.is_own_host(host):
            self._refusals.refused("foreign_host", host)
            text = (
                "the Host header does not name this gateway: call it by its address, or name it in `hosts` of [netfp]"
            )
            raise TurnedAway(HTTPStatus.MISDIRECTED_REQUEST, NO_ACCESS, text)
        origin = self._origin(request)
        given = tuple(unquote(part) for part in request.rel_url.raw_path.split("/") if part)
        token, segments = token_of(request.headers.get(hdrs.AUTHORIZATION, ""), given)
        client = ""
        if not self._clients.open and request.method != hdrs.METH_OPTIONS:
            known = self._clients.who(token)
            if known is None:
                self._refusals.refused("not_a_client", SOURCE)
                text = "this client is not known: send the header Authorization: Bearer with its token (docs/netfp.md)"
                raise TurnedAway(HTTPStatus.UNAUTHORIZED, NO_ACCESS, text, origin)
            client = known
        return Admitted(client, segments, origin)

    def _origin(self, request: web.BaseRequest) -> str:
        """The origin of a page that may call and has to be told so; empty for programs."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            if not is_foreign_fetch(request.headers.get("Sec-Fetch-Site", ""), "/v1/"):
                return ""
        elif self._origins.is_allowed(origin):
            return origin
        elif self._origins.is_own(origin):
            return ""
        self._refusals.refused("foreign_origin", origin or "a page without Origin")
        text = "a web page of another origin may not print here: name the POS page's in `origins` of [netfp]"
        raise TurnedAway(HTTPStatus.FORBIDDEN, NO_ACCESS, text)


async def read_body(request: web.Request) -> bytes:
    """The body, which has to say that it is JSON: a form of any web page must not print. Raises `TurnedAway`."""
    if (request.content_length or 0) > BODY_MAX:
        raise too_large()
    if request.can_read_body and request.content_type != "application/json":
        text = "the body is not declared as JSON: send the header Content-Type: application/json"
        raise TurnedAway(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, COMMAND, text)
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        text = "the body did not arrive in time: send it at once"
        raise TurnedAway(HTTPStatus.REQUEST_TIMEOUT, COMMAND, text) from None


def too_large() -> TurnedAway:
    text = f"the body is larger than {BODY_MAX} bytes: a receipt has at most 512 items"
    return TurnedAway(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, COMMAND, text)


def no_address(allow: str = "") -> TurnedAway:
    """Nothing is at this address, or (`allow`) not by this method."""
    if allow:
        return TurnedAway(HTTPStatus.METHOD_NOT_ALLOWED, NO_COMMAND, f"this address takes {allow}")
    return TurnedAway(HTTPStatus.NOT_FOUND, NO_COMMAND, "there is no such printer or address: see GET /printers")


def refusal(refused: TurnedAway) -> web.Response:
    """The answer to what is refused."""
    response = json_response(encode(result(error(refused.code, refused.text))), refused.status)
    if refused.status is HTTPStatus.UNAUTHORIZED:
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def json_response(body: bytes, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=body, headers={hdrs.CONTENT_TYPE: "application/json; charset=utf-8"})


def preflight(origin: str, *, private: bool) -> web.Response:
    """A browser asks whether a page may call (Fetch, CORS preflight; Private Network Access)."""
    headers: dict[str, str] = {hdrs.ALLOW: ALLOWED_METHODS}
    if origin:
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ALLOWED_METHODS
        headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ALLOWED_HEADERS
        headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_AGE_S
        if private:
            headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


def add_headers(response: web.StreamResponse, origin: str) -> None:
    """What every answer has beside its body."""
    response.headers.update(SECURITY_HEADERS)
    response.headers[hdrs.VARY] = "Origin"
    if origin:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
