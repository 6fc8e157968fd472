"""The link to a broker: real ones, and ones that hang, refuse, hang up or go silent."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gateway.cli.demo.ports import free_port
from gateway.model.errors import NotReady
from gateway.sync import link as link_module
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker as Address
from gateway.sync.port import Connected, Will
from tests.support.broker import Broker, amqtt, mosquitto
from tests.support.proxy import Proxy
from tests.sync.servers import (
    CONNACK_311,
    NOT_AUTHORISED_5,
    UNSUPPORTED_VERSION_5,
    certificate,
    packet,
    qos0,
    server,
)

WILL = Will("test/will", b"gone")
PATIENCE_S = 20.0


@pytest.fixture(params=[mosquitto, amqtt])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    make: Callable[[], AbstractContextManager[Broker]] = request.param
    with make() as broker:
        yield broker


@pytest.fixture
def mosquitto_here() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


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


async def test_messages_go_out_and_come_in(broker: Broker) -> None:
    link, ear = make_link(broker.port), Ear()
    granted = await connected(link, ear)
    assert granted.protocol == broker.protocols[-1]
    await link.subscribe(["test/#"])
    number = link.publish("test/a", b"x" * 100_000)
    await ear.until(lambda: bool(ear.messages) and number in ear.published)
    assert ear.messages == [("test/a", b"x" * 100_000)]
    await link.disconnect()


async def test_the_brokers_window_is_told() -> None:
    with mosquitto("max_inflight_messages 7") as broker:
        link, ear = make_link(broker.port), Ear()
        assert await link.connect(WILL, ear) == Connected("5", 7)
        await link.disconnect()
        old = make_link(broker.port, protocol="3.1.1")
        assert await old.connect(WILL, ear) == Connected("3.1.1", 65535)
        await old.disconnect()


async def test_the_brokers_largest_packet_is_told_where_it_says_one() -> None:
    with mosquitto("max_packet_size 20000") as broker:
        for protocol, largest in (("5", 20_000), ("3.1.1", None)):
            link = make_link(broker.port, protocol=protocol)
            granted = await connected(link, Ear())
            assert granted.maximum_packet == largest
            await link.disconnect()


async def test_a_goodbye_sends_what_is_left_and_takes_the_will_back(mosquitto_here: Broker) -> None:
    other, ear = await listening(mosquitto_here.port, "test/#")
    link = make_link(mosquitto_here.port)
    await link.connect(WILL, Ear())
    for number in range(15):
        link.publish("test/last", b"%d" % number)
    await link.disconnect()
    await ear.until(lambda: len(ear.messages) >= 15)
    await link.connect(Will("test/second", b""), Ear())  # whoever comes with this name ends the one before
    link.publish("test/end", b"")
    await ear.until(lambda: ("test/end", b"") in ear.messages)
    assert ear.messages == [*(("test/last", b"%d" % number) for number in range(15)), ("test/end", b"")]
    await link.disconnect()
    await other.disconnect()


async def test_a_drop_leaves_the_will(mosquitto_here: Broker) -> None:
    other, ear = await listening(mosquitto_here.port, "test/will")
    link = make_link(mosquitto_here.port)
    await link.connect(WILL, Ear())
    link.drop()
    await ear.until(lambda: ear.messages == [(WILL.topic, WILL.payload)])
    await other.disconnect()


async def test_after_a_drop_nothing_is_heard_and_nothing_can_be_said(mosquitto_here: Broker) -> None:
    link, ear = make_link(mosquitto_here.port), Ear()
    await link.connect(WILL, ear)
    link.drop()
    link.drop()
    with pytest.raises(NotReady):
        link.publish("test/a", b"")
    with pytest.raises(NotReady):
        await link.subscribe(["test/a"])
    assert ear.lost == []


async def test_a_link_can_be_made_again_and_again_and_leaves_no_socket_behind(mosquitto_here: Broker) -> None:
    link, ear = make_link(mosquitto_here.port), Ear()
    for _ in range(5):
        await link.connect(WILL, ear)
        link.publish("test/a", b"x" * 1000)
        link.drop()
    await link.connect(WILL, ear)
    gc.collect()  # what paho does at its end must not touch the live connection
    await link.subscribe(["test/b"])
    link.publish("test/b", b"still here")
    await ear.until(lambda: ear.messages == [("test/b", b"still here")])
    await link.disconnect()


async def test_a_broker_that_dies_is_noticed_once(mosquitto_here: Broker) -> None:
    link, ear = make_link(mosquitto_here.port), Ear()
    await link.connect(WILL, ear)
    mosquitto_here.kill()
    await ear.until(lambda: bool(ear.lost))
    assert len(ear.lost) == 1
    with pytest.raises(NotReady):
        await link.connect(WILL, ear)
    mosquitto_here.start()
    assert (await link.connect(WILL, ear)).protocol == "5"
    await link.disconnect()


async def test_a_half_open_link_is_noticed(mosquitto_here: Broker) -> None:
    async with Proxy(mosquitto_here.port) as proxy:
        link, ear = make_link(proxy.port, keepalive_s=1), Ear()
        await link.connect(WILL, ear)
        proxy.swallow()
        await ear.until(lambda: bool(ear.lost))
        proxy.swallow(False)
        await link.connect(WILL, ear)
        await link.disconnect()


async def test_an_idle_link_is_kept_alive(mosquitto_here: Broker) -> None:
    async with Proxy(mosquitto_here.port) as proxy:
        link, ear = make_link(proxy.port, keepalive_s=1), Ear()
        await link.connect(WILL, ear)
        before = proxy.passed
        with pytest.raises(TimeoutError):
            await ear.until(lambda: bool(ear.lost), patience_s=3.0)
        assert proxy.passed > before
        await link.disconnect()


async def test_a_link_that_is_reset_is_noticed(mosquitto_here: Broker) -> None:
    async with Proxy(mosquitto_here.port) as proxy:
        link, ear = make_link(proxy.port), Ear()
        await link.connect(WILL, ear)
        proxy.hang_up()
        await ear.until(lambda: len(ear.lost) == 1)


async def test_a_port_where_nobody_is_says_so(dead_port: int) -> None:
    with pytest.raises(NotReady, match="refused"):
        await make_link(dead_port).connect(WILL, Ear())


async def test_a_socket_that_met_itself_has_not_met_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """paho lets the kernel choose its own port; now and then the kernel chooses the very port it is to connect to."""
    connect = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda address, **_how: connect(address, 5.0, ("127.0.0.1", address[1]))
    )
    port = free_port()
    link = make_link(port)
    with pytest.raises(NotReady, match="refused"):
        await link.connect(WILL, Ear())
    assert not link._speak_old


async def test_a_name_that_does_not_resolve_says_so() -> None:
    link = PahoLink(Address("no-such-host.invalid", 1883, "museum-1", 60))
    with pytest.raises(NotReady, match=r"no-such-host\.invalid"):
        await link.connect(WILL, Ear())


# Brokers that know no MQTT 5 ------------------------------------------------------------------------------


async def old_and_silent(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if level == 4:
        writer.write(CONNACK_311)
    await reader.read()


async def old_and_curt(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if level == 4:
        writer.write(CONNACK_311)
        await reader.read()


async def old_and_polite(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(CONNACK_311 if level == 4 else UNSUPPORTED_VERSION_5)
    await reader.read()


@pytest.mark.parametrize("talk", [old_and_silent, old_and_curt, old_and_polite])
async def test_a_broker_that_knows_no_mqtt_5_gets_3_1_1_next(
    monkeypatch: pytest.MonkeyPatch, talk: Callable[..., asyncio.Future[None]]
) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.5)
    async with server(talk) as port:
        link, ear = make_link(port), Ear()
        with pytest.raises(NotReady):
            await link.connect(WILL, ear)
        assert (await link.connect(WILL, ear)).protocol == "3.1.1"
        link.drop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_configured_protocol_is_kept(monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.2)
    asked: list[int] = []

    async def silent(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(level)
        await reader.read()

    async with server(silent) as port:
        link = make_link(port, protocol=protocol)
        for _ in range(3):
            with pytest.raises(NotReady):
                await link.connect(WILL, Ear())
    assert asked == [5 if protocol == "5" else 4] * 3


async def test_a_refused_account_is_told_and_tried_with_the_same_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def strict(level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(level)
        writer.write(NOT_AUTHORISED_5)
        await reader.read()

    async with server(strict) as port:
        link, ear = make_link(port), Ear()
        for _ in range(2):
            with pytest.raises(NotReady, match="Not authorized"):
                await link.connect(WILL, ear)
    assert asked == [5, 5]
    assert ear.lost == []


async def test_a_network_that_swallows_everything_does_not_cost_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "CONNECT_S", 0.3)
    with socket.socket() as full:
        # A listener whose queue is full answers no further SYN: TCP itself hangs.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        link = make_link(full.getsockname()[1])
        with pytest.raises(NotReady, match="does not answer"):
            await link.connect(WILL, Ear())
        assert not link._speak_old
        for one in waiting:
            one.close()


# TLS ------------------------------------------------------------------------------------------------------


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
