"""A ledger in a temporary folder, and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ledger.ledger import Ledger
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
async def ledger(path: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    opened = Ledger(path, "gw-test", clock)
    opened.start()
    yield opened
    await opened.stop()
