"""A small place: real `Devices` with real driver processes, and everything that they tell."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config.types import DeviceSection
from gateway.devices import Devices
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth, Health
from gateway.model.reading import Reading
from tests.devices.drivers_for_tests import command


def section(name: str, options: dict[str, Any] | None = None, **more: Any) -> DeviceSection:
    """A device `dev-NAME` with one of the drivers for tests."""
    device = f"dev-{name.replace('_', '-')}"
    return DeviceSection(
        **{"id": device, "driver": f"test_{name}", "command": command(name), "options": options or {}, **more}
    )


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody reaps has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Place:
    """Devices under test."""

    def __init__(self, sections: list[DeviceSection]) -> None:
        self.readings: list[Reading] = []
        self.changes: list[DeviceHealth] = []
        self.floods: list[tuple[str, str, int]] = []
        self.errors: list[dict[str, Any]] = []
        self.devices = Devices(
            sections,
            SystemClock(),
            "Europe/Riga",
            on_reading=self.readings.append,
            on_change=self.changes.append,
            on_flood=lambda *flood: self.floods.append(flood),
        )

    def of(self, device: str) -> DeviceHealth:
        return next(health for health in self.devices.health() if health.device == device)

    def pid(self, device: str) -> int:
        pid = self.of(device).pid
        assert pid is not None
        return pid

    def told(self, device: str) -> list[Health]:
        return [change.health for change in self.changes if change.device == device]

    async def until(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Wait for something; fails with how things stand."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not within {timeout_s} s; {self.devices.health()} {self.floods}")

    async def ready(self, *devices: str) -> None:
        await self.until(lambda: all(self.of(device).health is Health.READY for device in devices))


Start = Callable[..., Awaitable[Place]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a place with these devices; at the end it is stopped, none of its processes is left, and no
    callback has failed."""
    places: list[Place] = []
    loop = asyncio.get_running_loop()

    async def starter(*sections: DeviceSection) -> Place:
        place = Place(list(sections))
        loop.set_exception_handler(lambda _, context: place.errors.append(context))
        places.append(place)
        await place.devices.start()
        return place

    yield starter
    for place in places:
        pids = [health.pid for health in place.devices.health() if health.pid is not None]
        await place.devices.stop()
        assert all(gone(pid) for pid in pids)
        assert place.errors == []


class Lag:
    """Measures how late the loop is: the longest time that it was busy with something else."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def __aenter__(self) -> Lag:
        self._task = asyncio.ensure_future(self._measure())
        self._cpu = time.process_time()
        self._began = time.monotonic()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.cpu_share = (time.process_time() - self._cpu) / (time.monotonic() - self._began)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _measure(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            self.worst_s = max(self.worst_s, time.monotonic() - before - 0.01)


def descriptors(pid: int) -> dict[int, str]:
    """What a process has open."""
    folder = f"/proc/{pid}/fd"
    found = {}
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # the one that listed the folder is closed by now
            found[int(name)] = os.readlink(f"{folder}/{name}")
    return found


def core_limit(pid: int) -> list[str]:
    """Soft and hard limit of core files, in bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core file")]
    return line.split()[4:6]
