"""What the centre has goes after its time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.verify import verify
from gateway.model.clock import ClockQuality
from gateway.model.entry import Stream
from tests.ledger.life import A_STEP_S, DAY_S, Card, Open, dropped, entry, fill, readable, rows, tidied
from tests.support.clock import FakeClock


async def test_what_the_centre_has_goes_after_its_time_but_for_the_newest(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(keep_receipt_days=35)
    await fill(ledger, Stream.RECEIPT, 5)
    clock.advance(34 * DAY_S)
    ledger.ack(Stream.RECEIPT, 5)
    await tidied(ledger)
    assert rows(ledger, Stream.RECEIPT) == [1, 2, 3, 4, 5]
    clock.advance(2 * DAY_S)
    await tidied(ledger)
    assert rows(ledger, Stream.RECEIPT) == [5]
    assert dropped(ledger) == []
    (stored,) = await ledger.commit([entry(Stream.RECEIPT)])
    assert stored.seq == 6
    assert readable(ledger, Stream.RECEIPT) == [5, 6]


async def test_each_entry_goes_at_its_own_time(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(keep_receipt_days=35)
    for _ in range(3):
        await fill(ledger, Stream.RECEIPT, 1)
        clock.advance(10 * DAY_S)
    ledger.ack(Stream.RECEIPT, 3)
    await tidied(ledger)  # day 30: all are young
    assert rows(ledger, Stream.RECEIPT) == [1, 2, 3]
    clock.advance(6 * DAY_S)
    await tidied(ledger)
    assert rows(ledger, Stream.RECEIPT) == [2, 3]


async def test_what_was_written_before_the_time_was_known_goes_with_what_follows(
    open_ledger: Open, clock: FakeClock
) -> None:
    ledger = await open_ledger(keep_receipt_days=35)
    clock.quality = ClockQuality.GUESS
    for _ in range(3):
        await ledger.commit([entry(Stream.RECEIPT)] * 2500)
    clock.quality = ClockQuality.NTP
    await fill(ledger, Stream.RECEIPT, 2)
    ledger.ack(Stream.RECEIPT, 7502)
    await tidied(ledger)
    clock.advance(36 * DAY_S)
    for _ in range(3):  # what proves nothing is looked at once, some at a time
        await tidied(ledger)
    assert rows(ledger, Stream.RECEIPT) == [7502]


async def test_what_the_centre_has_not_stays(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(keep_audit_days=0)
    await fill(ledger, Stream.AUDIT, 5)
    ledger.ack(Stream.AUDIT, 2)
    clock.advance(1000 * DAY_S)
    await tidied(ledger)
    assert rows(ledger, Stream.AUDIT) == [3, 4, 5]


async def test_a_large_clearance_goes_in_chunks_and_lets_taps_between(
    open_ledger: Open, clock: FakeClock, card: Card
) -> None:
    ledger = await open_ledger(keep_telemetry_days=0)
    await ledger.commit([entry(Stream.TELEMETRY)] * 3000)
    ledger.ack(Stream.TELEMETRY, 3000)
    clock.advance(1)
    card.takes_s = A_STEP_S
    ledger.tidy()
    left = []
    while ledger._writer.is_tidying:
        await ledger.commit([])
        left.append(ledger.query("SELECT count(*) FROM telemetry")[0][0])
    assert len(set(left)) > 3
    assert rows(ledger, Stream.TELEMETRY) == [3000]


async def test_an_idle_ledger_writes_nothing(open_ledger: Open) -> None:
    ledger = await open_ledger()
    await fill(ledger, Stream.RECEIPT, 3)
    await tidied(ledger)
    log = ledger.path.with_name("ledger.db-wal").read_bytes()
    for _ in range(5):
        await tidied(ledger)
    assert ledger.path.with_name("ledger.db-wal").read_bytes() == log


async def test_a_chain_whose_beginning_is_gone_verifies(open_ledger: Open, clock: FakeClock, path: Path) -> None:
    ledger = await open_ledger(keep_receipt_days=1)
    await fill(ledger, Stream.RECEIPT, 10)
    ledger.ack(Stream.RECEIPT, 8)
    clock.advance(2 * DAY_S)
    await tidied(ledger)
    await fill(ledger, Stream.RECEIPT, 2)
    report = verify(path)
    assert report.clean
    assert {s.stream: (s.entries, s.last) for s in report.streams}[Stream.RECEIPT] == (4, 12)
    again = await open_ledger()
    assert readable(again, Stream.RECEIPT) == [9, 10, 11, 12]
    first = again.read(Stream.RECEIPT, 0, 1)[0]
    assert first.previous == again.query("SELECT floor_digest FROM stream WHERE name='receipt'")[0][0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE stream SET floor=6 WHERE name='receipt'", "missing|does not follow"),
        ("UPDATE receipt SET body=X'78' WHERE seq=9", "not the entry"),
        ("DELETE FROM receipt WHERE seq=9", "missing"),
        ("UPDATE stream SET acked=3 WHERE name='receipt'", "entries 4 to 8 are gone"),
        ("UPDATE stream SET floor=12, floor_digest=(SELECT digest FROM receipt WHERE seq=12) WHERE name='receipt'",
         "entries 9 to 12 are gone"),
    ],
)  # fmt: skip
async def test_a_floor_hides_no_cut(open_ledger: Open, clock: FakeClock, path: Path, change: str, fault: str) -> None:
    ledger = await open_ledger(keep_receipt_days=1)
    await fill(ledger, Stream.RECEIPT, 10)
    ledger.ack(Stream.RECEIPT, 8)
    clock.advance(2 * DAY_S)
    await tidied(ledger)
    await fill(ledger, Stream.RECEIPT, 4)
    await open_ledger()  # closed once, so that the file is whole
    db = sqlite3.connect(path)
    with db:
        db.execute(change)
    db.close()
    (broken,) = [s.fault for s in verify(path).streams if s.fault]
    assert any(part in broken for part in fault.split("|"))
