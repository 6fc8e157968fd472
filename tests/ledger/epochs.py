"""Ledgers and their entries, for the tests of epochs."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from gateway.ledger.ledger import Ledger
from gateway.ledger.source import Source
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.support.clock import FakeClock

GATEWAY = "gw-test"


def entry(text: str = "{}", stream: Stream = Stream.RECEIPT) -> NewEntry:
    return NewEntry(stream, EntryKind.RECEIPT, text.encode())


def opened(path: Path, clock: FakeClock) -> Ledger:
    ledger = Ledger(path, GATEWAY, clock)
    ledger.start()
    return ledger


def sources(ledger: Ledger) -> tuple[Source, ...]:
    """Every epoch, the oldest first."""
    return (*ledger.older, ledger)


def bodies(ledger: Ledger, kind: EntryKind) -> list[dict[str, object]]:
    return [json.loads(e.body or b"null") for e in ledger.read(Stream.AUDIT, 0, -1) if e.header.kind is kind]


class Sql:
    """Effect: as it stands."""

    def __init__(self, *statements: str) -> None:
        self._statements = statements

    def apply(self, db: sqlite3.Connection, _ids: object, _now: object) -> None:
        for statement in self._statements:
            db.execute(statement)
