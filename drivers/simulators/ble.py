"""A BlueZ with beacons and phones around it, on a D-Bus of its own.

    python -m drivers.simulators.ble [--folder PATH]

steered by lines:

    {"do": "beacon", "address": "C0:00:00:00:00:01", "id": "ibeacon:UUID:1:7", "rssi": -60}   one advertisement
    {"do": "telemetry", "address": "C0:00:00:00:00:01", "battery_mv": 2350}
    {"do": "phone", "irk": "32 hex digits", "rssi": -60}             a phone, from an address drawn anew
    {"do": "flood", "count": 1000, "devices": 50}
    {"do": "die"}, {"do": "back"}                                    bluetoothd
    {"do": "power", "on": false}, {"do": "plug", "there": false}     the adapter
    {"do": "state"}                                                  who scans, what is advertised
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from drivers.simulators import beacons, control
from drivers.simulators.beacons import Advertised
from drivers.simulators.bluez import Bluez
from drivers.simulators.dbus import Bus
from drivers.simulators.simulated import Act, CannotSimulate, Simulated

T = TypeVar("T")
CROWD = "ibeacon:0f0f0f0f-0000-4000-8000-000000000000"
"""Family of the beacons of a flood."""


class Ble:
    """A D-Bus and a bluetoothd in a thread of their own; every method returns when it has happened."""

    def __init__(self, folder: Path, *, monitors: bool = True, shut: bool = False) -> None:
        self.bus = Bus(folder, shut=shut)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bluez", daemon=True)
        self._moved = threading.Condition()
        self.scans = 0
        """How often somebody began to scan."""
        self._bluez = Bluez(self.bus.address, monitors=monitors, on_event=self._event)

    @property
    def address(self) -> str:
        return self.bus.address

    def start(self) -> None:
        self.bus.start()
        self._thread.start()
        self._do(self._bluez.start())

    def stop(self) -> None:
        self._do(self._bluez.die())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.bus.stop()

    # On the air ------------------------------------------------------------------------------------------

    def beacon(self, address: str, id: str, rssi: int = -60) -> bool:
        return self.send(address, beacons.beacon(id), rssi)

    def telemetry(self, address: str, battery_mv: int, rssi: int = -60) -> bool:
        return self.send(address, beacons.telemetry(battery_mv), rssi)

    def phone(self, irk: str, rssi: int = -60, address: str = "") -> str:
        """Returns the address that it used."""
        used = address or beacons.private_address(irk)
        self.send(used, Advertised({76: bytes.fromhex("1005031c")}, {}), rssi)
        return used

    def send(self, address: str, sent: Advertised, rssi: int = -60) -> bool:
        """Whether anybody was told of it."""
        return self._do(self._bluez.hear(address, rssi, sent))

    def flood(self, count: int, devices: int = 50) -> int:
        """So many advertisements as fast as the bus takes them. How many were told."""

        async def all_of_them() -> int:
            told = 0
            for at in range(count):
                one = at % devices
                address = f"C0:00:00:00:{one >> 8:02X}:{one & 0xFF:02X}"
                sent = beacons.beacon(f"{CROWD}:1:{one}")
                told += await self._bluez.hear(address, -40 - at % 20, sent)
            return told

        return self._do(all_of_them())

    # bluetoothd and the adapter --------------------------------------------------------------------------

    def die(self) -> None:
        self._do(self._bluez.die())

    def back(self) -> None:
        self._do(self._bluez.start())

    def end_bus(self) -> None:
        """The bus itself goes, and bluetoothd with it."""
        self.bus.stop()
        self.die()

    def power(self, on: bool) -> None:
        self._do(self._bluez.power(on))

    def plug(self, there: bool, name: str = "hci0") -> None:
        self._do(self._bluez.plug(there, name))

    def drop_scans(self) -> None:
        self._do(self._bluez.drop_scans())

    def freeze(self, frozen: bool) -> None:
        """It is there and answers nobody. Its signals still leave: an adapter's news make a client ask."""
        self._bluez.frozen = frozen
        self._do(self._bluez.power(on=True))

    def refuse_advertising(self) -> None:
        self._bluez.refuses_advertising = True

    def state(self) -> dict[str, Any]:
        sent = [_as_text(properties) for properties in self._bluez.advertisements.values()]
        monitors = [len(patterns) for patterns in self._bluez.monitors.values()]
        return {"scanning": self._bluez.scanning, "monitors": monitors, "advertises": sent}

    def wait(self, what: Callable[[dict[str, Any]], bool], timeout: float = 15.0) -> None:
        """Until the state is like that. Raises `TimeoutError`."""
        with self._moved:
            if not self._moved.wait_for(lambda: what(self.state()), timeout):
                raise TimeoutError(f"BlueZ: {self.state()}")

    def wait_scans(self, number: int, timeout: float = 15.0) -> None:
        """Until somebody has begun to scan for that time. Raises `TimeoutError`."""
        with self._moved:
            if not self._moved.wait_for(lambda: self.scans >= number, timeout):
                raise TimeoutError(f"BlueZ: {self.scans} scans")

    def _event(self, event: str, **fields: Any) -> None:
        with self._moved:
            self.scans += bool(event == "scan" and fields["on"])
            self._moved.notify_all()

    def _do(self, part: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(part, self._loop).result(15)


def _as_text(properties: dict[str, Any]) -> dict[str, Any]:
    """What a client advertises, bytes in hex."""
    text: dict[str, Any] = {"type": properties.get("Type", "")}
    for name in ("ManufacturerData", "ServiceData"):
        for key, content in properties.get(name, {}).items():
            text[str(key)] = bytes(content).hex()
    return text


@contextmanager
def simulate(folder: Path) -> Iterator[Simulated]:
    """A BlueZ of its own; somebody with a beacon comes near and goes away. Raises `CannotSimulate` without dbus-daemon.
    The limits are such that one advertisement is enough."""
    if shutil.which("dbus-daemon") is None:
        raise CannotSimulate("there is no dbus-daemon", "apt install dbus")
    simulator = Ble(folder)
    simulator.start()
    address, badge = "C0:00:00:00:00:01", f"{CROWD}:1:7"
    try:
        acts = (
            Act("somebody with a beacon comes near", lambda: simulator.beacon(address, badge, -50), reads=True),
            Act("and goes away", lambda: simulator.beacon(address, badge, -95), reads=True),
        )
        options = {"bus": simulator.address, "people": [CROWD], "weight_percent": 100, "sightings": 1, "unseen_s": 600}
        yield Simulated(options, acts, simulator.die, simulator.back)
    finally:
        simulator.stop()


def main(argv: list[str] | None = None) -> int:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(prog="drivers.simulators.ble", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the bus's socket is to be; a new folder without it")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sp-") as fresh:
        simulator = Ble(given.folder or Path(fresh))
        simulator.start()
        commands: dict[str, Callable[..., Any]] = {
            name: getattr(simulator, name)
            for name in ("beacon", "telemetry", "phone", "flood", "die", "back", "power", "plug", "freeze", "state")
        }
        try:
            control.serve({"bus": simulator.address}, commands)
        finally:
            simulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
