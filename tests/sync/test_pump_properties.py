"""Whatever happens on the way, a broker that works in the end and a centre that acks get everything."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.ledger import Ledger
from gateway.model.entry import Stream
from gateway.wire.messages import Ack
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, fill, seqs
from tests.sync.wire import T, Wire

Event = st.one_of(
    st.tuples(st.just("store"), st.integers(1, 90)),
    st.tuples(st.just("store_older"), st.integers(1, 90)),
    st.tuples(st.just("puback"), st.integers(1, 12)),
    st.tuples(st.just("ack"), st.integers(0, 400)),
    st.tuples(st.just("ack_older"), st.integers(0, 400)),
    st.tuples(st.just("missing"), st.integers(0, 300)),
    st.tuples(st.just("resend"), st.integers(1, 100)),
    st.tuples(st.just("pace"), st.integers(1, 300)),
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("cut"), st.integers(0, 3)),
)
RECEIPT = Stream.RECEIPT


def arrived(wire: Wire, ledger: Ledger) -> set[int]:
    """Numbers of this epoch that were sent."""
    return {
        seq for _, entries, _ in wire.messages if entries[0].header.id.epoch == ledger.epoch for seq in seqs(entries)
    }


def word(ledger: Ledger, wire: Wire, through: int) -> Ack:
    """A centre's word about what can be there: nothing beyond what was sent without a gap."""
    there = arrived(wire, ledger)
    possible = ledger.acked(RECEIPT)
    while possible + 1 in there:
        possible += 1
    return Ack(RECEIPT, ledger.epoch, min(through, possible))


async def play(folder: Path, events: list[tuple[str, int]]) -> None:
    clock = FakeClock()
    ledger, older = Ledger(folder / "ledger.db", GATEWAY, clock), Ledger(folder / "older.db", GATEWAY, clock)
    ledger.start()
    older.start()
    wire, pubacked = Wire(older, ledger, per_s=50), 0
    wire.pump.connected(3)
    for event, number in events:
        wire.now += 0.5
        match event:
            case "store":
                await fill(ledger, number)
                wire.pump.fill()
            case "store_older":
                await fill(older, number)
                wire.pump.lost()  # an older epoch gets no new entries while it drains: it had them before
                wire.pump.connected(3)
            case "puback":
                for _ in range(number):
                    pubacked = min(pubacked + 1, len(wire.messages))
                    wire.pump.published(pubacked)
            case "ack":
                wire.pump.acked(word(ledger, wire, number))
            case "ack_older":
                wire.pump.acked(word(older, wire, number))
            case "missing":
                first = ledger.acked(RECEIPT) + 1
                wire.pump.acked(Ack(RECEIPT, ledger.epoch, first - 1, ((first, first + number),)))
            case "resend":
                wire.pump.resend(ledger.epoch, RECEIPT, number, number + 30)
            case "pace":
                wire.pump.pace(number)
            case "wait":
                wire.now += number
                wire.pump.resend_overdue(T)
            case "cut":
                wire.pump.lost()
                wire.pump.connected(number + 1)
    wire.messages.clear()
    wire.pump.lost()
    wire.pump.connected(3)
    while wire.pump.backlog[RECEIPT]:
        wire.now += 1
        wire.drain()
        wire.pump.fill()
        for source in (older, ledger):
            wire.pump.acked(word(source, wire, 2**31 - 1))
        assert wire.now < 10_000, "it does not come to an end"
    assert ledger.acked(RECEIPT) == ledger.last(RECEIPT)
    assert older.acked(RECEIPT) == older.last(RECEIPT)
    await ledger.stop()
    await older.stop()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(Event, max_size=20))
def test_nothing_is_forgotten(events: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), events))
