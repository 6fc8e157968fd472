"""Lets callers in from the listening sockets to aiohttp, and knows each of them from its first moment.

asyncio's own server loses whom it has accepted when it is closed in the next turn of the loop: nobody knows that
connection then, and its socket stays open until the collector finds it (CPython 3.11 to 3.13, `_accept_connection2`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

BACKLOG = 128
PAUSE_S = 1.0
"""Without descriptors or memory for one more caller nobody is let in for so long; others may have gone by then."""

HANDSHAKE_S = 10.0

log = logging.getLogger("api")


class Door:
    """`open` begins to let callers in, `close` ends that and closes the sockets. With `tls` they have to speak it."""

    def __init__(self, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None) -> None:
        self._factory = factory
        self._tls = tls
        self._socks: tuple[socket.socket, ...] = ()
        self._entering: set[asyncio.Task[object]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def open(self, *socks: socket.socket) -> None:
        """Listen on these bound, non-blocking sockets, which are the door's from now on."""
        self._loop = asyncio.get_running_loop()
        self._socks = socks
        for sock in socks:
            sock.listen(BACKLOG)
            self._loop.add_reader(sock, self._let_in, sock)

    async def close(self) -> None:
        """Nobody enters any more; who was let in a moment ago is known to aiohttp when this returns."""
        for sock in self._socks:
            self._loop.remove_reader(sock)
            sock.close()
        for pause in self._pauses.values():
            pause.cancel()
        await asyncio.gather(*self._entering, return_exceptions=True)

    def _let_in(self, sock: socket.socket) -> None:
        try:
            caller, _ = sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("nobody is let in for %.0f s: %s", PAUSE_S, error)
            self._loop.remove_reader(sock)
            self._pauses[sock] = self._loop.call_later(PAUSE_S, self._loop.add_reader, sock, self._let_in, sock)
            return
        caller.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(self._enter(caller))
        self._entering.add(task)
        task.add_done_callback(self._entering.discard)

    async def _enter(self, caller: socket.socket) -> None:
        if self._tls is None:
            await self._loop.connect_accepted_socket(self._factory, caller)
            return
        try:
            await self._loop.connect_accepted_socket(
                self._factory, caller, ssl=self._tls, ssl_handshake_timeout=HANDSHAKE_S
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            log.info("a caller did not speak TLS: %s", error)
