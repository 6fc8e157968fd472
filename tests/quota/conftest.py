"""A world of two gateways, and one of them with a lease."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quota.messages import ANNA
from tests.quota.world import BOUGHT, BUDGET, ON_CARD, RIDES, TRUSTED, Box, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ["museum-1", "school-1"], RIDES, BUDGET, TRUSTED, BOUGHT, ON_CARD)
    made.talk()
    yield made
    made.stop()


@pytest.fixture
def box(world: World) -> Box:
    """With a lease of two rides for Anna, number 1."""
    box = world.boxes[0]
    box.want(RIDES, ANNA)
    world.talk()
    return box
