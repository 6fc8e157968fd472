"""The recovery ladder of one device: pure, its time is the caller's (seconds, never going back).

reopen → restart the process → reset the bus → ask for help. Each rung has a budget and a cool-down, counted
from the start of the last attempt, so that a slow device is not torn down in the middle of its recovery.
Restarts of a process that ends by itself have a back-off of their own. `HEALTHY_S` of health forgets it all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

import msgspec

MISSES = 3
"""Checks in a row without proof of life that make an absence: one late answer is none."""
BACKOFF_FIRST_S, BACKOFF_CAP_S = 0.2, 30.0
"""From the start of one attempt to the next, doubling: a driver that dies at once must not cost the CPU."""
JITTER = 0.25
"""The back-off is shortened by up to this part, so that drivers that fell together do not start together."""
HEALTHY_S = 60.0
"""Health without a break for so long: what was before is forgotten."""
PATIENCE_S = 60.0
"""A driver that says itself that its device is away opens it again by itself; only then it is restarted."""
HELP_AFTER_STARTS = 6
"""Starts in vain after which a person is asked; starting goes on at the back-off's cap."""


class Rung(StrEnum):
    """What to do now."""

    NOTHING = "nothing"
    REOPEN = "reopen"
    RESTART = "restart"
    RESET_BUS = "reset_bus"
    ASK_FOR_HELP = "ask_for_help"


class Limit(msgspec.Struct, frozen=True):
    """How often a rung is tried, and how long each attempt is given."""

    budget: int
    cool_down_s: float


LIMITS = {
    # An open takes a second or two; a reader on a slow bus up to five.
    Rung.REOPEN: Limit(2, 10.0),
    # Hello may take 20 s (numpy on a slow Pi) and an open follows.
    Rung.RESTART: Limit(3, 30.0),
    # A hub enumerates for some seconds, udev follows.
    Rung.RESET_BUS: Limit(1, 30.0),
    # From here a restart now and then, in case the cause has gone without anyone telling.
    Rung.ASK_FOR_HELP: Limit(1, 600.0),
}


class Ladder:
    """Tell it what happens; ask `check` whenever `due` has come."""

    def __init__(self, silence_s: float, random: Callable[[], float]) -> None:
        """`random` gives numbers from 0 to 1."""
        self._period = silence_s / MISSES
        self._random = random
        self._attempt_at = -math.inf
        self._starts = 0
        self._misses = 0
        self._heard = False
        self._honest = False
        self._healthy_since: float | None = None
        self._cool_until = -math.inf
        self._used = dict.fromkeys(LIMITS, 0)
        self.due = math.inf
        """When `check` wants to be asked; infinite while nothing is watched."""

    @property
    def wants_help(self) -> bool:
        """Whether everything that a program can do has been done in vain."""
        return self._used[Rung.ASK_FOR_HELP] > 0 or self._starts >= HELP_AFTER_STARTS

    def starting(self, now: float) -> None:
        """A process is being started."""
        self._attempt_at = now
        self._starts += 1
        self._unwatched()

    def watch(self, now: float) -> None:
        """The process speaks: from now on its device must show life."""
        self._misses = 0
        self._heard = False
        self.due = now + self._period

    def alive(self, now: float) -> None:
        """The device itself has answered."""
        self._heard = True
        self._honest = False
        if self._healthy_since is None:
            self._healthy_since = now
        elif now - self._healthy_since >= HEALTHY_S:
            self._forget()

    def lost(self, now: float) -> None:
        """The driver says that its device is away, and tries by itself."""
        self._healthy_since = None
        self._heard = False
        if not self._honest:
            self._honest = True
            self._cool_until = max(self._cool_until, now + PATIENCE_S)

    def ended(self, now: float) -> float:
        """The process has ended or could not be started. Returns when the next is to be started."""
        self._unwatched()
        backoff = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * (1 << min(max(self._starts - 1, 0), 20)))
        return max(now, self._attempt_at + backoff * (1 - JITTER * self._random()))

    def check(self, now: float) -> Rung:
        """One look, when `due` has come. Absence is `MISSES` looks in a row without life."""
        if now < self.due:
            return Rung.NOTHING
        self.due = now + self._period
        if self._heard:
            self._heard = False
            self._misses = 0
            return Rung.NOTHING
        self._misses += 1
        if self._misses < MISSES:
            return Rung.NOTHING
        self._healthy_since = None
        if now < self._cool_until:
            self.due = min(self.due, self._cool_until)
            return Rung.NOTHING
        return self._climb(now)

    @property
    def absent(self) -> bool:
        """Whether the device has missed enough looks to count as gone."""
        return self._misses >= MISSES

    def not_available(self, now: float) -> Rung:
        """The rung that `check` gave cannot be done here: the next one, at once."""
        return self._climb(now)

    def _climb(self, now: float) -> Rung:
        for rung, limit in LIMITS.items():
            if rung is Rung.REOPEN and self._honest:
                continue
            if self._used[rung] < limit.budget:
                self._used[rung] += 1
                self._cool_until = now + limit.cool_down_s
                return rung
        self._cool_until = now + LIMITS[Rung.ASK_FOR_HELP].cool_down_s
        return Rung.RESTART

    def _unwatched(self) -> None:
        self.due = math.inf
        self._misses = 0
        self._heard = False
        self._honest = False
        self._healthy_since = None

    def _forget(self) -> None:
        self._starts = 1
        self._used = dict.fromkeys(LIMITS, 0)
        self._cool_until = -math.inf
