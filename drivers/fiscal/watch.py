"""What a person should see to although the printer works: a fiscal day that lasts too long, one that somebody else has
ended, a clock that is off. Pure: told what was seen and when, in seconds of any clock that does not go back."""

from __future__ import annotations

from drivers.contract.core import Problem
from drivers.contract.printer import DayReport, Outcome, Print, Result, Work
from drivers.fiscal.errors import Trouble, problem
from drivers.fiscal.said import Day
from drivers.fiscal.standing import steps

WARN_BEFORE_H = 2.0
"""Hours before the device takes no receipt any more."""

JITTER_S = 2.0
"""A device tells whole seconds, and a command takes its time: two looks at one clock differ by less."""


class Watch:
    """Follows the fiscal day and the clock of one device.

    The day begins with its first receipt. When that was is known exactly for receipts of this process; a day that was
    found begun counts from when it was found, so that the warning comes late rather than for nothing (the device
    itself refuses when the day is over).
    """

    def __init__(self, day_hours: float, tolerance_s: float) -> None:
        self._day_hours = day_hours
        self._tolerance_s = tolerance_s
        self._z_number = ""
        self._began_s: float | None = None
        self._by_itself = ""
        self._clock_off_s: float | None = None

    @property
    def by_itself(self) -> str:
        """What was seen of a Z report that was not asked for here; empty when there was none."""
        return self._by_itself

    def done(self, work: Work, outcome: Outcome, now_s: float) -> None:
        """A work has ended."""
        if outcome.outcome is not Result.PRINTED:
            return
        if isinstance(work, Print):
            self._began_s = now_s if self._began_s is None else self._began_s
        elif isinstance(work, DayReport) and work.z:
            self._z_number = outcome.z_number
            self._began_s, self._by_itself = None, ""

    def saw_day(self, day: Day, now_s: float) -> bool:
        """The device's own numbers. True when they tell of a Z report that was not asked for here."""
        moved = bool(self._z_number and day.z_number) and steps(self._z_number, day.z_number) != 0
        if moved:
            self._by_itself = f"Z report {day.z_number} after {self._z_number}"
            self._began_s = None
        self._z_number = day.z_number or self._z_number
        if (day.sold_cents or day.returned_cents) and self._began_s is None:
            self._began_s = now_s
        return moved

    def saw_clock(self, off_s: float) -> None:
        """By how much the device's clock is ahead of the gateway's own; behind: negative. What may be jitter is no
        news, so that nobody is told of the same clock again and again."""
        if self._clock_off_s is None or abs(off_s - self._clock_off_s) >= JITTER_S:
            self._clock_off_s = off_s

    def hours(self, now_s: float) -> float:
        """Since the day's first receipt; 0 when there was none."""
        return 0.0 if self._began_s is None else (now_s - self._began_s) / 3600

    def concern(self, now_s: float) -> Problem | None:
        """The most pressing, None when all is well."""
        if self.hours(now_s) >= self._day_hours - WARN_BEFORE_H:
            return problem(Trouble.Z_DUE, what=f"{int(self.hours(now_s))}")
        if self._by_itself:
            return problem(Trouble.Z_BY_ITSELF, what=self._by_itself)
        if self._clock_is_off:
            return problem(Trouble.CLOCK_OFF, what=_span(self._clock_off_s or 0.0))
        return None

    @property
    def _clock_is_off(self) -> bool:
        return abs(self._clock_off_s or 0.0) > self._tolerance_s

    def troubles(self, now_s: float) -> tuple[Trouble, ...]:
        """All of them, for the status."""
        seen = (
            (Trouble.Z_DUE, self.hours(now_s) >= self._day_hours - WARN_BEFORE_H),
            (Trouble.Z_BY_ITSELF, bool(self._by_itself)),
            (Trouble.CLOCK_OFF, self._clock_is_off),
        )
        return tuple(trouble for trouble, is_so in seen if is_so)


def _span(seconds: float) -> str:
    """`-1 h 5 min` to the minute above one, else seconds."""
    sign, whole = "-" if seconds < 0 else "+", round(abs(seconds))
    if whole < 120:
        return f"{sign}{whole} s"
    hours, minutes = divmod((whole + 30) // 60, 60)
    return f"{sign}{hours} h {minutes} min" if hours else f"{sign}{minutes} min"
