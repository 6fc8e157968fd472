"""One middleware around every route: who calls, from which page, with what; and every error as a problem."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.api import problems
from gateway.api.body import BODY_MAX
from gateway.api.callers import Caller, caller_of
from gateway.api.origins import Origins, is_foreign_fetch
from gateway.api.problems import HttpRefused
from gateway.api.refusals import Refusals
from gateway.model.errors import GatewayError, InputRefused

log = logging.getLogger("api")

CALLER = web.RequestKey("caller", Caller)
_REQUEST_ID = web.RequestKey("id", str)
_CORS_ORIGIN = web.RequestKey("cors", str)

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    # aiohttp would tell its version and Python's.
    "Server": "smartplace",
}

TOKENS = frozenset({"not_staff", "too_many_tokens"})
"""Codes of callers who try to be staff: worth a look whatever they asked for."""
BOOKS = frozenset({hdrs.METH_POST, hdrs.METH_DELETE})
ALLOWED_METHODS = "GET, POST, DELETE"
ALLOWED_HEADERS = "Content-Type, Idempotency-Key, Last-Event-ID"
EXPOSED_HEADERS = "X-Request-Id, Retry-After"
PREFLIGHT_AGE_S = "600"


class Guard:
    """Host, Origin, Content-Type, size; security headers and request id on every answer."""

    def __init__(self, origins: Callable[[], Origins], technicians: frozenset[int], refusals: Refusals) -> None:
        self._origins = origins
        self._technicians = technicians
        self._refusals = refusals

    async def headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal `on_response_prepare`: streams send their headers before their handler returns."""
        response.headers.update(SECURITY_HEADERS)
        response.headers["X-Request-Id"] = request.get(_REQUEST_ID, "-")
        if origin := request.get(_CORS_ORIGIN):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED_HEADERS
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers[hdrs.VARY] = "Origin"

    def middleware(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            request[_REQUEST_ID] = os.urandom(6).hex()
            try:
                self._check(request)
                if request.method == hdrs.METH_OPTIONS:
                    return self._preflight(request)
                return await handler(request)
            except GatewayError as error:
                self._record(request, error)
                return self._problem(request, error)
            except web.HTTPException as error:
                self._record(request, _of_http(error))
                return self._problem(request, _of_http(error), error.headers.get(hdrs.ALLOW, ""))
            except ConnectionError:
                raise  # The caller is gone: nobody to answer.
            except Exception as error:
                # The edge of the process: a fault of ours ends this request, not the caller's understanding of it.
                log.exception("%s %s failed, request %s", request.method, request.path, request[_REQUEST_ID])
                fault = GatewayError("a fault in the gateway", "See the log and report it", code="internal")
                fault.__cause__ = error
                return self._problem(request, fault)

        return guard

    def _record(self, request: web.Request, error: GatewayError) -> None:
        """Something that would have booked and was refused for what it says, or a wrong token: told once a minute, with
        a count."""
        refused = isinstance(error, InputRefused | HttpRefused) and not error.code.startswith("foreign_")
        if refused and (request.method in BOOKS or error.code in TOKENS):
            self._refusals.refused(error.code, request.path)

    # Checks ----------------------------------------------------------------------------------------------

    def _check(self, request: web.Request) -> None:
        caller = request[CALLER] = caller_of(request, self._technicians)
        origins = self._origins()
        if not caller.on_unix_socket and not origins.is_own_host(request.headers.get(hdrs.HOST, "")):
            host = request.headers.get(hdrs.HOST, "")
            self._refusals.refused("foreign_host", host)
            raise HttpRefused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the Host header does not name this gateway",
                "Call it as http://127.0.0.1 or http://localhost with its port",
                "foreign_host",
            )
        self._check_origin(request, origins)
        self._check_body(request)

    def _check_origin(self, request: web.Request, origins: Origins) -> None:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None:
            if not is_foreign_fetch(request.headers.get("Sec-Fetch-Site", ""), request.path):
                return
        elif origins.is_allowed(origin):
            request[_CORS_ORIGIN] = origin
            return
        elif origins.is_own(origin):
            return
        self._refusals.refused("foreign_origin", origin or "a page without Origin")
        raise HttpRefused(
            HTTPStatus.FORBIDDEN,
            "a web page of another origin may not call this gateway",
            "If it is your POS page, name its origin in `origins` of [api] in the configuration",
            "foreign_origin",
        )

    def _check_body(self, request: web.Request) -> None:
        if request.method != hdrs.METH_POST:
            return
        if (request.content_length or 0) > BODY_MAX:
            raise _too_large()
        if request.can_read_body and request.content_type != "application/json":
            raise HttpRefused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "the body is not declared as JSON",
                "Send the header Content-Type: application/json",
                "not_json",
            )

    def _preflight(self, request: web.Request) -> web.Response:
        """A browser asks whether a page may call (Fetch, CORS preflight; Private Network Access)."""
        headers: dict[str, str] = {hdrs.ALLOW: ALLOWED_METHODS}
        if _CORS_ORIGIN in request:
            headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ALLOWED_METHODS
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = ALLOWED_HEADERS
            headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_AGE_S
            if request.headers.get("Access-Control-Request-Private-Network") == "true":
                headers["Access-Control-Allow-Private-Network"] = "true"
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    def _problem(self, request: web.Request, error: GatewayError, allow: str = "") -> web.Response:
        problem = problems.of(error, request[_REQUEST_ID])
        response = web.Response(
            status=problem.status, body=msgspec.json.encode(problem), content_type=problems.CONTENT_TYPE
        )
        if (seconds := problems.retry_after_s(problem)) is not None:
            response.headers[hdrs.RETRY_AFTER] = str(seconds)
        if allow:
            response.headers[hdrs.ALLOW] = allow
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("%s %s: %s, request %s", request.method, request.path, error, problem.request)
        return response


def require_technician(request: web.Request, what: str, verb: str) -> None:
    """Only root and the gateway's own user, on the unix socket, may do this. Raises `HttpRefused` (`not_allowed`)."""
    if request[CALLER] is not Caller.TECHNICIAN:
        raise HttpRefused(
            HTTPStatus.FORBIDDEN,
            f"only a technician may {what}",
            f"Use `smartplace {verb}` as root or as the gateway's own user",
            "not_allowed",
        )


def _too_large() -> HttpRefused:
    return HttpRefused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {BODY_MAX} bytes",
        "Send one receipt of at most 512 lines",
        "too_large",
    )


def _of_http(error: web.HTTPException) -> HttpRefused:
    """What aiohttp itself refuses."""
    status = HTTPStatus(error.status)
    match status:
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return _too_large()
        case HTTPStatus.NOT_FOUND:
            return HttpRefused(status, "there is no such address", "See /openapi.json", "no_such_address")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return HttpRefused(status, "this address does not take that method", "See /openapi.json", "wrong_method")
        case _:
            return HttpRefused(status, error.reason or status.phrase, "See docs/api.md", "http_error")
