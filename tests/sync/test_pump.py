"""Entries up: in order, within the window, again until the centre has acked them. A real ledger, a recorded wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.config.types import LedgerSection
from gateway.ledger.ledger import Ledger
from gateway.model.entry import Stream
from gateway.sync.pump import WINDOW_BYTES
from gateway.sync.strand import PATIENCE, REWIND_S
from gateway.wire.envelope import MAX_BATCH_BYTES, MAX_BATCH_ENTRIES
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, fill, seqs
from tests.sync.wire import T, Wire, ack


async def test_what_is_unacked_goes_in_order_and_in_batches(ledger: Ledger) -> None:
    await fill(ledger, 150)
    wire = Wire(ledger)
    wire.pump.connected(20)
    assert wire.sent() == list(range(1, 151))
    assert [len(entries) for _, entries, _ in wire.messages] == [MAX_BATCH_ENTRIES, MAX_BATCH_ENTRIES, 22]


async def test_before_the_connection_nothing_goes(ledger: Ledger) -> None:
    await fill(ledger, 1)
    wire = Wire(ledger)
    wire.pump.fill()
    assert wire.messages == []


async def test_a_new_entry_goes_at_once(ledger: Ledger) -> None:
    wire = Wire(ledger)
    wire.pump.connected(20)
    ledger.on_stored(lambda _streams: wire.pump.fill())
    await fill(ledger, 1)
    await asyncio.sleep(0)
    assert wire.sent() == [1]


async def test_the_window_is_never_exceeded_and_a_puback_frees_a_place(ledger: Ledger) -> None:
    await fill(ledger, MAX_BATCH_ENTRIES * 5)
    wire = Wire(ledger)
    wire.pump.connected(2)
    assert len(wire.messages) == 2
    wire.puback(1)
    assert len(wire.messages) == 3
    wire.puback(1)  # the same again frees nothing
    assert len(wire.messages) == 3
    wire.drain()
    assert wire.sent() == list(range(1, MAX_BATCH_ENTRIES * 5 + 1))


async def test_the_window_counts_bytes_too(ledger: Ledger) -> None:
    await fill(ledger, 40, size=30_000)
    wire = Wire(ledger)
    wire.pump.connected(1000)
    on_their_way = sum(size for _, _, size in wire.messages)
    assert WINDOW_BYTES <= on_their_way < WINDOW_BYTES + MAX_BATCH_BYTES
    wire.drain()
    assert wire.sent() == list(range(1, 41))


async def test_a_batch_stays_below_its_bound_and_a_large_entry_goes_alone(ledger: Ledger) -> None:
    await fill(ledger, 3, size=25_000)
    await fill(ledger, 1, size=200_000)
    await fill(ledger, 1)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.drain()
    assert [seqs(entries) for _, entries, _ in wire.messages] == [[1, 2], [3], [4], [5]]
    assert all(size <= MAX_BATCH_BYTES for _, entries, size in wire.messages if len(entries) > 1)


async def test_the_first_lane_goes_before_the_bulk_lane(ledger: Ledger) -> None:
    await fill(ledger, 5, Stream.TELEMETRY)
    await fill(ledger, MAX_BATCH_ENTRIES * 3, Stream.RECEIPT)
    await fill(ledger, 5, Stream.AUDIT)
    wire = Wire(ledger)
    wire.pump.connected(20)
    order = [stream for stream, _, _ in wire.messages]
    assert order[-1] is Stream.TELEMETRY
    assert order.count(Stream.TELEMETRY) == 1


async def test_streams_of_a_lane_take_turns(ledger: Ledger) -> None:
    for stream in (Stream.RECEIPT, Stream.IDENTIFICATION, Stream.AUDIT):
        await fill(ledger, MAX_BATCH_ENTRIES * 4, stream)
    wire = Wire(ledger)
    wire.pump.connected(3)
    assert len({stream for stream, _, _ in wire.messages}) == 3


async def test_only_the_centres_ack_lets_an_entry_go(ledger: Ledger) -> None:
    await fill(ledger, 10)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.drain()
    assert wire.pump.backlog[Stream.RECEIPT] == 10
    wire.acked(ack(ledger, 10), 1)
    assert wire.pump.backlog[Stream.RECEIPT] == 0


async def test_without_an_ack_in_time_it_goes_again(ledger: Ledger) -> None:
    await fill(ledger, 3)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.drain()
    assert not wire.overdue(T - 0.1)
    assert wire.overdue(T)
    assert wire.sent() == [1, 2, 3, 1, 2, 3]


async def test_on_a_thin_line_what_is_still_arriving_is_not_sent_again(ledger: Ledger) -> None:
    """Each batch takes longer to arrive than an ack is waited for: the broker's PUBACKs show that the line works."""
    await fill(ledger, 10 * MAX_BATCH_ENTRIES)
    wire = Wire(ledger)
    wire.pump.connected(20)
    for number in range(1, 9):
        wire.now = number * (T - 1)
        wire.puback(number)
        assert not wire.overdue(wire.now + T - 0.1)
    assert wire.sent() == list(range(1, 10 * MAX_BATCH_ENTRIES + 1))
    assert wire.overdue(8 * (T - 1) + T)


async def test_pubacks_alone_do_not_put_it_off_for_ever(ledger: Ledger) -> None:
    await fill(ledger, 20 * MAX_BATCH_ENTRIES)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.now = (PATIENCE - 1) * T
    wire.puback(1)
    assert not wire.overdue(PATIENCE * T - 0.1)
    wire.puback(2)
    assert wire.overdue(PATIENCE * T)


async def test_only_what_is_unacked_goes_again(ledger: Ledger) -> None:
    await fill(ledger, 5)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 3), 10)
    assert not wire.overdue(T)
    assert wire.overdue(10 + T)
    assert wire.sent() == [1, 2, 3, 4, 5, 4, 5]


async def test_what_was_acked_is_never_overdue(ledger: Ledger) -> None:
    await fill(ledger, 5)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 5), 1)
    assert not wire.overdue(1000)


async def test_what_the_centre_misses_goes_again(ledger: Ledger) -> None:
    await fill(ledger, 9)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 2, missing=((3, 5),)), 1)
    assert wire.sent() == [*range(1, 10), 3, 4, 5]


async def test_a_gap_is_not_believed_twice_in_a_moment(ledger: Ledger) -> None:
    await fill(ledger, 9)
    wire = Wire(ledger)
    wire.pump.connected(20)
    for at in (1.0, 1.1, 1.2):
        wire.acked(ack(ledger, 2, missing=((3, 5),)), at)
    assert len(wire.messages) == 2
    wire.acked(ack(ledger, 2, missing=((3, 5),)), 1 + REWIND_S)
    assert len(wire.messages) == 3


async def test_an_ack_never_goes_back_nor_beyond_what_is(ledger: Ledger) -> None:
    await fill(ledger, 5)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 4), 1)
    wire.acked(ack(ledger, 2), 2)
    assert ledger.acked(Stream.RECEIPT) == 4
    wire.acked(ack(ledger, 2**31 - 1), 3)
    assert ledger.acked(Stream.RECEIPT) == 5
    await fill(ledger, 1)
    wire.pump.fill()
    assert wire.sent()[-1] == 6


async def test_a_new_connection_begins_behind_the_watermark(ledger: Ledger) -> None:
    await fill(ledger, 6)
    wire = Wire(ledger)
    wire.pump.connected(20)
    wire.acked(ack(ledger, 4), 1)
    wire.pump.lost()
    wire.messages.clear()
    wire.pump.fill()
    assert wire.messages == []
    wire.pump.connected(20)
    assert wire.sent() == [5, 6]


async def test_an_ack_that_comes_while_unconnected_counts(ledger: Ledger) -> None:
    await fill(ledger, 6)
    wire = Wire(ledger)
    wire.acked(ack(ledger, 4), 1)
    wire.pump.connected(20)
    assert wire.sent() == [5, 6]


async def test_a_link_that_breaks_in_a_publish_stops_the_pump(ledger: Ledger) -> None:
    await fill(ledger, 1)
    wire = Wire(ledger)
    wire.gone = True
    wire.pump.connected(20)
    wire.gone = False
    wire.pump.fill()
    assert wire.messages == []
    wire.pump.connected(20)
    assert wire.sent() == [1]


async def test_a_puback_of_the_connection_before_frees_nothing(ledger: Ledger) -> None:
    await fill(ledger, MAX_BATCH_ENTRIES * 4)
    wire = Wire(ledger)
    wire.pump.connected(2)
    wire.pump.lost()
    wire.pump.connected(2)
    assert len(wire.messages) == 4
    wire.puback(1, 2)
    assert len(wire.messages) == 4


async def test_what_was_dropped_is_neither_sent_nor_waited_for(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "small.db", GATEWAY, clock, LedgerSection(telemetry_bytes=3000))
    ledger.start()
    wire = Wire(ledger)
    wire.pump.connected(10)
    await fill(ledger, 40, Stream.TELEMETRY)
    dropped = ledger.floor(Stream.TELEMETRY)
    assert dropped
    wire.drain()
    rest = list(range(dropped + 1, 41))
    assert wire.sent(Stream.TELEMETRY) == rest
    wire.acked(ack(ledger, 0, Stream.TELEMETRY, missing=((1, dropped),)), 10.0)
    assert wire.sent(Stream.TELEMETRY) == rest
    wire.acked(ack(ledger, 0, Stream.TELEMETRY, missing=((1, dropped), (dropped + 2, dropped + 3))), 20.0)
    assert wire.sent(Stream.TELEMETRY) == [*rest, dropped + 2, dropped + 3]
    assert wire.pump.backlog[Stream.TELEMETRY] == 40 - dropped
    await ledger.stop()
