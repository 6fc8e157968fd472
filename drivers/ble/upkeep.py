"""How the place's own beacons are: heard or silent, battery full or low. Pure, fed with what was heard and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from drivers.ble.errors import Code, problem
from drivers.ble.frames import Telemetry
from drivers.contract.core import Problem

MINUTE_NS = 60_000_000_000
LEAST_RISE_MV = 100
"""A battery that was told low is well again when it has so much more: a cold night must not tell it twice."""


class _Own(msgspec.Struct):
    name: str
    heard_ns: int
    ever: bool = False
    rssi_dbm: int = 0
    telemetry: Telemetry | None = None
    low: bool = False


class Upkeep:
    """`names`: id of each own beacon to what people call it. Silence counts only while we listen."""

    def __init__(self, names: Mapping[str, str], *, silent_min: int, battery_mv: int, now_ns: int) -> None:
        self._own = {beacon: _Own(name, now_ns) for beacon, name in names.items()}
        self._silent_min = silent_min
        self._battery_mv = battery_mv

    def __contains__(self, beacon: str) -> bool:
        return beacon in self._own

    def hear(self, beacon: str, rssi_dbm: int, now_ns: int) -> None:
        one = self._own[beacon]
        one.heard_ns, one.ever, one.rssi_dbm = max(now_ns, one.heard_ns), True, rssi_dbm

    def measure(self, beacon: str, said: Telemetry) -> None:
        """What it said of itself; the battery only when it measures it."""
        one = self._own[beacon]
        one.telemetry = said
        if said.battery_mv is not None:
            one.low = said.battery_mv < self._battery_mv + (LEAST_RISE_MV if one.low else 0)

    def was_deaf(self, ns: int) -> None:
        """So long nothing could be heard: it is nobody's silence."""
        for one in self._own.values():
            one.heard_ns += ns

    def problem(self, now_ns: int) -> Problem | None:
        """What a person should see to, silence before batteries; None when all is well."""
        if silent := [one.name for one in self._own.values() if self._is_silent(one, now_ns)]:
            return problem(Code.BEACON_SILENT, minutes=self._silent_min, names=_list(silent))
        if low := [f"{one.name} ({_volts(one)})" for one in self._own.values() if one.low]:
            return problem(Code.BATTERY_LOW, names=_list(low))
        return None

    def detail(self, now_ns: int) -> dict[str, str]:
        """Each of them in words, for the technician."""
        return {f"beacon {one.name}": self._words(one, now_ns) for one in self._own.values()}

    def _is_silent(self, one: _Own, now_ns: int) -> bool:
        return now_ns - one.heard_ns >= self._silent_min * MINUTE_NS

    def _words(self, one: _Own, now_ns: int) -> str:
        if not one.ever:
            return "silent" if self._is_silent(one, now_ns) else "not heard yet"
        words = ["silent" if self._is_silent(one, now_ns) else f"{one.rssi_dbm} dBm"]
        if one.telemetry is not None:
            if one.telemetry.battery_mv is not None:
                words.append(_volts(one))
            if one.telemetry.celsius is not None:
                words.append(f"{one.telemetry.celsius:.1f} °C")
            words.append(f"up {one.telemetry.uptime_s // 86_400} days")
        return ", ".join(words)


def _volts(one: _Own) -> str:
    millivolts = one.telemetry.battery_mv if one.telemetry else None
    return "" if millivolts is None else f"{millivolts / 1000:.2f} V"


def _list(names: Sequence[str]) -> str:
    """At most ten of them."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
