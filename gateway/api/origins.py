"""Which web pages may speak to the API: our own, and the origins of the configuration. Pure.

A page from anywhere, opened on this machine, can send requests to 127.0.0.1: with its own Origin, or, having bound
its name to 127.0.0.1 (DNS rebinding), with its own Host. Both are told from ours here.
"""

from __future__ import annotations

from collections.abc import Iterable

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """Own hosts and allowed origins of a listener at `port`, which is called by `names` only."""

    def __init__(
        self, port: int, allowed: Iterable[str], names: Iterable[str] = LOOPBACK_NAMES, scheme: str = "http"
    ) -> None:
        known = tuple(names)
        self._hosts = {f"{name}:{port}" for name in known}
        self._own = {f"{scheme}://{name}:{port}" for name in known}
        if port == DEFAULT_PORTS[scheme]:  # Browsers leave the default port out.
            self._hosts.update(known)
            self._own.update(f"{scheme}://{name}" for name in known)
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
