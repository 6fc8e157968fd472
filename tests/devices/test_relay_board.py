"""The relay's own driver under the gateway's hand: what fell is put up again, nothing is pulsed again on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.simulators.relay import Fault, RelayBoard
from gateway.config.types import DeviceSection
from gateway.model.device import Health
from gateway.model.errors import NotReady
from tests.devices.conftest import Start

RELAY = "gate-relay"


async def test_lost_opened_again_killed_and_started_again(start: Start, tmp_path: Path) -> None:
    with RelayBoard(inputs=2, link=tmp_path / "board") as board:
        options = {"port": board.path, "inputs": 2, "answer_ms": 300, "idle_input_ms": 50}
        place = await start(DeviceSection(id=RELAY, driver="relay", options=options))
        await place.ready(RELAY)
        await place.devices.pulse(RELAY, 0, 100)

        board.fault(Fault.SILENT)
        await place.until(lambda: place.of(RELAY).health is Health.LOST)
        assert place.of(RELAY).code == "silent"
        with pytest.raises(NotReady):
            await place.devices.pulse(RELAY, 0, 100)
        board.fault(Fault.NONE)
        await place.ready(RELAY)  # opened again

        first = place.pid(RELAY)
        place.devices.kill(RELAY)
        await place.until(lambda: place.of(RELAY).restarts == 1)
        await place.ready(RELAY)  # started again
        assert place.pid(RELAY) != first
        await place.devices.pulse(RELAY, 0, 100)
        opened = [(event["channel"], event["ms"]) for event in board.named("opened")]
        assert opened == [(0, 100), (0, 100)], "each pulse once, whatever fell in between"
        await asyncio.to_thread(board.wait, "closed", 2)
