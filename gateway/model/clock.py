"""Time on a box without a clock battery: wall time is a claim, monotonic time and the boot id are facts."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

SYNCHRONIZED = "/run/systemd/timesync/synchronized"
LOOK_NS = 500_000_000
"""Between two looks whether the clock is synchronised: a crowd's entries need not ask the file system each time."""


class ClockQuality(StrEnum):
    """How far the wall clock may be trusted."""

    NTP = "ntp"
    """Synchronised by the network since this boot."""
    RTC = "rtc"
    """Set from a battery-backed clock."""
    GUESS = "guess"
    """Nothing vouches for it."""

    @property
    def trusted(self) -> bool:
        """Whether wall time may decide something: an expiry, an anchor."""
        return self is not ClockQuality.GUESS


class Stamp(msgspec.Struct, frozen=True):
    """A moment: wall clock in ms since 1970 UTC, monotonic ns of the boot `boot`, and the clock's quality."""

    wall_ms: int
    mono_ns: int
    boot: str
    quality: ClockQuality


class Clock(Protocol):
    """Injected wherever time is needed; tests give their own."""

    def stamp(self) -> Stamp: ...
    def mono_ns(self) -> int: ...
    def wall_ms(self) -> int: ...


class SystemClock:
    """The machine's clocks. The boot id is read once: it cannot change while a process lives.

    `vouched`: someone says that this machine's clock is right without our seeing it (a battery, another NTP
    client); it then counts as `rtc` at least.
    """

    def __init__(self, *, vouched: bool = False) -> None:
        self._boot = read_boot_id()
        self._at_least = ClockQuality.RTC if vouched else ClockQuality.GUESS
        self._quality = self._at_least
        self._looked_ns: int | None = None

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def stamp(self) -> Stamp:
        mono_ns = time.monotonic_ns()
        if self._looked_ns is None or mono_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = mono_ns
            quality = clock_quality()
            self._quality = self._at_least if quality is ClockQuality.GUESS else quality
        return Stamp(self.wall_ms(), mono_ns, self._boot, self._quality)


def read_boot_id() -> str:
    """The kernel's random id of this boot, 32 hex digits (`proc(5)`, boot_id)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")


def clock_quality() -> ClockQuality:
    """`ntp` when systemd-timesyncd says so (it touches this file whenever it has, systemd-timesyncd(8))
    since the boot, else `guess`. Costs one `stat`."""
    try:
        synchronised = os.stat(SYNCHRONIZED).st_mtime
    except OSError:
        return ClockQuality.GUESS
    return ClockQuality.NTP if synchronised > 0 else ClockQuality.GUESS
