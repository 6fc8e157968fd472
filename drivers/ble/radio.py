"""The scanner: bleak started, watched, started again; what it hears, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drivers.ble import advertise
from drivers.ble.bus import ANSWER_S, Adapter, Bus
from drivers.ble.errors import Code, fault, of_bluez
from drivers.ble.hearing import Sighting
from drivers.ble.options import Options
from drivers.ble.own_frame import payload
from drivers.driver import DeviceError

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

LOOK_EVERY_S = 4.0
"""How often BlueZ is asked after the adapter when nothing else shows that it lives: as often as `alive` is sent."""
GATHER_S = 0.02
"""What comes so shortly after the first is handled with it: a crowd's hundreds a second cost a fraction of the time."""
MOST_WAITING = 5000
"""Sightings that wait for us at most; the latest are dropped. Nobody notices one of hundreds."""
STOP_S = 0.4
IN_VAIN = 3
"""Restarts of the scanner without any advertisement until a person is told."""


class Radio:
    """One adapter. `start`, then `wait` again and again, then `stop`, all in one event loop."""

    def __init__(self, options: Options, log: Callable[[str], None]) -> None:
        self._options = options
        self._log = log
        self._wake = asyncio.Event()
        self._news = False
        self._bus = Bus(options.bus, self._tell_news)
        self._scanner: BleakScanner | None = None
        self._advertisement: advertise.Advertisement | None = None
        self._waiting: list[Sighting] = []
        self._asleep = 0
        self.in_vain = 0
        """How often scanning was started again since the last advertisement."""

    async def start(self) -> dict[str, str]:
        """Scan, and advertise when that is wanted. Returns what is to say of the adapter. Raises `DeviceError`."""
        await self._bus.connect()
        self._adapter = adapter = self._choose(await self._bus.adapters())
        if not adapter.powered:
            raise fault(Code.POWERED_OFF, wanted=adapter.name)
        await self._bus.watch(adapter.path)
        await self._scan()
        await self._advertise()
        self._look_at = time.monotonic() + LOOK_EVERY_S
        detail = {"adapter": adapter.name, "address": adapter.address, "mode": self._options.mode}
        return detail | ({"advertises": "yes"} if self._advertisement else {})

    async def wait(self, seconds: float) -> list[Sighting]:
        """What was heard, as soon as there is something; nothing after so many seconds. BlueZ and the adapter are well
        when this returns. Raises `DeviceError`."""
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
            await asyncio.sleep(GATHER_S)
        except TimeoutError:
            pass
        self._wake.clear()
        if self._news or time.monotonic() >= self._look_at:
            self._news = False
            await self._look()
        if time.monotonic() - self._heard_at >= self._options.watchdog_s:
            await self._again()
        heard, self._waiting = self._waiting, []
        return heard

    async def stop(self) -> None:
        """Let go of everything, whatever state it is in."""
        await self._end_scan()
        await self._bus.disconnect()

    # Scanning --------------------------------------------------------------------------------------------

    async def _scan(self) -> None:
        from bleak import BleakScanner
        from bleak.exc import BleakDBusError, BleakError

        bluez: dict[str, Any] = {"adapter": self._adapter.name, "filters": {"DuplicateData": True}}
        if self._options.mode == "passive":
            if "org.bluez.AdvertisementMonitorManager1" not in self._adapter.interfaces:
                raise fault(Code.NO_PASSIVE, why="it has no advertisement monitor")
            bluez["or_patterns"] = _patterns()
        self._scanner = BleakScanner(self._hear, scanning_mode=self._options.mode, bluez=bluez)  # type: ignore[arg-type]
        self._heard_at = time.monotonic()
        self._asleep = 0
        try:
            await asyncio.wait_for(self._scanner.start(), ANSWER_S)
        except TimeoutError as error:
            raise fault(Code.HUNG) from error
        except (OSError, EOFError) as error:
            raise fault(Code.NO_BUS, bus=self._options.bus or "its usual place") from error
        except BleakDBusError as error:
            raise of_bluez(error.dbus_error, self._adapter.name) from error
        except BleakError as error:
            code = Code.NO_PASSIVE if self._options.mode == "passive" else Code.FAILED
            raise fault(code, why=error) from error

    async def _end_scan(self) -> None:
        from bleak.exc import BleakError

        scanner, self._scanner = self._scanner, None
        if scanner is None:
            return
        try:
            await asyncio.wait_for(scanner.stop(), STOP_S)
        except (BleakError, OSError, EOFError, TimeoutError):
            return  # It is stopped because there is nothing left that scans.

    async def _again(self) -> None:
        """The watchdog: nothing at all for too long. Chips and BlueZ were both seen to fall silent like that."""
        self.in_vain += 1
        if self.in_vain == 1:
            self._log(f"no advertisement for {self._options.watchdog_s} s: scanning is started again")
        await self._end_scan()
        await self._scan()

    def _hear(self, device: BLEDevice, said: AdvertisementData) -> None:
        """From bleak. A device whose level BlueZ does not know was not heard now: bleak says -127."""
        if not -127 < said.rssi <= 20:
            return
        self._heard_at = time.monotonic()
        self.in_vain = 0
        if len(self._waiting) < MOST_WAITING:
            random = said.platform_data[1].get("AddressType") != "public"
            self._waiting.append(
                Sighting(
                    address=device.address,
                    random=random,
                    rssi_dbm=said.rssi,
                    manufacturer=said.manufacturer_data,
                    service=said.service_data,
                    mono_ns=time.monotonic_ns(),
                )
            )
        self._wake.set()

    # The adapter -----------------------------------------------------------------------------------------

    def _choose(self, adapters: list[Adapter]) -> Adapter:
        wanted = self._options.adapter
        known = ", ".join(f"{one.name} ({one.address})" for one in adapters) or "none"
        fitting = [one for one in adapters if wanted in ("", one.name, one.address)]
        if not fitting:
            raise fault(Code.NO_ADAPTER, wanted=wanted or "at all", known=known)
        if len(fitting) > 1:
            raise fault(Code.SEVERAL, known=known)
        return fitting[0]

    async def _look(self) -> None:
        self._look_at = time.monotonic() + LOOK_EVERY_S
        powered, discovering = await self._bus.look(self._adapter)
        if not powered:
            raise fault(Code.POWERED_OFF, wanted=self._adapter.name)
        if self._advertisement is not None and self._advertisement.released:
            raise fault(Code.NO_ADVERTISING, why="it let go of it")
        # Twice: BlueZ pauses for a moment between two rounds of its own. A passive scan is no discovery at all.
        self._asleep = 0 if discovering or self._options.mode == "passive" else self._asleep + 1
        if self._asleep >= 2:
            self._log("BlueZ has stopped scanning: it is started again")
            await self._end_scan()
            await self._scan()

    def _tell_news(self) -> None:
        self._news = True
        self._wake.set()

    async def _advertise(self) -> None:
        if self._options.advertise is None:
            return
        if advertise.MANAGER not in self._adapter.interfaces:
            raise fault(Code.NO_ADVERTISING, why="this adapter cannot")
        self._advertisement = advertise.Advertisement(payload(self._options.advertise))
        self._bus.answer = self._advertisement.answer
        arguments = [advertise.PATH, {}]
        try:
            await self._bus.ask(
                "org.bluez", self._adapter.path, advertise.MANAGER, "RegisterAdvertisement", "oa{sv}", arguments
            )
        except DeviceError as error:
            if error.problem.code in (Code.HUNG, Code.NO_SERVICE, Code.NO_BUS):
                raise
            raise fault(Code.NO_ADVERTISING, why=error.problem.cause) from error


def _patterns() -> list[Any]:
    """What a passive scan asks BlueZ for: the beginnings of the frames that `frames` decodes; an AltBeacon's code
    follows its maker's two bytes."""
    from bleak.args.bluez import OrPattern
    from bleak.assigned_numbers import AdvertisementDataType as Type

    return [
        OrPattern(0, Type.MANUFACTURER_SPECIFIC_DATA, b"\x4c\x00\x02\x15"),
        OrPattern(2, Type.MANUFACTURER_SPECIFIC_DATA, b"\xbe\xac"),
        OrPattern(0, Type.SERVICE_DATA_UUID16, b"\xaa\xfe"),
    ]
