"""A TCP proxy on loopback that passes, swallows, or hangs up: what a network does to a link.

async with Proxy(broker.port) as proxy:
    client.connect("127.0.0.1", proxy.port)
    proxy.swallow()     # half-open: both ends think that they are connected
    proxy.hang_up()     # both ends are told
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import AsyncExitStack
from types import TracebackType

from tests.support.listening import listening


class Proxy:
    """Runs in the test's own loop."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._swallowing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._stack = AsyncExitStack()
        self.port = 0
        self.passed = 0
        """Bytes that went through, both ways."""

    async def __aenter__(self) -> Proxy:
        self.port = await self._stack.enter_async_context(listening(self._connect))
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.hang_up()
        await self._stack.aclose()

    def swallow(self, swallowing: bool = True) -> None:
        """From now on bytes arrive and go nowhere; connections stay open and new ones are taken."""
        self._swallowing = swallowing

    def hang_up(self) -> None:
        """Reset all connections there are."""
        for writer in self._writers:
            if not writer.is_closing():
                reset = struct.pack("ii", 1, 0)  # close(2) sends RST
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                writer.transport.abort()
        self._writers.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            self._writers |= {writer, there_writer}
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        finally:
            there_writer.close()
            await there_writer.wait_closed()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self._swallowing:
                    self.passed += len(data)
                    sink.write(data)
                    await sink.drain()
        finally:
            if not self._swallowing:
                sink.close()
