"""Brokers that behave badly, as scripts of bytes (MQTT 3.1.1, section 3; MQTT 5.0, section 3)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.certificate import certificate as fresh
from tests.support.listening import listening

Talk = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CONNACK_311 = bytes.fromhex("20020000")
CONNACK_5 = bytes.fromhex("2003000000")
QUOTA_EXCEEDED = b"\x97"
PINGRESP = bytes.fromhex("d000")
NOT_AUTHORISED_5 = bytes.fromhex("2003008700")
UNSUPPORTED_VERSION_5 = bytes.fromhex("2003008400")


async def packet(reader: asyncio.StreamReader) -> bytes:
    """One control packet, at most 127 bytes of which are told by one length byte."""
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        length = (length & 0x7F) | (await reader.readexactly(1))[0] << 7
    return head[:1] + await reader.readexactly(length)


def qos0(topic: bytes, payload: bytes) -> bytes:
    """A PUBLISH packet of less than 128 bytes."""
    body = len(topic).to_bytes(2, "big") + topic + payload
    return bytes([0x30, len(body)]) + body


@asynccontextmanager
async def server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listens on a free port, which it gives. `talk` is called with the protocol level that a client asks for."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await packet(reader)
        await talk(connect[7], reader, writer)

    async with listening(accept, tls) as port:
        yield port


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context around a fresh certificate of its own for 127.0.0.1."""
    files = fresh(folder)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*files)
    return serving, ssl.create_default_context(cafile=str(files.certificate))
