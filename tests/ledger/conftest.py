"""A ledger in a temporary folder, and a clock that tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.types import LedgerSection
from gateway.ledger.ledger import Ledger
from tests.ledger.life import Card, Open
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


@pytest.fixture
def card() -> Card:
    return Card()


@pytest.fixture
async def open_ledger(path: Path, clock: FakeClock, card: Card) -> AsyncIterator[Open]:
    """Opens the ledger with these limits, closing the one before."""
    opened: list[Ledger] = []

    async def open_it(**limits: int) -> Ledger:
        if opened:
            await opened.pop().stop()
        ledger = Ledger(path, "gw-test", clock, LedgerSection(ballast_bytes=0, **limits), card)
        ledger.start()
        opened.append(ledger)
        return ledger

    yield open_it
    await opened.pop().stop()
