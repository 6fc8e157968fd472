"""Who is near: enter and leave for each beacon, from levels that jump. Pure, fed with what was heard and when.

Guarantees: for each id `enter` and `leave` alternate and begin with `enter`; a level between the two limits changes
nothing; what is not heard for `unseen_s` leaves; at most `MOST` ids are kept, and one that is inside is never forgotten
to make room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from drivers.contract.reader import BeaconEvent

MOST = 2000
"""Ids kept at a time. A crowd wears some hundreds; more is somebody who makes them up."""


class Limits(msgspec.Struct, frozen=True):
    """`weight_percent`: how much a new level counts against the smoothed one before it. `sightings`: so often it must
    be heard as strong as that before it may enter, since a single reflection can be strong; one that is too faint
    begins anew."""

    enter_dbm: int
    leave_dbm: int
    unseen_ns: int
    weight_percent: int
    sightings: int


class Change(msgspec.Struct, frozen=True):
    """Somebody came or went; `rssi_dbm` is the smoothed level at that moment, or the last one."""

    id: str
    event: BeaconEvent
    rssi_dbm: int


class _Heard(msgspec.Struct):
    level: float
    seen_ns: int
    strong: int = 0
    inside: bool = False


class Presence:
    """All beacons of one scanner."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        """Who was heard last stands last."""

    def hear(self, beacon: str, rssi_dbm: int, now_ns: int) -> list[Change]:
        """It was heard, so strongly. What changed by it: one thing at most, and before it that it had gone."""
        limits, changes = self._limits, []
        one = self._heard.get(beacon)
        if one is not None and now_ns - one.seen_ns >= limits.unseen_ns:
            changes = self._forget(beacon)
            one = None
        if one is None:
            if not self._room():
                return changes
            one = self._heard[beacon] = _Heard(rssi_dbm, now_ns)
        else:
            one.level += (rssi_dbm - one.level) * limits.weight_percent / 100
            one.seen_ns = max(one.seen_ns, now_ns)
            self._heard.move_to_end(beacon)
        if rssi_dbm >= limits.enter_dbm:
            one.strong += 1
        elif rssi_dbm < limits.leave_dbm:
            one.strong = 0
        if not one.inside and one.level >= limits.enter_dbm and one.strong >= limits.sightings:
            one.inside = True
            changes.append(Change(beacon, BeaconEvent.ENTER, round(one.level)))
        elif one.inside and one.level < limits.leave_dbm:
            one.inside = False
            changes.append(Change(beacon, BeaconEvent.LEAVE, round(one.level)))
        return changes

    def look(self, now_ns: int) -> list[Change]:
        """Who has not been heard for so long that it has gone."""
        changes: list[Change] = []
        for beacon in self._unseen(now_ns):
            changes += self._forget(beacon)
        return changes

    def __len__(self) -> int:
        return len(self._heard)

    def _unseen(self, now_ns: int) -> Iterable[str]:
        found = []
        for beacon, one in self._heard.items():
            if now_ns - one.seen_ns < self._limits.unseen_ns:
                break
            found.append(beacon)
        return found

    def _forget(self, beacon: str) -> list[Change]:
        one = self._heard.pop(beacon)
        return [Change(beacon, BeaconEvent.LEAVE, round(one.level))] if one.inside else []

    def _room(self) -> bool:
        """Room for one more: of those outside, who was heard longest ago goes."""
        if len(self._heard) < MOST:
            return True
        oldest = next((beacon for beacon, one in self._heard.items() if not one.inside), None)
        if oldest is None:
            return False
        del self._heard[oldest]
        return True
