"""The link over TLS: records, certificates, handshakes that hang."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import pytest

from gateway.model.errors import NotReady
from gateway.sync import link as link_module
from tests.support.proxy import Proxy
from tests.sync.ears import PATIENCE_S, WILL, Ear, make_link, old_and_silent
from tests.sync.servers import CONNACK_311, certificate, packet, qos0, server


async def test_two_messages_in_one_tls_record_are_both_heard_at_once(tmp_path: Path) -> None:
    serving, asking = certificate(tmp_path)

    async def both(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK_311)
        await packet(reader)
        writer.write(
            bytes.fromhex("9003000101") + qos0(b"test/a", b"1") + qos0(b"test/a", b"2") + qos0(b"test/a", b"3")
        )
        await reader.read()

    async with server(both, serving) as port:
        link, ear = make_link(port, protocol="3.1.1", tls=asking), Ear()
        await link.connect(WILL, ear)
        await link.subscribe(["test/a"])
        await ear.until(lambda: [payload for _, payload in ear.messages] == [b"1", b"2", b"3"], patience_s=5.0)
        link.drop()


async def test_a_broker_whose_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path)
    async with server(old_and_silent, serving) as port:
        with pytest.raises(NotReady, match="certificate"):
            await make_link(port, tls=ssl.create_default_context()).connect(WILL, Ear())


async def test_giving_up_does_not_wait_for_a_handshake_that_hangs() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(4)
        link = make_link(mute.getsockname()[1], tls=ssl.create_default_context())
        attempt = asyncio.create_task(link.connect(WILL, Ear()))
        await asyncio.wait([attempt], timeout=0.2)
        attempt.cancel()
        async with asyncio.timeout(1.0):
            await asyncio.wait([attempt])
            await link.disconnect()
            await asyncio.get_running_loop().shutdown_default_executor()
        mute.close()
        for thread in threading.enumerate():
            if thread.name == "mqtt connect":
                thread.join(PATIENCE_S)
    await asyncio.sleep(0)  # the thread's last word


async def test_who_comes_through_too_late_is_sent_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A handshake that ends after its attempt was given up must not become a connection that nobody reads."""
    serving, asking = certificate(tmp_path)
    monkeypatch.setattr(link_module, "CONNECT_S", 0.3)
    asked: list[int] = []

    async def note(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(level)
        writer.write(CONNACK_311)
        await reader.read()

    async with server(note, serving) as broker_port, Proxy(broker_port) as proxy:
        proxy.swallow()
        link = make_link(proxy.port, protocol="3.1.1", tls=asking)
        with pytest.raises(NotReady):
            await link.connect(WILL, Ear())
        proxy.swallow(False)
        monkeypatch.setattr(link_module, "CONNECT_S", 5.0)
        await link.connect(WILL, Ear())
        link.drop()
    assert asked == [4]
