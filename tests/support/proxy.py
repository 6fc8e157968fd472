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
from types import TracebackType


class Proxy:
    """Runs in the test's own loop."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._swallowing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._all: list[asyncio.StreamWriter] = []
        self._accepting: set[asyncio.Task[None]] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.passed = 0
        """Bytes that went through, both ways."""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.close()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        self.hang_up()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        # Until each socket is really closed: a loop that ends before would leave them to the garbage collector.
        await asyncio.gather(*(writer.wait_closed() for writer in self._all), return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

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

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepting = asyncio.create_task(self._connect(reader, writer))
        self._accepting.add(accepting)
        accepting.add_done_callback(self._accepting.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._all.append(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(there_writer)
        self._all.append(there_writer)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self._swallowing:
                    self.passed += len(data)
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        finally:
            if not self._swallowing:
                sink.close()
