"""The real daemon with one promise broken on purpose, to show that the suite's counters can rise. Runs in the
gateway's place: PROMISE --config FILE."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.daemon import run
from gateway.ledger import schema, state
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryId, NewEntry
from gateway.quota.spending import _Book


def not_synchronised() -> None:
    """Commits are not synchronised, as with `synchronous=NORMAL`: a kill loses nothing, a power cut does."""
    connect = schema.connect

    def careless(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        db = connect(path, read_only=read_only)
        if not read_only:
            db.execute("PRAGMA synchronous=NORMAL")
        return db

    schema.connect = careless


def too_early() -> None:
    """A receipt is called recorded while its commit is still under way."""
    commit = Ledger.commit

    async def hasty(self: Ledger, entries: Sequence[NewEntry], effects: Sequence[Effect] = ()) -> tuple[EntryId, ...]:
        if not entries or not effects:
            return await commit(self, entries, effects)
        ids = tuple(EntryId(self.gateway, self.epoch, e.stream, self.last(e.stream) + 1) for e in entries)
        for effect in effects:
            if hasattr(effect, "_build"):
                effect.body = effect._build(ids)  # type: ignore[attr-defined]
        self._loop.call_later(0.05, lambda: self._loop.create_task(commit(self, entries, effects)))
        return ids

    Ledger.commit = hasty  # type: ignore[method-assign]


def book_twice() -> None:
    """Every receipt is two entries."""
    commit = Ledger.commit

    async def doubled(self: Ledger, entries: Sequence[NewEntry], effects: Sequence[Effect] = ()) -> tuple[EntryId, ...]:
        twice = [*entries, *entries] if effects else entries
        return (await commit(self, twice, effects))[: len(entries)]

    Ledger.commit = doubled  # type: ignore[method-assign]


def give_again() -> None:
    """What is given of a lease is not written down: it never ends."""
    _Book.take = lambda self, cell, units: 0  # type: ignore[method-assign]


def keep_leases() -> None:
    """What an older copy says of leases is believed, though they may have been used since."""
    state.SPENT_IN_COPIES = frozenset()


BROKEN: dict[str, Callable[[], None]] = {
    "not_synchronised": not_synchronised,
    "too_early": too_early,
    "book_twice": book_twice,
    "give_again": give_again,
    "keep_leases": keep_leases,
}

if __name__ == "__main__":
    promise, _, configuration = sys.argv[1:]
    BROKEN[promise]()
    sys.exit(run(Path(configuration)))
