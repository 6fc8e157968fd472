"""The straight way: ask, lease, use in the commit, tell, close; and what each side does with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.errors import Conflict
from tests.quota.world import BUDGET, RIDES, TRUSTED, Box, World

ANNA = "holder-anna"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ["museum-1", "school-1"], RIDES, BUDGET, TRUSTED)
    yield made
    made.stop()


def born(world: World) -> Box:
    world.talk()
    return world.boxes[0]


def test_asked_leased_used_told_closed(world: World) -> None:
    box = born(world)
    box.want(RIDES, ANNA)
    world.talk()
    (left,) = box.quotas.left(ANNA, [box.asked(RIDES)], box.clock.stamp())
    assert (left.left, left.used, left.known, left.here) == (2, 0, True, True)
    assert box.serve(RIDES, ANNA)
    (left,) = box.quotas.left(ANNA, [box.asked(RIDES)], box.clock.stamp())
    assert (left.left, left.used) == (1, 1)
    world.talk()
    (row,) = world.leases()
    assert (row.units, row.used, row.standing) == (2, 1, "open")
    box.close(1)
    world.talk()
    assert world.out()[box.cell(RIDES, ANNA)] == 1
    assert box.rows("SELECT * FROM quota_lease") == []
    assert not world.alarms()


def test_what_is_not_leased_is_not_used(world: World) -> None:
    box = born(world)
    box.want(RIDES, ANNA)
    world.talk()
    assert box.serve(RIDES, ANNA, 2)
    assert box.serve(RIDES, ANNA) is None
    with pytest.raises(Conflict) as refused:
        box.commit(box.quotas.spend(ANNA, [box.use(RIDES)]))
    assert refused.value.code == "quota_changed"
