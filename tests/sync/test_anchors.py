"""Anchors: one a boot, as soon as the clock is trusted, and one more after each jump."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import msgspec

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import AnchorBody
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from gateway.sync.anchors import JUMP_MS, Anchors
from gateway.wire.time import Timeline, anchors_in
from tests.support.clock import FakeClock
from tests.sync.ends import fill

DAWN_OF_UNIX_MS = 7_000
NOW_MS = 1_795_435_200_000


async def told(ledger: Ledger) -> list[AnchorBody]:
    """The anchors that are on disk, once what rides has been committed."""
    await fill(ledger, 1, Stream.DOCUMENT)
    entries = ledger.read(Stream.AUDIT, 0, 100)
    return [
        msgspec.json.decode(entry.body or b"", type=AnchorBody)
        for entry in entries
        if entry.header.kind is EntryKind.ANCHOR
    ]


def watching(ledger: Ledger, clock: FakeClock) -> Anchors:
    anchors = Anchors(ledger, clock)
    anchors.start()
    return anchors


async def test_the_first_trusted_moment_of_a_boot_is_an_anchor_and_the_next_ones_are_not(
    ledger: Ledger, clock: FakeClock
) -> None:
    clock.quality = ClockQuality.GUESS
    anchors = watching(ledger, clock)
    anchors.look()
    assert await told(ledger) == []
    clock.quality = ClockQuality.NTP
    for _ in range(3):
        anchors.look()
        clock.advance(60)
    (anchor,) = await told(ledger)
    assert (anchor.boot, anchor.quality) == (clock.boot, ClockQuality.NTP)
    watching(ledger, clock).look()  # a restart within the same boot
    assert len(await told(ledger)) == 1
    clock.boot = "1" * 32
    watching(ledger, clock).look()
    assert len(await told(ledger)) == 2


async def test_a_jump_is_another_anchor_and_a_drift_is_not(ledger: Ledger, clock: FakeClock) -> None:
    anchors = watching(ledger, clock)
    anchors.look()
    clock.set_wall(clock.wall_ms() + JUMP_MS - 1)
    anchors.look()
    assert len(await told(ledger)) == 1
    clock.set_wall(clock.wall_ms() - 3600_000)
    anchors.look()
    anchors.look()
    assert len(await told(ledger)) == 2


async def test_what_was_recorded_at_1970_is_dated_from_the_entries_themselves(ledger: Ledger) -> None:
    """Boot at 1970, then the network: + 56 years; then a hand that sets it back an hour. Order is by number."""
    clock = FakeClock(DAWN_OF_UNIX_MS)
    own = Ledger(ledger.path.with_name("own.db"), "museum-1", clock)
    own.start()
    clock.quality = ClockQuality.GUESS
    anchors = watching(own, clock)
    await own.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")])
    clock.advance(600)
    clock.quality = ClockQuality.NTP
    clock.set_wall(NOW_MS)
    anchors.look()
    await own.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")])
    clock.advance(60)
    clock.quality = ClockQuality.GUESS
    clock.set_wall(clock.wall_ms() - 3_600_000)
    anchors.look()
    await own.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")])
    told = [entry.body for entry in own.read(Stream.AUDIT, 0, 100) if entry.header.kind is EntryKind.ANCHOR]
    timeline = Timeline(anchors_in(told))
    receipts = own.read(Stream.RECEIPT, 0, 100)
    assert [timeline.utc_ms(entry.header.at) for entry in receipts] == [NOW_MS - 600_000, NOW_MS, NOW_MS + 60_000]
    assert [entry.header.id.seq for entry in receipts] == [1, 2, 3]
    await own.stop()


async def test_an_anchor_that_the_disk_refused_is_tried_again(ledger: Ledger, clock: FakeClock) -> None:
    anchors = watching(ledger, clock)
    with sqlite3.connect(ledger.path, isolation_level=None) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END")
        anchors.look()
        with suppress(LedgerError):  # the same commit, or the one before
            await told(ledger)
        other.execute("DROP TRIGGER full")
    other.close()
    assert await told(ledger) == []
    anchors.look()
    assert len(await told(ledger)) == 1
