"""The HTTP server of a simulated camera: each connection is a stream in its own thread, and all can be cut at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Stream = Callable[[Callable[[bytes], Any]], None]
"""One connection's life: it sends with what it is given, and returns when it ends."""


class StreamServer(ThreadingHTTPServer):
    """On loopback at `port`; 0 takes a free one. Raises `OSError` when the port cannot be had."""

    daemon_threads = False  # server_close waits for every connection's thread
    allow_reuse_address = True

    def __init__(self, port: int, stream: Stream) -> None:
        self.stream = stream
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Cut every connection."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the other end was faster
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: StreamServer
    timeout = 10

    def do_GET(self) -> None:
        self.server.stream(self.wfile.write)

    def log_message(self, format: str, *args: Any) -> None:
        """Stays quiet: stderr is for what matters."""
