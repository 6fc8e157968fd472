"""What waits and what is live: how fast a backlog goes, several epochs, ranges that were dropped, entries too large."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ledger.ledger import Ledger
from gateway.model.entry import Entry, Stream
from gateway.sync.batch import HOLD_S, STRIKES
from gateway.sync.strand import LIVE_S, MAX_PIECES
from gateway.wire.envelope import MAX_BATCH_ENTRIES
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, fill, seqs
from tests.sync.wire import T, Wire, ack

RECEIPT = Stream.RECEIPT


@pytest.fixture
async def older(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Ledger]:
    """The file of an epoch before."""
    opened = Ledger(tmp_path / "older.db", GATEWAY, clock)
    opened.start()
    yield opened
    await opened.stop()


class Holed:
    """A ledger of which ranges have been dropped: they are not read any more, and numbers go on above them."""

    def __init__(self, ledger: Ledger, *gone: range) -> None:
        self._ledger = ledger
        self._gone = gone

    @property
    def epoch(self) -> str:
        return self._ledger.epoch

    def last(self, stream: Stream) -> int:
        return self._ledger.last(stream)

    def acked(self, stream: Stream) -> int:
        return self._ledger.acked(stream)

    def ack(self, stream: Stream, through: int) -> None:
        self._ledger.ack(stream, through)

    def read(self, stream: Stream, after: int, limit: int) -> list[Entry]:
        entries = self._ledger.read(stream, after, 1000)
        return [e for e in entries if not any(e.header.id.seq in gone for gone in self._gone)][:limit]


# Pace --------------------------------------------------------------------------------------------------------


async def test_a_backlog_goes_at_its_pace_after_a_first_batch(ledger: Ledger) -> None:
    await fill(ledger, 200)
    wire = Wire(ledger, per_s=10)
    wire.pump.connected(1000)
    assert wire.sent() == list(range(1, MAX_BATCH_ENTRIES + 1))
    while len(wire.sent()) < 200:
        wire.now += wire.waits[-1]
        wire.pump.fill()
    assert wire.now == pytest.approx((200 - MAX_BATCH_ENTRIES) / 10, abs=0.5)


async def test_what_was_stored_a_moment_ago_goes_ahead_of_the_backlog(ledger: Ledger) -> None:
    await fill(ledger, 200)
    wire = Wire(ledger, per_s=1)
    wire.pump.connected(20)
    await fill(ledger, 3)
    wire.pump.fill()
    assert wire.sent()[-3:] == [201, 202, 203]
    assert wire.sent()[-4] == MAX_BATCH_ENTRIES


async def test_what_could_not_go_while_it_was_live_is_backlog(ledger: Ledger) -> None:
    wire = Wire(ledger, per_s=1)
    wire.pump.connected(1)
    await fill(ledger, 1)
    wire.pump.fill()
    await fill(ledger, 150)  # the window is full
    wire.pump.fill()
    wire.now += LIVE_S + 1
    wire.drain()
    assert len(wire.sent()) == 1 + MAX_BATCH_ENTRIES


async def test_another_pace_holds_from_now_on(ledger: Ledger) -> None:
    await fill(ledger, 1000)
    wire = Wire(ledger, per_s=1)
    wire.pump.connected(1000)
    wire.drain()
    before = len(wire.sent())
    wire.pump.pace(500)
    wire.now += 1
    wire.drain()
    assert 500 - MAX_BATCH_ENTRIES < len(wire.sent()) - before <= 500
    wire.pump.pace(1)
    wire.now += 1
    wire.drain()
    assert len(wire.sent()) - before < 510


async def test_a_gap_that_was_not_sent_yet_is_not_sent_out_of_turn(ledger: Ledger) -> None:
    """The centre has the live ones and misses the backlog, which is on its way."""
    await fill(ledger, 200)
    wire = Wire(ledger, per_s=1)
    wire.pump.connected(20)
    await fill(ledger, 1)
    wire.pump.fill()
    wire.acked(ack(ledger, 64, missing=((65, 200),)), 1)
    assert wire.sent() == [*range(1, MAX_BATCH_ENTRIES + 1), 201, 65]


async def test_what_went_last_is_not_believed_lost_and_what_went_before_is(ledger: Ledger) -> None:
    await fill(ledger, 70)
    wire = Wire(ledger, per_s=1e6)
    wire.pump.connected(20)  # 1 to 64, then 65 to 70
    await fill(ledger, 1)
    wire.pump.fill()
    wire.acked(ack(ledger, 0, missing=((1, 70),)), 0.1)  # it has 71, which went after them
    assert wire.sent()[71:] == list(range(1, 71))
    wire.acked(ack(ledger, 0, missing=((1, 70),)), 0.2)  # they are on their way again
    assert len(wire.sent()) == 141


async def test_a_centre_is_not_left_with_more_gaps_than_it_keeps_account_of(ledger: Ledger) -> None:
    wire = Wire(ledger, per_s=1)
    wire.pump.connected(1000)
    await fill(ledger, 100)
    wire.pump.fill()
    for _ in range(MAX_PIECES * 2):  # each round a piece grows too old while the link is full, and one goes live
        await fill(ledger, 70)
        wire.now += LIVE_S + 1
        wire.pump.lost()
        wire.pump.connected(1000)
        await fill(ledger, 1)
        wire.pump.fill()
    numbers = set(wire.sent())
    gaps = sum(1 for number in numbers if number + 1 not in numbers)
    assert gaps <= MAX_PIECES * 2 + 1


# Epochs -------------------------------------------------------------------------------------------------------


async def test_an_older_epoch_goes_first_and_each_has_its_own_acks(ledger: Ledger, older: Ledger) -> None:
    await fill(older, 3)
    await fill(older, 2, Stream.TELEMETRY)
    await fill(ledger, 2)
    wire = Wire(older, ledger)
    wire.pump.connected(20)
    assert [(stream, entries[0].header.id.epoch, seqs(entries)) for stream, entries, _ in wire.messages] == [
        (RECEIPT, older.epoch, [1, 2, 3]),
        (RECEIPT, ledger.epoch, [1, 2]),
        (Stream.TELEMETRY, older.epoch, [1, 2]),
    ]
    wire.acked(ack(older, 2), 1)
    assert (older.acked(RECEIPT), ledger.acked(RECEIPT)) == (2, 0)
    assert wire.pump.backlog[RECEIPT] == 3
    assert [epoch.epoch for epoch in wire.pump.older] == [older.epoch]


async def test_an_epoch_that_has_drained_goes_and_a_late_word_on_it_is_no_surprise(
    ledger: Ledger, older: Ledger
) -> None:
    await fill(older, 3)
    wire = Wire(older, ledger)
    wire.pump.connected(20)
    wire.acked(ack(older, 3), 1)
    wire.sources = (ledger,)
    assert wire.pump.strand(older.epoch, RECEIPT) is None
    assert wire.pump.was_sent(older.epoch)
    assert not wire.pump.was_sent("f" * 16)
    assert wire.pump.older == ()


async def test_a_new_epoch_that_begins_while_connected_is_taken_up(ledger: Ledger, older: Ledger) -> None:
    await fill(older, 3)
    wire = Wire(older)
    wire.pump.connected(20)
    wire.sources = (older, ledger)
    await fill(ledger, 2)
    wire.pump.fill()
    assert [entries[0].header.id.epoch for _, entries, _ in wire.messages] == [older.epoch, ledger.epoch]


async def test_only_the_epoch_that_waits_is_overdue(ledger: Ledger, older: Ledger) -> None:
    await fill(older, 2)
    await fill(ledger, 2)
    wire = Wire(older, ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 2), 1)
    assert wire.overdue(T)
    assert [entries[0].header.id.epoch for _, entries, _ in wire.messages[2:]] == [older.epoch]


# Dropped ranges -----------------------------------------------------------------------------------------------


async def test_a_dropped_range_is_passed(ledger: Ledger) -> None:
    await fill(ledger, 100)
    wire = Wire(Holed(ledger, range(1, 11), range(50, 71)))
    wire.pump.connected(20)
    assert wire.sent() == [*range(11, 50), *range(71, 101)]
    assert all(list(range(s[0], s[-1] + 1)) == s for s in (seqs(entries) for _, entries, _ in wire.messages))


async def test_a_range_that_was_dropped_to_its_end_is_passed(ledger: Ledger) -> None:
    await fill(ledger, 100)
    source = Holed(ledger, range(1, 101))
    wire = Wire(source)
    wire.pump.connected(20)
    assert wire.messages == []
    strand = wire.pump.strand(ledger.epoch, RECEIPT)
    assert strand is not None
    assert strand.could_be(100)  # the centre settles it by the entry that says so
    await fill(ledger, 1)
    wire.pump.fill()
    assert wire.sent() == [101]


async def test_a_range_that_is_gone_can_be_asked_for_again(ledger: Ledger) -> None:
    await fill(ledger, 20)
    wire = Wire(Holed(ledger, range(1, 11)))
    wire.pump.connected(20)
    wire.acked(ack(ledger, 20), 1)
    assert wire.pump.resend(ledger.epoch, RECEIPT, 1, 15) == 15
    assert wire.sent() == [*range(11, 21), *range(11, 16)]


# Too large ----------------------------------------------------------------------------------------------------


async def test_batches_obey_the_brokers_limit_and_what_is_above_it_is_held(ledger: Ledger) -> None:
    await fill(ledger, 3, size=3000)
    await fill(ledger, 1, size=20_000)
    await fill(ledger, 2, size=3000)
    await fill(ledger, 1, Stream.AUDIT)
    wire = Wire(ledger)
    wire.pump.connected(20, limit=10_000)
    assert [size for _, _, size in wire.messages if size > 10_000] == []
    assert wire.sent() == [1, 2, 3, 5, 6]
    assert wire.sent(Stream.AUDIT) == [1]
    (large,) = wire.large
    assert (large.stream, large.seq, large.limit) == (RECEIPT, 4, 10_000)
    assert wire.pump.problem == "too large for the broker, which takes packets of at most 10000 bytes: receipt 4"


async def test_what_is_held_is_not_sent_again_and_again_nor_what_follows_it(ledger: Ledger) -> None:
    await fill(ledger, 1, size=20_000)
    await fill(ledger, 2)
    wire = Wire(ledger)
    wire.pump.connected(20, limit=10_000)
    wire.acked(ack(ledger, 0, missing=((1, 1),)), 1)
    assert not wire.overdue(T * 2)
    assert wire.sent() == [2, 3]
    wire.pump.lost()
    wire.pump.connected(20, limit=100_000)  # somebody has raised it
    assert wire.sent()[2:] == [1, 2, 3]
    assert wire.pump.problem == ""


async def test_a_large_entry_that_breaks_each_connection_is_held_for_a_while(ledger: Ledger) -> None:
    """Brokers of MQTT 3.1.1 cannot say what they take; some hang up."""
    await fill(ledger, 1, size=200_000)
    await fill(ledger, 1)
    wire = Wire(ledger)
    for _ in range(STRIKES):
        wire.pump.connected(20)
        wire.pump.lost()
    assert wire.sent().count(1) == STRIKES
    wire.pump.connected(20)
    assert wire.sent().count(1) == STRIKES
    assert wire.pump.problem == "too large for the broker, which hangs up on them: receipt 1"
    wire.now += HOLD_S
    wire.pump.lost()
    wire.pump.connected(20)
    assert wire.sent().count(1) == STRIKES + 1


async def test_silence_of_the_broker_is_counted_only_while_something_is_on_its_way(ledger: Ledger) -> None:
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.now = 100
    assert wire.pump.stuck_s == 0
    await fill(ledger, 1)
    wire.pump.fill()
    wire.now = 130
    assert wire.pump.stuck_s == 30
    wire.puback()
    assert wire.pump.stuck_s == 0
