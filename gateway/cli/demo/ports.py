"""Ports for what is started beside the gateway."""

from __future__ import annotations

import secrets
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that Linux takes for outgoing connections (ip_local_port_range, from 32,768)."""
TRIES = 100

_given: set[int] = set()
"""By this process, lately: what was given and is not in use yet looks free."""


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago, not the same twice, and that no outgoing connection is given
    meanwhile: a broker shall come back on its own port."""
    if len(_given) > (HIGHEST - LOWEST) // 2:
        _given.clear()
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST}")
