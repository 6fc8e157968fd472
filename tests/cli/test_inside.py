"""`smartplace inside` and what `smartplace status` says of it, against the real API of a gateway."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.types import GateStation
from gateway.stations.gate import Gate
from tests.api.conftest import Place
from tests.cli.conftest import said, smartplace


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "place").mkdir()
    made = Place(tmp_path / "place")
    await made.start()
    gate = GateStation(id="gate-2", readers=("reader-1",), relay="relay-1", passage_input=0, exit_input=1, capacity=50)
    made.stations["gate-2"] = Gate(gate, made.services)
    yield made
    await made.stop()


async def typed(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, while the gateway goes on."""
    return await asyncio.to_thread(smartplace, *arguments, "--socket", place.socket_path)


async def test_it_is_set_and_shown(place: Place) -> None:
    done = await typed(place, "inside", "--set", "12")
    assert (done.returncode, done.stdout) == (0, "place: 12 inside from now on, 0 were counted\n")
    assert (await typed(place, "inside")).stdout.split() == ["place", "12", "of", "50", "inside"]
    told = json.loads((await typed(place, "inside", "--json")).stdout)
    assert told == {"schema": 1, "areas": [{"area": "place", "persons": 12, "capacity": 50}]}
    (line,) = [one for one in (await typed(place, "status")).stdout.splitlines() if "gate-2" in one]
    assert "12 of 50 inside" in line


async def test_an_area_that_no_gate_has_is_4(place: Place) -> None:
    done = await typed(place, "inside", "--set", "1", "--area", "tower/../x")
    assert done.returncode == 4
    assert said(done)[0].startswith("error: ")


async def test_a_place_without_gates_says_so(place: Place) -> None:
    for gate in ("gate-1", "gate-2"):
        place.stations.pop(gate)
    assert (await typed(place, "inside")).stdout == "no gate here counts who is inside\n"
