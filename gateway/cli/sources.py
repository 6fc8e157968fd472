"""Checks of what is on the network, for `smartplace doctor`: whether anything answers where a camera or the library's
system should be."""

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
            yield _camera(f"source of {device.id}", source)


def server_checks(loaded: Loaded) -> Iterator[Check]:
    """A TCP connection to each library's system. Nothing is asked: it would be a login more than the server counts."""
    advice = "Check `host` and `port`, that the library's system has its SIP2 server on, and the firewall between"
    for device in loaded.configuration.device:
        if device.driver == "sip2":
            host, port = str(device.options.get("host", "127.0.0.1")), int(device.options.get("port", 6001))
            yield _knock(f"server of {device.id}", f"{host}:{port}", (host, port), advice)


def _camera(name: str, source: str) -> Check:
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        host = port = None
    if host is None or port is None:
        return Check(name, Level.FAIL, "it is no URL of a camera", "Write it as http://HOST/PATH or rtsp://HOST/PATH")
    advice = "Check power and network cable of the camera, its address, and the firewall between"
    return _knock(name, f"{parts.scheme}://{host}:{port}", (host, port), advice)


def _knock(name: str, where: str, address: tuple[str, int], advice: str) -> Check:
    began = time.monotonic()
    try:
        socket.create_connection(address, timeout=KNOCK_S).close()
    except OSError as error:
        return Check(name, Level.FAIL, f"{where}: {error.strerror or error}", advice)
    return Check(name, Level.PASS, f"{where} answers within {(time.monotonic() - began) * 1000:.0f} ms (TCP)")
