"""Who hears of a link, for its tests: links that are made, and what comes of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from gateway.model.errors import NotReady
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker as Address
from gateway.sync.port import Connected, Will
from tests.sync.servers import CONNACK_311

WILL = Will("test/will", b"gone")
PATIENCE_S = 20.0


class Ear:
    """Notes what a link says."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.published: list[int] = []
        self.refusals: list[str] = []
        self.lost: list[str] = []
        self._news = asyncio.Event()

    def on_message(self, topic: str, payload: bytes) -> None:
        self.messages.append((topic, payload))
        self._news.set()

    def on_published(self, message: int, refusal: str) -> None:
        self.published.append(message)
        self.refusals.append(refusal)
        self._news.set()

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self._news.set()

    async def until(self, there: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(patience_s):
            while not there():
                self._news.clear()
                await self._news.wait()


def make_link(
    port: int, *, id: str = "museum-1", protocol: str = "auto", keepalive_s: int = 60, tls: ssl.SSLContext | None = None
) -> PahoLink:
    return PahoLink(Address("127.0.0.1", port, id, keepalive_s, protocol, tls))


async def connected(link: PahoLink, ear: Ear) -> Connected:
    """Connect, with a second attempt for a broker that knows no MQTT 5."""
    try:
        return await link.connect(WILL, ear)
    except NotReady:
        return await link.connect(WILL, ear)


async def listening(port: int, *topics: str) -> tuple[PahoLink, Ear]:
    """Somebody else on the same broker."""
    ear = Ear()
    link = make_link(port, id="listener", protocol="3.1.1")
    await link.connect(Will("test/other", b""), ear)
    await link.subscribe(list(topics))
    return link, ear


async def old_and_silent(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if level == 4:
        writer.write(CONNACK_311)
    await reader.read()
