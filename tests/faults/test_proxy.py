"""The proxy's view of MQTT packets, against the standard's."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.proxy import HEAD_MAX, Mode, Proxy, packet_size, publish_of


def publish(topic: str, payload: bytes, qos: int, number: int) -> bytes:
    """A PUBLISH (MQTT 3.1.1, section 3.3), its length as in section 2.2.3."""
    name = topic.encode()
    body = struct.pack(">H", len(name)) + name + (struct.pack(">H", number) if qos else b"") + payload
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([0x30 | qos << 1]) + length + body


@given(st.text(min_size=1, max_size=50), st.binary(max_size=20_000), st.integers(0, 1), st.integers(1, 65_535))
def test_a_publish_is_read_as_it_was_written(topic: str, payload: bytes, qos: int, number: int) -> None:
    packet = publish(topic, payload, qos, number)
    assert packet_size(packet + b"more") == len(packet)
    assert publish_of(packet) == (topic, number if qos else None)


@given(st.binary(max_size=HEAD_MAX + 2))
def test_no_beginning_of_a_packet_is_too_odd(beginning: bytes) -> None:
    size = packet_size(beginning)
    assert size is None or size >= 2


@pytest.fixture
def ends() -> Iterator[tuple[Proxy, socket.socket, socket.socket]]:
    """A proxy with one connection: the gateway's end and the broker's."""
    proxy = Proxy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.start(listener.getsockname()[1])
        gateway = socket.create_connection(("127.0.0.1", proxy.port), 5)
        broker, _ = listener.accept()
        broker.settimeout(5)
        yield proxy, gateway, broker
        proxy.stop()
        gateway.close()
        broker.close()


Ends = tuple[Proxy, socket.socket, socket.socket]
PING = b"\xd0\x00"


def read(end: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += end.recv(size - len(found))
    return found


def test_a_swallowed_ack_is_confirmed_and_everything_else_passes(ends: Ends) -> None:
    proxy, gateway, broker = ends
    proxy.set(Mode.NO_ACKS)
    bundle = publish("sp/1/c/00/g/bundle", b"x", 1, 8)
    broker.sendall(publish("sp/1/c/00/g/ack", b"x", 1, 7) + bundle + PING)
    assert read(gateway, len(bundle + PING)) == bundle + PING
    assert broker.recv(4) == struct.pack(">BBH", 0x40, 2, 7)
    assert proxy.swallowed == 1


def test_a_deaf_link_lets_only_pings_through(ends: Ends) -> None:
    proxy, gateway, broker = ends
    proxy.set(Mode.DEAF)
    broker.sendall(publish("t", b"x", 1, 7) + struct.pack(">BBH", 0x40, 2, 1) + PING)
    assert gateway.recv(1000) == PING
    assert read(broker, 4) == struct.pack(">BBH", 0x40, 2, 7)
    gateway.sendall(PING)
    assert read(broker, 2) == PING


def test_what_is_held_comes_later(ends: Ends) -> None:
    proxy, gateway, broker = ends
    proxy.set(Mode.HOLD)
    gateway.sendall(PING)
    broker.setblocking(False)
    with pytest.raises(BlockingIOError):
        broker.recv(10)
    broker.settimeout(5)
    proxy.set(Mode.PASS)
    assert broker.recv(10) == PING


def test_a_reset_is_a_reset_at_both_ends(ends: Ends) -> None:
    proxy, gateway, broker = ends
    gateway.sendall(PING)
    assert broker.recv(10) == PING
    assert proxy.hang_up() == 1
    for end in (gateway, broker):
        with pytest.raises(ConnectionResetError):
            end.recv(10)


def test_a_refusing_proxy_takes_no_connection() -> None:
    proxy = Proxy()
    proxy.start(9)
    proxy.set(Mode.REFUSE)
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as end:
        assert end.recv(10) == b""
    proxy.stop()
