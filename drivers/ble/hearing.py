"""What one advertisement means: whose it is, and what follows. Pure, apart from the phones' cipher.

Strangers' devices are not kept, not counted and not reported: only families, keys and beacons that the options name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from drivers.ble import frames
from drivers.ble.phones import Phones
from drivers.ble.presence import Change, Presence
from drivers.ble.upkeep import Upkeep

MOST_CARRIERS = 500


class Sighting(msgspec.Struct, frozen=True):
    """One advertisement as BlueZ tells it. `random`: the address is not one that a maker has registered."""

    address: str
    random: bool
    rssi_dbm: int
    manufacturer: Mapping[int, bytes]
    service: Mapping[str, bytes]
    mono_ns: int


class Hearing:
    """`people` are families of beacons as `drivers.ble.options.canonical` writes them."""

    def __init__(self, people: Sequence[str], phones: Phones | None, presence: Presence, upkeep: Upkeep) -> None:
        self._people = ("phone:", *(family + ":" for family in people))
        self._phones = phones
        self._presence = presence
        self._upkeep = upkeep
        self._carriers: OrderedDict[str, str] = OrderedDict()
        """Address to the own beacon that sends from it: a telemetry frame does not say whose it is."""

    def take(self, seen: Sighting) -> list[Change]:
        """Who came or went by this."""
        changes: list[Change] = []
        for beacon in self._whose(seen):
            if beacon in self._upkeep:
                self._upkeep.hear(beacon, seen.rssi_dbm, seen.mono_ns)
                self._carry(seen.address, beacon)
            elif beacon.startswith(self._people):
                changes += self._presence.hear(beacon, seen.rssi_dbm, seen.mono_ns)
        self._measure(seen)
        return changes

    def _whose(self, seen: Sighting) -> list[str]:
        found = frames.ids(seen.manufacturer, seen.service)
        if self._phones is not None and seen.random and (phone := self._phones.resolve(seen.address)) is not None:
            found.append(phone)
        return found

    def _carry(self, address: str, beacon: str) -> None:
        self._carriers[address] = beacon
        self._carriers.move_to_end(address)
        if len(self._carriers) > MOST_CARRIERS:
            self._carriers.popitem(last=False)

    def _measure(self, seen: Sighting) -> None:
        if (beacon := self._carriers.get(seen.address)) is None:
            return
        if (said := frames.telemetry(seen.service)) is not None:
            self._upkeep.hear(beacon, seen.rssi_dbm, seen.mono_ns)
            self._upkeep.measure(beacon, said)
