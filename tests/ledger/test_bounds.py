"""What waits is bounded in bytes and age, and each drop is told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.bounds import Waiting
from gateway.ledger.life import LAST_BYTES
from gateway.model.bodies import DroppedBody
from gateway.model.clock import ClockQuality
from gateway.model.entry import Stream
from gateway.model.errors import LedgerError
from tests.ledger.life import DAY_S, SIZE, Card, Open, dropped, entry, fill, readable, rows, tidied
from tests.support.clock import FakeClock

Step = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 900)),
    st.tuples(st.just("learn"), st.integers(1, 9)),
    st.tuples(st.just("settle"), st.integers(0, 90)),
    st.tuples(st.just("back"), st.integers(0, 5)),
)


@given(st.lists(st.integers(1, 900), max_size=40), st.lists(Step, max_size=60), st.integers(1, 9000), st.booleans())
def test_the_books_are_those_of_a_plain_list(
    old: list[int], steps: list[tuple[str, int]], limit: int, forced: bool
) -> None:
    """`sizes[n - 1]` is the size of entry n; those after `after` are in the books."""
    sizes, waiting, learned = list(old), Waiting(len(old)), len(old)
    for what, number in steps:
        match what:
            case "add":
                waiting.add(number)
                sizes.append(number)
            case "learn":
                first = max(1, waiting.after - number + 1)
                waiting.learn(sizes[first - 1 : waiting.after])
            case "settle":
                waiting.settle(number)
            case _:
                keep = max(len(sizes) - number, learned, waiting.after)
                waiting.back_to(keep)
                del sizes[keep:]
        assert waiting.last == len(sizes)
        assert waiting.bytes == sum(sizes[waiting.after :])
    through = waiting.step(limit, forced=forced)
    assert waiting.after <= through <= max(waiting.after, len(sizes) - 1)
    left = sum(sizes[through:])
    if not forced and waiting.bytes <= limit:
        assert through == waiting.after
    else:
        goal = min(limit, waiting.bytes if forced else limit) - limit // 16
        assert left <= goal or through >= len(sizes) - 1
        assert through == waiting.after or left + sizes[through - 1] > goal, "more than it had to be"


async def test_too_many_bytes_waiting_let_the_oldest_sixteenth_go_and_one_entry_says_so(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 32)
    assert dropped(ledger) == []
    await fill(ledger, Stream.TELEMETRY, 1)
    assert dropped(ledger) == [DroppedBody(stream="telemetry", first=1, last=3, why="bytes")]
    assert ledger.floor(Stream.TELEMETRY) == ledger.acked(Stream.TELEMETRY) == 3
    assert readable(ledger, Stream.TELEMETRY) == list(range(4, 34))


async def test_the_drop_and_its_entry_are_one_commit_with_what_caused_it(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 32)
    before = ledger.commits
    await fill(ledger, Stream.TELEMETRY, 1)
    assert ledger.commits - before == 1
    assert ledger.query("SELECT floor FROM stream WHERE name='telemetry'") == [(3,)]
    assert ledger.query("SELECT count(*) FROM audit") == [(1,)]


async def test_rows_stay_until_the_writer_is_idle(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 33)
    assert rows(ledger, Stream.TELEMETRY) == list(range(1, 34))
    await tidied(ledger)
    assert rows(ledger, Stream.TELEMETRY) == list(range(4, 34))


async def test_a_long_outage_writes_few_entries(open_ledger: Open) -> None:
    ledger = await open_ledger(identification_bytes=160 * SIZE)
    for _ in range(50):
        await ledger.commit([entry(Stream.IDENTIFICATION)] * 20)
    told = dropped(ledger)
    assert [(told[0].first, told[-1].last)] == [(1, ledger.floor(Stream.IDENTIFICATION))]
    assert all(a.last + 1 == b.first for a, b in itertools.pairwise(told))
    assert len(told) <= 1000 / 10


async def test_what_the_centre_has_counts_against_no_bound(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    for _ in range(10):
        await fill(ledger, Stream.TELEMETRY, 20)
        ledger.ack(Stream.TELEMETRY, ledger.last(Stream.TELEMETRY))
    assert dropped(ledger) == []
    assert len(readable(ledger, Stream.TELEMETRY)) == 200


@pytest.mark.parametrize("stream", [Stream.RECEIPT, Stream.AUDIT, Stream.DOCUMENT])
async def test_what_must_not_go_never_goes(open_ledger: Open, clock: FakeClock, card: Card, stream: Stream) -> None:
    ledger = await open_ledger(telemetry_bytes=SIZE, identification_bytes=SIZE)
    await fill(ledger, stream, 100)
    clock.advance(4000 * DAY_S)
    card.free = LAST_BYTES + 1
    await fill(ledger, stream, 1)
    await tidied(ledger)
    assert (readable(ledger, stream), dropped(ledger)) == (list(range(1, 102)), [])


async def test_identifications_grow_old(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(identification_days=16)
    for _ in range(16):
        await fill(ledger, Stream.IDENTIFICATION, 2)
        clock.advance(DAY_S)
    assert dropped(ledger) == []
    clock.advance(1)
    await fill(ledger, Stream.IDENTIFICATION, 1)
    (told,) = dropped(ledger)
    assert told == DroppedBody(stream="identification", first=1, last=4, why="age")


async def test_a_box_that_stood_idle_lets_old_identifications_go_too(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(identification_days=16)
    await fill(ledger, Stream.IDENTIFICATION, 3)
    clock.advance(17 * DAY_S)
    await tidied(ledger)
    assert [(d.first, d.last, d.why) for d in dropped(ledger)] == [(1, 2, "age")]
    assert readable(ledger, Stream.IDENTIFICATION) == [3]


async def test_nothing_goes_by_the_word_of_a_clock_that_nobody_vouches_for(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(identification_days=16)
    clock.quality = ClockQuality.GUESS
    await fill(ledger, Stream.IDENTIFICATION, 2)
    clock.advance(20_000 * DAY_S)  # a first answer of the network's time comes
    await fill(ledger, Stream.IDENTIFICATION, 2)
    clock.quality = ClockQuality.NTP
    await fill(ledger, Stream.IDENTIFICATION, 2)
    assert dropped(ledger) == []
    clock.advance(17 * DAY_S)
    await fill(ledger, Stream.IDENTIFICATION, 1)
    assert [(d.first, d.last) for d in dropped(ledger)] == [(1, 6)]


async def test_bounds_hold_over_a_restart(open_ledger: Open) -> None:
    first = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(first, Stream.TELEMETRY, 30)
    second = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(second, Stream.TELEMETRY, 3)
    await tidied(second)
    assert [(d.first, d.last) for d in dropped(second)] == [(1, 3)]


async def test_after_a_restart_what_waits_is_learned_in_steps_while_taps_go_on(open_ledger: Open) -> None:
    first = await open_ledger()
    await first.commit([entry(Stream.IDENTIFICATION)] * 1700)
    second = await open_ledger(identification_bytes=1600 * SIZE)
    await fill(second, Stream.IDENTIFICATION, 5)
    await tidied(second)
    (told,) = dropped(second)
    assert (told.first, told.last) == (1, second.floor(Stream.IDENTIFICATION))
    left = second.last(Stream.IDENTIFICATION) - told.last
    assert 1400 < left <= 1600
    assert second._writer._life.waiting_bytes(Stream.IDENTIFICATION) == left * SIZE


async def test_a_failed_commit_counts_nothing(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 30)
    db = ledger._writer._db  # the very connection: what it refuses stands for a card that is read-only
    db.execute("PRAGMA query_only=ON")
    for _ in range(10):
        with pytest.raises(LedgerError, match="read-only"):
            await ledger.commit([entry(Stream.TELEMETRY)] * 50)
    db.execute("PRAGMA query_only=OFF")
    assert ledger._writer._life.waiting_bytes(Stream.TELEMETRY) == 30 * SIZE
    await fill(ledger, Stream.TELEMETRY, 2)
    assert dropped(ledger) == []


async def test_a_card_that_is_suddenly_full_lets_telemetry_go_with_the_refusal(open_ledger: Open) -> None:
    ledger = await open_ledger(telemetry_bytes=32 * SIZE)
    await fill(ledger, Stream.TELEMETRY, 30)
    db = ledger._writer._db
    db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0] + 1}")
    with pytest.raises(LedgerError, match="no room") as refused:
        await ledger.commit([entry(Stream.RECEIPT)] * 50)
    assert refused.value.code == "ledger_no_room"
    assert [(d.first, d.last, d.why) for d in dropped(ledger)] == [(1, 2, "no_room")]
    db.execute("PRAGMA max_page_count=1000000")
