"""What commits together with entries: a part's change to its state table, in the very same transaction."""

from __future__ import annotations

import sqlite3
from typing import Protocol

from gateway.model.clock import Stamp
from gateway.model.entry import EntryId


class Effect(Protocol):
    """A change to a state table.

    `apply` runs on the ledger's open transaction, in the writer's thread; `ids` are those that the entries of
    the same commit get. It raises `Conflict` to refuse the whole commit (its entries and effects, no other's).
    """

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None: ...
