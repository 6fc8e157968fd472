"""A gate whose reader is its relay too: a card at an OSDP reader opens the reader's own output.

Real driver process, real bus (libosdp at both ends of a pty), real ledger; only the hardware is simulated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from drivers.simulators.osdp import OsdpReaders
from gateway.config.types import DeviceSection, GateStation
from gateway.devices import Devices
from gateway.identity.identify import Identity
from gateway.model.clock import SystemClock
from gateway.model.device import Health
from gateway.model.entry import EntryKind
from gateway.model.identification import CredentialKind
from gateway.model.reading import Reading
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from gateway.stations.services import Services
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.credentials import parse_access_card
from tests.support.clock import FakeClock
from tests.support.place import FREE, KEYS, Place, digest

pytest.importorskip("osdp")

KEY = bytes.fromhex("000102030405060708090a0b0c0d0eff")
PATIENCE_S = 20.0


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[OsdpReaders]:
    bus = OsdpReaders(tmp_path / "bus", [(0, KEY)], outputs=1, inputs=1)
    bus.start()
    yield bus
    bus.stop()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Its clock is the machine's own, as the driver's is. A holder has the card 12, 34567."""
    (tmp_path / "state").mkdir()
    place = Place(tmp_path / "state", cast("FakeClock", SystemClock())).start()
    known = digest(CredentialKind.ACCESS_CARD, parse_access_card("h10301:12:34567") or b"")
    credentials = (RegistryCredential(CredentialKind.ACCESS_CARD, known, "h-eva"),)
    place.cache.stage_registry(2, RegistryContent("k1", (RegistryHolder("h-eva", (FREE,)),), credentials), "k1")
    assert place.cache.use_registry(2)
    yield place
    await place.stop()


async def test_a_card_at_the_reader_opens_the_readers_own_output_once(
    tmp_path: Path, place: Place, bus: OsdpReaders
) -> None:
    key = tmp_path / "osdp.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    options = {"port": str(tmp_path / "bus"), "inputs": 1, "readers": [{"address": 0, "key": str(key)}]}
    readings: asyncio.Queue[Reading] = asyncio.Queue()
    ready = asyncio.Event()
    devices = Devices(
        [DeviceSection(id="door", driver="osdp", options=options)],
        place.clock,
        "Europe/Riga",
        on_reading=readings.put_nowait,
        on_change=lambda told: ready.set() if told.health is Health.READY else None,
        on_flood=lambda *_flood: None,
    )
    identity = Identity(KEYS, place.cache, place.ledger.query)
    services = Services(place.ledger, identity, place.benefits, devices, place.board, place.clock)
    gate = Gate(
        GateStation(id="gate-1", readers=("door",), relay="door", pulse_ms=400, passage_input=0),
        services,
    )
    await devices.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await gate.start()
            await ready.wait()
            bus.card(0, 99, 1)  # nobody's
            await gate.on_reading(await readings.get())
            assert bus.pulses(0) == []
            bus.card(0, 12, 34567)
            await gate.on_reading(await readings.get())
            assert bus.pulses(0) == [(0, 400)]
            bus.inputs(0, [True])
            await gate.on_reading(await readings.get())
            while not any(event.show is Show.PASSED for event in place.board.after(0, "gate-1")):
                await place.board.wait(place.board.turn)
        await place.settle()
    finally:
        await gate.stop()
        await devices.stop()
    assert place.kinds() == [EntryKind.ADMISSION, EntryKind.OPENED, EntryKind.PASSED, EntryKind.REFUSAL]
    (admission,) = place.bodies(EntryKind.ADMISSION)
    assert admission["identification"]["credential"]["kind"] == "access_card"
    assert admission["identification"]["credential"]["strength"] == "weak"
    assert admission["identification"]["holder"] == "h-eva"
