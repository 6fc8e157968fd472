"""A place in a temporary folder, a POS at a till of it, and a counter of a town."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stations.slip_counter import Counter
from tests.stations.till_rig import Pos, with_quotas
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


@pytest.fixture
async def pos(place: Place) -> Pos:
    return await Pos(place).start()


@pytest.fixture
async def counted(place: Place, tmp_path: Path) -> AsyncIterator[Pos]:
    authority = await with_quotas(place, tmp_path)
    yield await Pos(place, printer="fiscal-1").start()
    await authority.stop()
