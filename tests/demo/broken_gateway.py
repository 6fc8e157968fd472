"""The real daemon with one promise broken on purpose, to show that the demo's counters can rise.

Run by the demo in the gateway's place (`--gateway THIS`); the environment's BROKEN names the promise.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from gateway.daemon import run
from gateway.devices.devices import Devices
from gateway.identity.identify import Identified
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, NewEntry, Stream
from gateway.model.identification import Identification
from gateway.model.library import LibraryWord
from gateway.stations import answers, till
from gateway.stations.services import Services

EVERY = 3


def forget() -> None:
    """Every third identification is called stored, and is not."""
    commit, counter = Ledger.commit, itertools.count(1)

    async def forgetful(
        self: Ledger, entries: Sequence[NewEntry], effects: Sequence[Effect] = ()
    ) -> tuple[EntryId, ...]:
        streams = [entry.stream for entry in entries]
        if streams == [Stream.IDENTIFICATION] and next(counter) % EVERY == 0:
            return (EntryId(self.gateway, self.epoch, streams[0], self.last(streams[0]) + 1),)
        return await commit(self, entries, effects)

    Ledger.commit = forgetful  # type: ignore[method-assign]


def identify_twice() -> None:
    """Every third identification is stored twice."""
    store, counter = Services.store_identification, itertools.count(1)

    async def doubled(
        self: Services, station: str, identified: Identified, library: LibraryWord | None = None
    ) -> tuple[Identification, EntryId | None]:
        if next(counter) % EVERY == 0:
            await store(self, station, Identified(identified.identification))
        return await store(self, station, identified, library)

    Services.store_identification = doubled  # type: ignore[method-assign]


def book_again() -> None:
    """A repeated request is a new one: neither the answer nor the quote is remembered as used."""

    def keep(self: answers.QuoteUsed, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        """The quote stays open."""

    def replace(self: Any, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        self.body = self._build(ids)

    till.stored_answer = lambda query, asked: None  # type: ignore[attr-defined]
    answers.QuoteUsed.apply = keep  # type: ignore[method-assign]
    answers.StoreAnswer.apply = replace  # type: ignore[method-assign]


def open_twice() -> None:
    """The relay is pulsed twice for one grant."""
    pulse: Callable[..., Awaitable[int]] = Devices.pulse

    async def twice(self: Devices, *arguments: Any) -> int:
        await pulse(self, *arguments)
        return await pulse(self, *arguments)

    Devices.pulse = twice  # type: ignore[method-assign, assignment]


BROKEN: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "forget": forget,
    "identify_twice": identify_twice,
    "book_again": book_again,
    "open_twice": open_twice,
}

if __name__ == "__main__":
    BROKEN[os.environ["BROKEN"]]()
    sys.exit(run(Path(sys.argv[sys.argv.index("--config") + 1])))
