"""How much of something may come in a second: a token bucket, and the minute's count of what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

GATHER_S = 1.0
"""From the first refusal to its report, so that a burst is one report with its count."""
REPORT_EVERY_S = 60.0
"""Least time between two reports of one reason: a flood must not become a flood of entries."""


class Bucket:
    """`rate` tokens a second, at most `burst` of them. Times are the caller's, in seconds, never going back."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one token; false, and nothing taken, when there is none."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def spend(self, now: float, tokens: int, rest: float) -> float:
        """Take `tokens` even when they are not there. Returns 0, or, in debt, the seconds until the debt is
        paid and `rest` tokens have gathered again, so that one goes on in few large steps."""
        self._fill(now)
        self._tokens -= tokens
        return 0.0 if self._tokens >= 0 else (rest - self._tokens) / self._rate

    def wait(self, now: float) -> float:
        """Seconds until `take` succeeds."""
        self._fill(now)
        return max(0.0, (1 - self._tokens) / self._rate)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Refusals:
    """Counts what is refused and reports each reason at most once in `REPORT_EVERY_S`."""

    def __init__(self, report: Callable[[str, int], None]) -> None:
        self._report = report
        self._counts: dict[str, int] = {}
        self._reported_at: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def count(self, reason: str, number: int = 1) -> None:
        """Something was refused. Only inside the running loop."""
        self._counts[reason] = self._counts.get(reason, 0) + number
        if reason in self._timers:
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + GATHER_S
        if reason in self._reported_at:
            at = max(at, self._reported_at[reason] + REPORT_EVERY_S)
        self._timers[reason] = loop.call_at(at, self._due, reason)

    def stop(self) -> None:
        """Report what has waited, unless its reason was reported within the last minute."""
        now = asyncio.get_running_loop().time()
        for reason, timer in list(self._timers.items()):
            timer.cancel()
            if now - self._reported_at.get(reason, float("-inf")) >= REPORT_EVERY_S:
                self._due(reason)
        self._timers.clear()

    def _due(self, reason: str) -> None:
        del self._timers[reason]
        self._reported_at[reason] = asyncio.get_running_loop().time()
        self._report(reason, self._counts.pop(reason))
