"""Readings on their way in: fresh, of the right kind, not too many. What is refused is counted, not logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum

from drivers.contract import core
from drivers.contract.codec import BadMessage
from gateway.devices import convert
from gateway.devices.budget import Bucket, Refusals
from gateway.devices.standing import Standing
from gateway.model.clock import Clock
from gateway.model.reading import READING_LIFE_MS, InputReading, Reading

FUTURE_MS = 100
"""A stamp may be so far ahead, as `gateway.model.reading.is_fresh` has it."""
READINGS_PER_S, READINGS_BURST = 10, 30
"""No person taps faster; a crowd at a gate is one a second."""
INPUTS_PER_S, INPUTS_BURST = 100, 100
"""Of each input of a relay board: as often as our driver can look at it. A passage is two edges; a contact that
chatters must not drown the one beside it, which may be the fire alarm's or somebody's who wants out."""


class Refused(StrEnum):
    """Why something from a device was refused: the reasons of `on_flood`."""

    STALE = "stale"
    """Older than a reading may be, or from the future."""
    FLOOD = "flood"
    """More readings than the device may send."""
    GARBAGE = "garbage"
    """No message of the contract, or not one that this device may send."""


class Intake:
    """One device's readings. `on_reading` is called by the loop, so that its faults are not the driver's."""

    def __init__(
        self, device: str, clock: Clock, standing: Standing, refusals: Refusals, on_reading: Callable[[Reading], None]
    ) -> None:
        self._device = device
        self._clock = clock
        self._standing = standing
        self._refusals = refusals
        self._on_reading = on_reading
        self._bucket = Bucket(READINGS_PER_S, READINGS_BURST)
        self._inputs: dict[int, Bucket] = {}

    def reading(self, kinds: Sequence[core.Kind], message: core.Reading) -> bool:
        """Take one of a device of these kinds, or count why not. Whether it shows that the device lives."""
        if not self.fresh(message.mono_ns, READING_LIFE_MS):
            return False
        try:
            seen = convert.reading(self._device, kinds, message.mono_ns, message.body)
        except BadMessage:
            self.garbage(1)
            return False
        loop = asyncio.get_running_loop()
        if self._bucket_of(seen).take(loop.time()):
            loop.call_soon(self._on_reading, seen)
        else:
            self._standing.slowed += 1
            self._refusals.count(Refused.FLOOD)
        return True

    def _bucket_of(self, seen: Reading) -> Bucket:
        if not isinstance(seen, InputReading):
            return self._bucket
        if seen.channel not in self._inputs:  # `convert` bounds them
            self._inputs[seen.channel] = Bucket(INPUTS_PER_S, INPUTS_BURST)
        return self._inputs[seen.channel]

    def fresh(self, mono_ns: int, life_ms: float) -> bool:
        """Whether a stamp of the driver is not older than that and not from the future; counted if not."""
        age_ms = (self._clock.mono_ns() - mono_ns) / 1e6
        if -FUTURE_MS <= age_ms <= life_ms:
            return True
        self._refusals.count(Refused.STALE)
        return False

    def garbage(self, number: int) -> None:
        self._standing.garbage += number
        self._refusals.count(Refused.GARBAGE, number)
