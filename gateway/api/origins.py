"""Which web pages may speak to the API: our own, and the origins of the configuration. Pure.

A page from anywhere, opened on this machine, can send requests to 127.0.0.1: with its own Origin, or, having bound
its name to 127.0.0.1 (DNS rebinding), with its own Host. Both are told from ours here.
"""

from __future__ import annotations

from collections.abc import Iterable

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
HTTP_PORT = 80


class Origins:
    """Own hosts and allowed origins of a listener at `port`."""

    def __init__(self, port: int, allowed: Iterable[str]) -> None:
        self._hosts = {f"{name}:{port}" for name in LOOPBACK_NAMES}
        self._own = {f"http://{name}:{port}" for name in LOOPBACK_NAMES}
        if port == HTTP_PORT:  # Browsers leave the default port out.
            self._hosts.update(LOOPBACK_NAMES)
            self._own.update(f"http://{name}" for name in LOOPBACK_NAMES)
        self._allowed = {origin.lower().rstrip("/") for origin in allowed}

    def is_own_host(self, host: str) -> bool:
        """Whether a Host header names this listener."""
        return host.lower() in self._hosts

    def is_own(self, origin: str) -> bool:
        return origin.lower() in self._own

    def is_allowed(self, origin: str) -> bool:
        """Whether it is a further origin of the configuration: it is answered with CORS."""
        return origin.lower() in self._allowed


def is_foreign_fetch(site: str, path: str) -> bool:
    """Whether a request without Origin comes from a page that is not ours (Fetch Metadata, Sec-Fetch-Site).
    Following a link to a page of ours is fine; reaching into the API is not."""
    return site not in ("", "none", "same-origin") and path.startswith("/v1/")
