"""A real ledger and a real cache, without stations."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.sync import link as link_module
from tests.support.broker import Broker, amqtt, mosquitto, nats, rabbitmq
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY
from tests.sync.house import House


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.db", GATEWAY, clock)
    opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def house(ledger: Ledger, cache: Cache, clock: FakeClock, tmp_path: Path) -> Iterator[House]:
    """With a mosquitto of its own."""
    with mosquitto() as broker:
        yield House(ledger, cache, clock, broker, tmp_path)


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Broker]:
    """RabbitMQ starts slowly: one for a module, which what a test left there must not disturb."""
    with rabbitmq() as broker:
        yield broker


EVERY_BROKER = [mosquitto, amqtt, nats, pytest.param(rabbitmq, marks=pytest.mark.slow)]


@pytest.fixture(params=EVERY_BROKER)
def any_house(
    request: pytest.FixtureRequest, ledger: Ledger, cache: Cache, clock: FakeClock, tmp_path: Path
) -> Iterator[House]:
    """With each broker in turn."""
    if request.param is rabbitmq:
        yield House(ledger, cache, clock, request.getfixturevalue("rabbit"), tmp_path)
        return
    with request.param() as broker:
        yield House(ledger, cache, clock, broker, tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some brokers leave an MQTT 5 CONNECT hanging: do not wait six seconds for it each time."""
    monkeypatch.setattr(link_module, "CONNECT_S", 2.0)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache(tmp_path / "cache.db")
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port where nobody listens, and nobody can: it is held. A port that was merely free may be given to another."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
