"""A real ledger and a real cache, without stations."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY


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
