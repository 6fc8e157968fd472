"""The readers' own drivers under the gateway's hand: what they report arrives, and what fell is put up again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.simulators.card_place import CardPlace
from drivers.simulators.desfire import Desfire
from drivers.simulators.pn532 import Pn532
from drivers.simulators.port100 import Port100
from drivers.simulators.reader_desk import plugged_in
from gateway.config.types import DeviceSection
from gateway.model.device import Health
from gateway.model.reading import CardReading, Proved, Unproved
from tests.devices.conftest import Place, Start
from tests.drivers.desfire_cards import APPLICATION, UID, genuine, options
from tests.support.pcscd import pcscd

READER = "desk-reader"
PROVED, UNPROVED = Proved(UID, APPLICATION, 0), Unproved(APPLICATION)


async def lost(place: Place, code: str) -> None:
    await place.until(lambda: place.of(READER).health is Health.LOST)
    assert place.of(READER).code == code


async def killed(place: Place) -> None:
    """Its process ends, and another one has taken its place."""
    first = place.pid(READER)
    place.devices.kill(READER)
    await place.until(lambda: place.of(READER).restarts == 1)
    await place.ready(READER)
    assert place.pid(READER) != first


async def presented(place: Place, chip: CardPlace, card: Desfire) -> Proved | Unproved | None:
    """What arrives of it."""
    before = len(place.readings)
    chip.place(card)
    await place.until(lambda: len(place.readings) > before)
    chip.remove()
    await asyncio.to_thread(chip.wait_looks, 4)
    reading = place.readings[-1]
    assert isinstance(reading, CardReading)
    return reading.proof


@pytest.mark.parametrize("make", [Pn532, Port100])
async def test_nfc_is_lost_opened_again_killed_and_started_again(
    start: Start, tmp_path: Path, make: Callable[[Path], Pn532 | Port100]
) -> None:
    chip = make(tmp_path / "reader")
    with plugged_in(chip):
        nfc = {"port": chip.path, "poll_ms": 20, "desfire": options(tmp_path)}
        place = await start(DeviceSection(id=READER, driver="nfc", options=nfc))
        await place.ready(READER)
        assert await presented(place, chip, genuine()) == PROVED
        chip.silent = True
        await lost(place, "no_answer")
        chip.silent = False
        await place.ready(READER)
        assert await presented(place, chip, genuine().clone()) == UNPROVED
        await killed(place)
        assert await presented(place, chip, genuine()) == PROVED


async def test_pcsc_is_lost_opened_again_killed_and_started_again(start: Start, tmp_path: Path) -> None:
    with pcscd() as daemon:
        env = (f"{name}={value}" for name, value in daemon.env.items())
        command = ("env", *env, sys.executable, "-m", "drivers.pcsc")
        pcsc = {"reader": "00 00", "desfire": options(tmp_path)}
        place = await start(DeviceSection(id=READER, driver="pcsc", command=command, options=pcsc))
        await place.ready(READER)
        await asyncio.to_thread(daemon.kill)
        await lost(place, "no_service")
        await asyncio.to_thread(daemon.start)
        await place.ready(READER)
        await killed(place)
        await asyncio.to_thread(daemon.slots[0].place, genuine())
        await place.until(lambda: bool(place.readings))
        (reading,) = place.readings
        assert isinstance(reading, CardReading)
        assert reading.proof == PROVED
