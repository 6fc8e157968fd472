"""The simulated BlueZ: as a program steered by lines, and as the clients of a real one would find it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from bleak import BleakScanner

from drivers.ble.bus import ADDRESS
from drivers.simulators.ble import CROWD, Ble
from tests.support.bluez import bluez
from tests.support.programs import require_program

BEACON = "ibeacon:f7826da6-4fa2-4e98-8024-bc5b71e0893e:1:7"
ONE = "C0:00:00:00:00:01"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ble]:
    with bluez() as place:
        monkeypatch.setenv(ADDRESS, place.address)
        yield place


def scanner(*, duplicates: bool) -> BleakScanner:
    bluez: Any = {"adapter": "hci0", "filters": {"DuplicateData": duplicates}}
    return BleakScanner(lambda _device, _said: None, bluez=bluez)


async def test_nothing_is_told_while_nobody_scans_and_alike_only_to_who_asks_for_it(place: Ble) -> None:
    assert not place.beacon(ONE, BEACON)
    async with scanner(duplicates=False):
        assert [place.beacon(ONE, BEACON, -60), place.beacon(ONE, BEACON, -60), place.beacon(ONE, BEACON, -61)] == [
            True,
            False,
            True,
        ]
    async with scanner(duplicates=True):
        assert place.beacon(ONE, BEACON, -61)
    assert not place.beacon(ONE, BEACON)


async def test_what_a_device_sent_before_stays_with_it(place: Ble) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    async with BleakScanner(lambda _device, said: heard.put_nowait(said), bluez={"adapter": "hci0"}):
        place.beacon(ONE, BEACON)
        place.telemetry(ONE, 3000)
        told = [await asyncio.wait_for(heard.get(), 10) for _ in range(2)]
    assert [(len(said.manufacturer_data), len(said.service_data)) for said in told] == [(1, 0), (1, 1)]


def test_the_program_does_what_its_lines_say() -> None:
    require_program("dbus-daemon", "dbus")
    lines: list[dict[str, Any]] = [
        {"do": "beacon", "address": ONE, "id": BEACON, "rssi": -60},
        {"do": "power", "on": False},
        {"do": "die"},
        {"do": "back"},
        {"do": "flood", "count": 10},
        {"do": "phone", "irk": "00"},
        {"do": "state"},
    ]
    asked = "".join(json.dumps(line) + "\n" for line in lines)
    argv = [sys.executable, "-m", "drivers.simulators.ble"]
    done = subprocess.run(argv, input=asked, capture_output=True, text=True, timeout=30, check=True)
    ready, *answers = (json.loads(line) for line in done.stdout.splitlines())
    assert ready["ready"]["bus"].startswith("unix:path=/")
    assert [answer.get("ok", "error") for answer in answers[:6]] == [False, None, None, None, 0, "error"]
    assert answers[6] == {"ok": {"scanning": False, "monitors": [], "advertises": []}}
    assert CROWD.startswith("ibeacon:")
