from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.house import House

NewHouse = Callable[..., House]


@pytest.fixture
def new_house() -> Iterator[NewHouse]:
    """Makes houses; each is torn down after the test. Their folders are short: sockets live in them."""
    houses: list[House] = []

    def make(broker: str = "embedded") -> House:
        houses.append(House(Path(tempfile.mkdtemp(prefix="sp-")), broker))
        return houses[-1]

    yield make
    for house in houses:
        house.close()
        # Shown by pytest when the test has failed.
        print(house.log()[-4000:])
        shutil.rmtree(house.town.folder)


@pytest.fixture
def house(new_house: NewHouse) -> House:
    """One where everything runs and is ready."""
    house = new_house()
    house.open()
    house.rig.wait_ready()
    return house
