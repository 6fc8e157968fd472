"""The link to a broker: two real ones, and networks that fail."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from gateway.cli.demo.ports import free_port
from gateway.model.errors import NotReady
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker as Address
from gateway.sync.port import Connected, Will
from tests.support.broker import Broker, amqtt, mosquitto
from tests.support.proxy import Proxy
from tests.sync.ears import WILL, Ear, connected, listening, make_link


@pytest.fixture(params=[mosquitto, amqtt])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    make: Callable[[], AbstractContextManager[Broker]] = request.param
    with make() as broker:
        yield broker


@pytest.fixture
def mosquitto_here() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


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
