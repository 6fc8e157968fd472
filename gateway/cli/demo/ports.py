"""Ports for what is started beside the gateway."""

from __future__ import annotations

import secrets
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that Linux takes for outgoing connections (ip_local_port_range, from 32,768)."""
TRIES = 100


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago, and that no outgoing connection is given meanwhile:
    a broker shall come back on its own port."""
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST}")
