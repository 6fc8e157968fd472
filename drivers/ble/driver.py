"""The ble driver: listens for beacons and phones, reports who comes and goes, looks after the place's own beacons."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drivers.ble.errors import Code, problem
from drivers.ble.hearing import Hearing
from drivers.ble.options import Options, canonical
from drivers.ble.phones import Phones, read_keys
from drivers.ble.presence import Change, Limits, Presence
from drivers.ble.upkeep import Upkeep
from drivers.contract.core import Kind
from drivers.contract.reader import Beacon
from drivers.driver import DeviceError, Driver, Port

if TYPE_CHECKING:
    from drivers.ble.radio import Radio

T = TypeVar("T")

WAIT_S = 0.5
"""We sleep so long at most: to hear that we are to stop, and to see who has gone."""


class BleDriver(Driver[Options]):
    """A Bluetooth adapter that BlueZ drives. Reports `Beacon` when somebody's beacon or phone comes near and when it is
    gone; tells by `concern` of own beacons that are silent or low. Strangers' devices leave no trace.

    `alive` is BlueZ's answer about the adapter, or an advertisement: in a quiet place there is no other.
    """

    name = "ble"
    kind = Kind.READER
    options_type = Options

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._runner: asyncio.Runner | None = None
        self._radio: Radio | None = None
        self._presence: Presence | None = None
        self._upkeep: Upkeep | None = None
        self._deaf_since: int | None = None

    def open(self, options: Options) -> dict[str, str]:
        from drivers.ble.radio import Radio  # brings bleak, after the hello is out

        phones = Phones(read_keys(Path(options.phone_keys))) if options.phone_keys else None
        self._options = options
        self._runner = asyncio.Runner()  # a new loop: bleak keeps what it knew of BlueZ with the loop
        self._radio = Radio(options, self.log)
        detail = self._run(self._radio.start())
        self._hearing = self._hear(options, phones)
        self._detail = detail
        return detail | self._look_after(options, time.monotonic_ns()).detail(time.monotonic_ns())

    def poll(self) -> float:
        if self._radio is None or self._upkeep is None or self._presence is None:
            raise DeviceError(problem(Code.NO_SERVICE))
        heard = self._run(self._radio.wait(WAIT_S))
        self.alive()
        for seen in heard:
            self._tell(self._hearing.take(seen))
        now_ns = time.monotonic_ns()
        self._tell(self._presence.look(now_ns))
        self._worry(self._radio, self._upkeep, now_ns)
        return 0.0

    def close(self) -> None:
        if self._runner is None:
            return
        if self._deaf_since is None:
            self._deaf_since = time.monotonic_ns()
        if self._radio is not None:
            self._run(self._radio.stop())
            self._radio = None
        self._runner.close()
        self._runner = None

    def _hear(self, options: Options, phones: Phones | None) -> Hearing:
        """What was known before an outage stays known: nobody enters twice because bluetoothd was restarted."""
        if self._presence is None:
            limits = Limits(
                options.enter_dbm,
                options.leave_dbm,
                options.unseen_s * 1_000_000_000,
                options.weight_percent,
                options.sightings,
            )
            self._presence = Presence(limits)
        people = [canonical(family) for family in options.people]
        return Hearing(people, phones, self._presence, self._look_after(options, time.monotonic_ns()))

    def _look_after(self, options: Options, now_ns: int) -> Upkeep:
        if self._upkeep is None:
            names = {canonical(one.id): one.name for one in options.own}
            self._upkeep = Upkeep(names, silent_min=options.silent_min, battery_mv=options.battery_mv, now_ns=now_ns)
        elif self._deaf_since is not None:
            self._upkeep.was_deaf(now_ns - self._deaf_since)
        self._deaf_since = None
        return self._upkeep

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self.reading(Beacon(change.id, change.event, change.rssi_dbm))

    def _worry(self, radio: Radio, upkeep: Upkeep, now_ns: int) -> None:
        from drivers.ble.radio import IN_VAIN

        told = upkeep.problem(now_ns)
        if radio.in_vain >= IN_VAIN:
            seconds = self._options.watchdog_s * IN_VAIN
            told = problem(Code.NOTHING_HEARD, seconds=seconds, times=IN_VAIN)
        self.concern(told, lambda: self._detail | upkeep.detail(now_ns))

    def _run(self, part: Coroutine[Any, Any, T]) -> T:
        """Not by the runner itself, which takes Ctrl-C to itself each time."""
        if self._runner is None:
            part.close()
            raise DeviceError(problem(Code.NO_SERVICE))
        return self._runner.get_loop().run_until_complete(part)
