"""A place in a temporary folder, and a counter of a town in one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stations.slip_counter import Counter
from tests.support.place import Place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "state").mkdir()
    started = Place(tmp_path / "state").start()
    yield started
    await started.stop()


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    made = Counter(tmp_path)
    await made.start()
    yield made
    await made.till.stop()
    await made.town.stop()
