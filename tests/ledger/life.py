"""What the tests of a ledger's life share: what may go, when, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from gateway.ledger.bounds import HEADER_BYTES
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import DroppedBody
from gateway.model.entry import EntryKind, NewEntry, Stream

DAY_S = 24 * 3600.0
GB = 10**9
A_STEP_S = 0.02
KINDS = {
    Stream.RECEIPT: EntryKind.RECEIPT,
    Stream.IDENTIFICATION: EntryKind.IDENTIFICATION,
    Stream.AUDIT: EntryKind.STARTED,
    Stream.DOCUMENT: EntryKind.RECEIPT,
    Stream.TELEMETRY: EntryKind.HEALTH,
}
BODY = b'"' + b"x" * 98 + b'"'
SIZE = len(BODY) + HEADER_BYTES
"""What one entry counts."""


def entry(stream: Stream) -> NewEntry:
    return NewEntry(stream, KINDS[stream], BODY)


class Card:
    """A card whose free space the test sets. `takes_s`: how long it needs for each step; in memory a ledger is done
    with all of them before anybody looks."""

    def __init__(self, free: int = GB) -> None:
        self.free = free
        self.takes_s = 0.0

    def __call__(self, folder: Path) -> int:
        time.sleep(self.takes_s)
        return self.free


Open = Callable[..., Awaitable[Ledger]]


async def fill(ledger: Ledger, stream: Stream, number: int) -> None:
    for _ in range(number):
        await ledger.commit([entry(stream)])


async def tidied(ledger: Ledger) -> None:
    """Until there is nothing more to tidy."""
    ledger.tidy()
    while ledger._writer.is_tidying:
        await ledger.commit([])


def dropped(ledger: Ledger) -> list[DroppedBody]:
    audit = ledger.read(Stream.AUDIT, 0, -1)
    return [msgspec.json.decode(e.body or b"", type=DroppedBody) for e in audit if e.header.kind is EntryKind.DROPPED]


def rows(ledger: Ledger, stream: Stream) -> list[int]:
    return [seq for (seq,) in ledger.query(f"SELECT seq FROM {stream.value} ORDER BY seq")]


def readable(ledger: Ledger, stream: Stream) -> list[int]:
    return [e.header.id.seq for e in ledger.read(stream, 0, -1)]
