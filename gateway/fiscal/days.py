"""The fiscal day of each device: since when something of ours was sold, which Z report was the last, and whether the
next one is due. State table `fiscal_day`.

A fiscal device refuses to sell when more than 24 hours have passed since the first receipt after its last Z report.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId

WARN_H = 22.0
"""Hours after the first receipt at which somebody has to be told: two are left to come and print the Z report."""
BLOCKS_H = 24.0
HOUR_MS = 3_600_000

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class FiscalDay(msgspec.Struct, frozen=True):
    """`z_number`: of the last Z report that is known of, empty before one was seen. `serial`: of the device it was seen
    at. `first_…`: our first receipt since, by all three clocks; 0 when there was none. `warned`: it was told that the
    next report is due."""

    device: str
    z_number: str = ""
    serial: str = ""
    first_ms: int = 0
    first_boot: str = ""
    first_ns: int = 0
    warned: bool = False

    def sold(self, now: Stamp) -> FiscalDay:
        """After a receipt of ours."""
        if self.first_ms:
            return self
        return msgspec.structs.replace(self, first_ms=now.wall_ms, first_boot=now.boot, first_ns=now.mono_ns)

    def sold_at(self, wall_ms: int) -> FiscalDay:
        """After a receipt of ours of which is known only now that it was printed then."""
        if self.first_ms:
            return self
        return msgspec.structs.replace(self, first_ms=wall_ms, first_boot="", first_ns=0)

    def ended(self, z_number: str) -> FiscalDay:
        """After a Z report of ours; its number is empty where the device does not tell it."""
        return FiscalDay(self.device, z_number, self.serial)

    def seen(self, z_number: str, serial: str = "") -> FiscalDay:
        """After a look at the device's counters."""
        if self.moved_to(z_number, serial) or self._another(serial):
            return FiscalDay(self.device, z_number, serial or self.serial)
        return msgspec.structs.replace(self, z_number=z_number or self.z_number, serial=serial or self.serial)

    def moved_to(self, z_number: str, serial: str = "") -> bool:
        """Whether this device has printed a Z report that nobody here asked for."""
        known = bool(self.z_number and z_number)
        return known and self.z_number.lstrip("0") != z_number.lstrip("0") and not self._another(serial)

    def _another(self, serial: str) -> bool:
        """Whether another device stands at the cable now."""
        return bool(self.serial and serial and serial != self.serial)

    def hours(self, now: Stamp) -> float | None:
        """Since our first receipt after the last Z report: None when there was none, or nobody knows (another boot
        since, and no clock that somebody vouches for)."""
        if not self.first_ms:
            return None
        if now.boot == self.first_boot:
            return (now.mono_ns - self.first_ns) / (HOUR_MS * 1_000_000)
        if now.quality is ClockQuality.GUESS:
            return None
        return max(0.0, (now.wall_ms - self.first_ms) / HOUR_MS)

    def is_due(self, now: Stamp) -> bool:
        """Whether the Z report is to be printed soon."""
        hours = self.hours(now)
        return hours is not None and hours >= WARN_H

    def is_overdue(self, now: Stamp) -> bool:
        """Whether the device sells no more before it. Never where the Z number is not told: a report that was printed
        at the device itself would not be noticed there."""
        hours = self.hours(now)
        return bool(self.z_number) and hours is not None and hours >= BLOCKS_H


class DayIs(msgspec.Struct, frozen=True):
    """Effect: this is the device's fiscal day now."""

    day: FiscalDay

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = (*msgspec.structs.astuple(self.day)[:-1], int(self.day.warned))
        db.execute(
            "INSERT OR REPLACE INTO fiscal_day"
            " (device, z_number, serial, first_ms, first_boot, first_ns, warned) VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def days_of(query: Query) -> dict[str, FiscalDay]:
    """What is known of each device."""
    rows = query("SELECT device, z_number, serial, first_ms, first_boot, first_ns, warned FROM fiscal_day", ())
    return {
        device: FiscalDay(device, z_number, serial, first_ms, first_boot, first_ns, bool(warned))
        for device, z_number, serial, first_ms, first_boot, first_ns, warned in rows
    }
