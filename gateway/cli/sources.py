"""Checks of cameras on the network, for `smartplace doctor`: whether anything answers where one should be."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.cli.finding import Check, Level
from gateway.config.load import Loaded

KNOCK_S = 2.0
PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
"""Where a URL names none (IANA; RFC 7826, 22.14 for the last two)."""


def source_checks(loaded: Loaded) -> Iterator[Check]:
    """A TCP connection to each source that is a URL; no picture is asked for, because many cameras serve one viewer
    only. Of the URL only scheme, host and port are shown: the rest may hold a password."""
    for device in loaded.configuration.device:
        source = device.options.get("source")
        if isinstance(source, str) and "://" in source:
            yield _knock(f"source of {device.id}", source)


def _knock(name: str, source: str) -> Check:
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        host = port = None
    if host is None or port is None:
        return Check(name, Level.FAIL, "it is no URL of a camera", "Write it as http://HOST/PATH or rtsp://HOST/PATH")
    where = f"{parts.scheme}://{host}:{port}"
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=KNOCK_S).close()
    except OSError as error:
        advice = "Check power and network cable of the camera, its address, and the firewall between"
        return Check(name, Level.FAIL, f"{where}: {error.strerror or error}", advice)
    return Check(name, Level.PASS, f"{where} answers within {(time.monotonic() - began) * 1000:.0f} ms (TCP)")
