"""What a caller sends: the body and the idempotency key, checked before anything else happens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from gateway.model.errors import InputRefused

BODY_MAX = 256 * 1024
"""Bytes. The longest receipt (512 lines) is about 100 kB."""

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?")

T = TypeVar("T")


def decode(body: bytes, kind: type[T]) -> T:
    """The body as `kind`. Raises `InputRefused`: `malformed_json`, or `bad_request` with the path of the fault."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InputRefused(str(error), "Compare the request with /openapi.json", code="bad_request") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputRefused(str(error), "Send one JSON document in UTF-8", code="malformed_json") from error


def idempotency_key(given: Sequence[str], *, required: bool) -> str | None:
    """The request's Idempotency-Key: 1 to 64 printable ASCII characters, given once.

    Raises `InputRefused` (`bad_idempotency_key`).
    """
    if not given and not required:
        return None
    if len(given) != 1 or _KEY.fullmatch(given[0]) is None:
        what = "no Idempotency-Key" if not given else "this Idempotency-Key cannot be used"
        raise InputRefused(
            what,
            "Send a header Idempotency-Key: 1 to 64 printable ASCII characters, new for each receipt, "
            "the same when you repeat a request",
            code="bad_idempotency_key",
        )
    return given[0]
