"""What happens at a gate again and again, and nobody waits for: counted, and stored as one entry for each half second.

So a sensor that chatters, or a button that is leant on, costs two entries a second and not twenty.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.entry import NewEntry
from gateway.model.errors import LedgerError

log = logging.getLogger("stations")

GATHER_S = 0.5
"""From the first of its kind to the commit: with what a commit takes, well within the second that is promised."""

What = TypeVar("What")


class Tally(Generic[What]):
    """`entry_of(what, count)` makes an entry and its effects. What the disk refuses is told, and kept
    until there is one more."""

    def __init__(
        self,
        ledger: Ledger,
        entry_of: Callable[[What, int], tuple[NewEntry, Sequence[Effect]]],
        refused: Callable[[LedgerError], None],
    ) -> None:
        self._ledger = ledger
        self._entry_of = entry_of
        self._refused = refused
        self._counts: Counter[What] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._now = asyncio.Event()

    def add(self, what: What) -> None:
        """One more of this."""
        self._counts[what] += 1
        if self._task is None or self._task.done():
            self._now.clear()
            self._task = asyncio.get_running_loop().create_task(self._gather())

    async def settled(self) -> None:
        """Store what waits now."""
        while self._task is not None and not self._task.done():
            self._now.set()
            await self._task

    async def _gather(self) -> None:
        while self._counts:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._now.wait()
            counts, self._counts = self._counts, Counter()
            refused = Counter[What]()
            for what, count in counts.items():
                entry, effects = self._entry_of(what, count)
                # As a rider, and the ride begins now: so it comes after the passages that wait for one.
                riding = self._ledger.ride(entry, effects)
                try:
                    await self._ledger.commit([])  # Of one group with its riders: it fails when they do.
                    await riding
                except LedgerError as error:
                    log.error("%s, %d times, could not be stored: %s", what, count, error)
                    refused[what] += count
                    self._refused(error)
            if refused:
                self._counts.update(refused)
                return
