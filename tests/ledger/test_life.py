"""What may go, when, and what is told of it: bounds, retention, room on the card."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.types import LedgerSection
from gateway.ledger.bounds import HEADER_BYTES, Waiting
from gateway.ledger.ledger import Ledger
from gateway.ledger.life import LAST_BYTES
from gateway.ledger.verify import verify
from gateway.model.bodies import DroppedBody
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.support.clock import FakeClock

DAY_S = 24 * 3600.0
GB = 10**9
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
    """A card whose free space the test sets."""

    def __init__(self, free: int = GB) -> None:
        self.free = free

    def __call__(self, folder: Path) -> int:
        return self.free


@pytest.fixture
def card() -> Card:
    return Card()


Open = Callable[..., Awaitable[Ledger]]


@pytest.fixture
async def open_ledger(path: Path, clock: FakeClock, card: Card) -> AsyncIterator[Open]:
    """Opens the ledger with these limits, closing the one before."""
    opened: list[Ledger] = []

    async def open_it(**limits: int) -> Ledger:
        if opened:
            await opened.pop().stop()
        ledger = Ledger(path, "gw-test", clock, LedgerSection(ballast_bytes=0, **limits), card)
        ledger.start()
        opened.append(ledger)
        return ledger

    yield open_it
    await opened.pop().stop()


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


# Bounds --------------------------------------------------------------------------------------------------


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


# Retention -----------------------------------------------------------------------------------------------


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


async def test_a_large_clearance_goes_in_chunks_and_lets_taps_between(open_ledger: Open, clock: FakeClock) -> None:
    ledger = await open_ledger(keep_telemetry_days=0)
    await ledger.commit([entry(Stream.TELEMETRY)] * 3000)
    ledger.ack(Stream.TELEMETRY, 3000)
    clock.advance(1)
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


# Room ----------------------------------------------------------------------------------------------------


async def test_short_of_room_telemetry_goes_first_and_what_the_centre_has_before_what_it_has_not(
    open_ledger: Open, card: Card
) -> None:
    limits = {"min_free_bytes": 50_000_000, "telemetry_bytes": 64 * SIZE, "identification_bytes": 64 * SIZE}
    ledger = await open_ledger(**limits)
    await fill(ledger, Stream.TELEMETRY, 60)
    await fill(ledger, Stream.IDENTIFICATION, 60)
    ledger.ack(Stream.TELEMETRY, 10)
    ledger.ack(Stream.IDENTIFICATION, 10)
    card.free = 40_000_000
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
    card.free = 40_000_000
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
