"""Who calls: each client has a token of its own, in a header or, where it only knows an address, in the address."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

BEARER = "bearer "
"""RFC 6750, section 2.1."""
PREFIX = "as"
"""`/as/TOKEN/printers/…`: what a client whose only setting is an address is given as its address."""


class Clients:
    """The clients that have tokens; with none, everybody who reaches the listener may call."""

    def __init__(self, tokens: Mapping[str, bytes]) -> None:
        self._tokens = {client: token.hex().encode() for client, token in tokens.items()}

    def __repr__(self) -> str:
        return f"Clients({sorted(self._tokens)})"

    @property
    def open(self) -> bool:
        """No token is asked for."""
        return not self._tokens

    def who(self, token: str) -> str | None:
        """The client of this token (hex, any case). None when there is none: every token is compared, in constant
        time."""
        given = token.lower().encode(errors="surrogateescape")
        found = [client for client, known in self._tokens.items() if hmac.compare_digest(given, known)]
        return found[0] if found else None


def token_of(authorization: str, segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The token of a request, and its address without it."""
    token = authorization[len(BEARER) :].strip() if authorization[: len(BEARER)].lower() == BEARER else ""
    if len(segments) >= 2 and segments[0].lower() == PREFIX:
        return token or segments[1], segments[2:]
    return token, segments
