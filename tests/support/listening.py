"""A TCP listener on loopback for tests, whose every connection is closed when its block ends.

asyncio's own server (and its `sock_accept`) leave a gap: a connection accepted just before the end has a socket and no
task yet, and nobody is left to close it. Here each accepted socket has its task at once, and the block waits for all.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listens on a free port, which it gives. Each connection is `talk`'s until it returns, then it is closed."""
    loop = asyncio.get_running_loop()
    talks: set[asyncio.Task[None]] = set()

    async def serve(accepted: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with accepted, suppress(OSError, asyncio.IncompleteReadError):
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            try:
                await talk(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    def accept() -> None:
        with suppress(BlockingIOError):
            accepted, _ = listener.accept()
            accepted.setblocking(False)
            task = loop.create_task(serve(accepted))
            talks.add(task)
            task.add_done_callback(talks.discard)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        loop.add_reader(listener, accept)
        try:
            yield int(listener.getsockname()[1])
        finally:
            loop.remove_reader(listener)
            await asyncio.sleep(0)  # who was accepted a moment ago takes a first step: only then can it clean up
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)
