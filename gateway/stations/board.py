"""What stations show, as a numbered stream: pages, `smartplace taps` and scripts follow it from any number on."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from gateway.model.clock import Clock
from gateway.model.shown import Show, Shown

KEPT = 512
"""How far back a page that lost its connection can catch up."""


class Board:
    """Keeps the last `KEPT` events and wakes who waits for the next one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0
        self._turn = 0
        self._events: deque[Shown] = deque(maxlen=KEPT)
        self._news = asyncio.Event()
        self.counts: dict[str, int] = {}

    def tell(self, station: str, show: Show, **details: Any) -> Shown:
        """Show something at a station. What it names as accepted must be durable already."""
        self._number += 1
        shown = Shown(self._number, station, self._clock.wall_ms(), show, **details)
        self._events.append(shown)
        self.counts[show] = self.counts.get(show, 0) + 1
        self.stir()
        return shown

    def stir(self) -> None:
        """Wake who follows, although nothing new is shown: how the place stands may have changed."""
        self._turn += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    @property
    def last_number(self) -> int:
        return self._number

    @property
    def turn(self) -> int:
        """Counts what was told and every stir: for `wait`."""
        return self._turn

    def after(self, number: int, station: str | None = None) -> list[Shown]:
        """Events after this number, of one station or of all."""
        return [e for e in self._events if e.number > number and station in (None, e.station)]

    def last(self, station: str) -> Shown | None:
        """What the station shows now."""
        return next((event for event in reversed(self._events) if event.station == station), None)

    async def wait(self, turn: int) -> None:
        """Until something was told, or somebody stirred, after this turn."""
        while self._turn <= turn:
            await self._news.wait()
