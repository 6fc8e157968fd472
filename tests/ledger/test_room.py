"""A card that is short of room: what goes first, what is refused, what is kept for the last."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from gateway.config.types import LedgerSection
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import DroppedBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.ledger.life import A_STEP_S, BODY, GB, SIZE, Card, Open, dropped, entry, fill, tidied
from tests.support.clock import FakeClock


async def test_short_of_room_telemetry_goes_first_and_what_the_centre_has_before_what_it_has_not(
    open_ledger: Open, card: Card
) -> None:
    limits = {"min_free_bytes": 50_000_000, "telemetry_bytes": 64 * SIZE, "identification_bytes": 64 * SIZE}
    ledger = await open_ledger(**limits)
    await fill(ledger, Stream.TELEMETRY, 60)
    await fill(ledger, Stream.IDENTIFICATION, 60)
    ledger.ack(Stream.TELEMETRY, 10)
    ledger.ack(Stream.IDENTIFICATION, 10)
    card.free, card.takes_s = 40_000_000, A_STEP_S
    floors = []
    for _ in range(8):
        await ledger.commit([])
        floors.append((ledger.floor(Stream.TELEMETRY), ledger.floor(Stream.IDENTIFICATION), len(dropped(ledger))))
    assert floors[-1][2] > 0
    order = sorted(set(floors), key=floors.index)
    assert order[0] == (10, 0, 0)
    assert order.index((10, 10, 0)) < next(i for i, f in enumerate(order) if f[2])
    await tidied(ledger)
    assert ledger.floor(Stream.TELEMETRY) == 59
    assert ledger.floor(Stream.IDENTIFICATION) == 59
    ranges = [(d.stream, d.first, d.last) for d in dropped(ledger)]
    assert [r[0] for r in ranges] == sorted((r[0] for r in ranges), key=["telemetry", "identification"].index)
    assert {d.why for d in dropped(ledger)} == {"no_room"}


async def test_with_room_again_nothing_more_goes(open_ledger: Open, card: Card) -> None:
    ledger = await open_ledger(min_free_bytes=50_000_000, telemetry_bytes=64 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 60)
    card.free, card.takes_s = 40_000_000, A_STEP_S
    await ledger.commit([])
    card.free = GB
    await tidied(ledger)
    floor = ledger.floor(Stream.TELEMETRY)
    assert 0 < floor < 59
    await tidied(ledger)
    assert ledger.floor(Stream.TELEMETRY) == floor


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (Stream.RECEIPT, EntryKind.RECEIPT),
        (Stream.RECEIPT, EntryKind.ADMISSION),
        (Stream.DOCUMENT, EntryKind.RECEIPT),
        (Stream.IDENTIFICATION, EntryKind.REFUSAL),
        (Stream.TELEMETRY, EntryKind.HEALTH),
    ],
)
async def test_without_room_nothing_new_is_begun(
    open_ledger: Open, card: Card, stream: Stream, kind: EntryKind
) -> None:
    ledger = await open_ledger()
    card.free = 0
    with pytest.raises(LedgerError, match="free space") as refused:
        await ledger.commit([NewEntry(stream, kind, BODY)])
    assert refused.value.code == "ledger_no_room"
    assert ledger.problem is not None
    card.free = GB
    (stored,) = await ledger.commit([NewEntry(stream, kind, BODY)])
    assert stored.seq == 1
    assert ledger.problem is None


@pytest.mark.parametrize(
    ("stream", "kind"),
    [(Stream.AUDIT, EntryKind.SECURITY), (Stream.RECEIPT, EntryKind.OPENED), (Stream.RECEIPT, EntryKind.FISCAL_STEP)],
)
async def test_the_reserve_is_for_audit_and_for_what_was_begun(
    open_ledger: Open, card: Card, stream: Stream, kind: EntryKind
) -> None:
    ledger = await open_ledger()
    card.free = 0
    refused, stored = await asyncio.gather(
        ledger.commit([entry(Stream.RECEIPT)]),
        ledger.commit([NewEntry(stream, kind, BODY)]),
        return_exceptions=True,
    )
    assert isinstance(refused, LedgerError)
    assert not isinstance(stored, BaseException)
    assert stored[0].seq == 1


async def test_an_ack_is_written_without_room(open_ledger: Open, card: Card) -> None:
    ledger = await open_ledger()
    await fill(ledger, Stream.RECEIPT, 3)
    card.free = 0
    ledger.ack(Stream.RECEIPT, 2)
    await tidied(ledger)
    assert ledger.query("SELECT acked FROM stream WHERE name='receipt'") == [(2,)]


async def test_the_ballast_is_real_and_comes_back(path: Path, clock: FakeClock) -> None:
    card = Card()
    ledger = Ledger(path, "gw-test", clock, LedgerSection(ballast_bytes=3_000_000, min_free_bytes=10_000_000), card)
    ledger.start()
    ballast = path.with_name("ballast")
    assert ballast.stat().st_blocks * 512 >= 3_000_000
    db = ledger._writer._db
    db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0]}")
    card.free = 0
    with pytest.raises(LedgerError):
        await ledger.commit([NewEntry(Stream.AUDIT, EntryKind.STARTED, b'"' + b"x" * 100_000 + b'"')])
    assert ballast.stat().st_blocks == 0
    db.execute("PRAGMA max_page_count=1000000")
    card.free = 12_999_999  # with the ballast, less than min_free_bytes would be left
    await tidied(ledger)
    assert ballast.stat().st_size == 0
    card.free = 13_000_000
    await tidied(ledger)
    assert ballast.stat().st_size == 3_000_000
    await ledger.stop()


def test_a_dropped_entry_is_what_the_centre_understands() -> None:
    body = msgspec.json.encode(DroppedBody(stream="telemetry", first=1, last=3, why="bytes"))
    assert json.loads(body) == {"stream": "telemetry", "first": 1, "last": 3, "why": "bytes"}
