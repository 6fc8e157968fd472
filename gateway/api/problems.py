"""Errors as RFC 9457 problems, by table. Every code is in docs/errors.md."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from gateway.model.errors import (
    Conflict,
    DeadlineMissed,
    GatewayError,
    InputRefused,
    LedgerError,
    NotFound,
    NotReady,
)

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:smartplace:problem:"

RETRY_S = {"in_progress": 1, "too_many_streams": 5}
"""When to ask again, for codes that know better than `NOT_READY_RETRY_S`."""
NOT_READY_RETRY_S = 2


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `code` is stable, `advice` says what to do next, `request` is the X-Request-Id of the answer.
    `marks`: of `two_taps`, what to choose by."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    advice: str = ""
    request: str = ""
    marks: tuple[str, ...] = ()


class HttpRefused(GatewayError):
    """A request that HTTP itself or a guard refuses, with its status."""

    def __init__(self, status: HTTPStatus, what: str, advice: str, code: str) -> None:
        super().__init__(what, advice, code=code)
        self.status = status


_STATUS: tuple[tuple[type[GatewayError], HTTPStatus, str], ...] = (
    (InputRefused, HTTPStatus.UNPROCESSABLE_ENTITY, "The request is refused and changed nothing"),
    (NotFound, HTTPStatus.NOT_FOUND, "There is no such thing"),
    (Conflict, HTTPStatus.CONFLICT, "The request is at odds with what is recorded"),
    (NotReady, HTTPStatus.SERVICE_UNAVAILABLE, "Not ready; nothing was recorded"),
    (DeadlineMissed, HTTPStatus.GATEWAY_TIMEOUT, "No answer in time; what happened is not known"),
    (LedgerError, HTTPStatus.SERVICE_UNAVAILABLE, "The record cannot be written; nothing was recorded"),
)

_BY_CODE = {
    "malformed_json": HTTPStatus.BAD_REQUEST,
    "bad_idempotency_key": HTTPStatus.BAD_REQUEST,
    "not_staff": HTTPStatus.FORBIDDEN,
    "too_many_tokens": HTTPStatus.TOO_MANY_REQUESTS,
    "ledger_sqlite_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "ledger_no_room": HTTPStatus.INSUFFICIENT_STORAGE,
}
"""Codes whose status is not that of their class."""


def of(error: GatewayError, request: str = "") -> Problem:
    """The problem that an error is."""
    status, title = _status(error)
    detail = f"{error.where}: {error.what}" if error.where else error.what
    return Problem(
        f"{TYPE_PREFIX}{error.code}", title, int(status), detail, error.code, error.advice, request, error.marks
    )


def _status(error: GatewayError) -> tuple[HTTPStatus, str]:
    if isinstance(error, HttpRefused):
        return error.status, error.status.phrase
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return _BY_CODE.get(error.code, status), title
    return HTTPStatus.INTERNAL_SERVER_ERROR, "A fault in the gateway"


def retry_after_s(problem: Problem) -> int | None:
    """Seconds for the Retry-After header, None where asking again does not help."""
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return RETRY_S.get(problem.code, NOT_READY_RETRY_S)
    return RETRY_S.get(problem.code)
