"""Drivers at their simulators under the gateway's hand: lost, opened again, killed, started again, each one serves."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from drivers.contract.core import Kind
from drivers.simulators.simulated import Simulated, simulation
from gateway.config.types import DeviceSection
from gateway.model.device import Health
from gateway.model.slip import SlipJob, SlipText
from tests.devices.conftest import Place, Start
from tests.drivers.test_quality import ROOT, driver_class
from tests.support.programs import require_program

DEVICE = "device"
Serves = Callable[[Place, Simulated], Awaitable[None]]


async def reads(place: Place, simulated: Simulated) -> None:
    """The next thing that is presented arrives as a reading."""
    before = len(place.readings)
    act = next(act for act in simulated.acts[before % len(simulated.acts) :] if act.reads)
    await asyncio.to_thread(act.do)
    await place.until(lambda: len(place.readings) > before)


async def answers(place: Place, _simulated: Simulated) -> None:
    """The library's system says its word about a card: nobody's, here."""
    assert str(await place.devices.library_card(DEVICE, b"L-1")) == "unknown"


async def types(place: Place, _simulated: Simulated) -> None:
    await place.devices.type_text(DEVICE, b"LIB-00417")


async def tells(place: Place, _simulated: Simulated) -> None:
    """The printer says how it is."""
    assert (await place.devices.printer_status(DEVICE)).ready


async def prints(place: Place, _simulated: Simulated) -> None:
    assert await place.devices.print_slip(DEVICE, SlipJob("k", (SlipText("Vēl 3 no 10"),)))


SERVES: dict[Kind, Serves] = {
    Kind.READER: reads,
    Kind.LIBRARY: answers,
    Kind.KEYBOARD: types,
    Kind.PRINTER: tells,
    Kind.SLIP: prints,
}


@pytest.fixture
async def simulated(name: str) -> AsyncIterator[Simulated]:
    if name == "ble":
        require_program("dbus-daemon", "dbus")
    if name == "osdp":
        pytest.importorskip("osdp")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sp-"))  # A socket's path has 107 bytes.
        yield stack.enter_context(simulation(name)(Path(folder)))


@pytest.mark.parametrize("name", ["ble", "fiscal", "osdp", "scanner", "sip2", "slip", "wedge", "wiegand"])
async def test_lost_opened_again_killed_and_started_again_it_serves(
    start: Start, name: str, simulated: Simulated
) -> None:
    serves = SERVES[driver_class(ROOT / "drivers" / name).kind]
    command = ("env", *(f"{key}={value}" for key, value in simulated.env.items()), sys.executable, "-m")
    section = DeviceSection(
        id=DEVICE, driver=name, command=(*command, f"drivers.{name}"), options=dict(simulated.options)
    )
    place = await start(section)
    await place.ready(DEVICE)
    await serves(place, simulated)
    await asyncio.to_thread(simulated.unplug)
    await place.until(lambda: place.of(DEVICE).health is Health.LOST)
    assert place.of(DEVICE).code
    first = place.pid(DEVICE)
    await asyncio.to_thread(simulated.plug)
    await place.ready(DEVICE)
    assert place.pid(DEVICE) == first, "what comes back is opened again by the same process"
    await serves(place, simulated)
    place.devices.kill(DEVICE)
    await place.until(lambda: place.of(DEVICE).restarts == 1)
    await place.ready(DEVICE)
    assert place.pid(DEVICE) != first
    await serves(place, simulated)
