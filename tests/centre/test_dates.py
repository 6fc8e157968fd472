"""When entries happened: what a box recorded before it knew the time is dated by its boot's anchors when it is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from gateway.centre.database import Database
from gateway.centre.dates import Dates
from gateway.centre.query import PAGE, Query
from gateway.centre.rows import EntryRow
from gateway.centre.store import Store
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import Stream
from tests.centre.boxes import BOOT, NEXT, NOON_MS, Box, guessed, known
from tests.centre.chains import GATEWAY
from tests.support.clock import FakeClock

DAY_MS = 24 * 3600 * 1000
YEARS_56_MS = 56 * 365 * DAY_MS
OTHER = "school-1"


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    store = Store(where, FakeClock())
    store.open()
    yield store
    store.close()


def dated(where: str, stream: Stream = Stream.RECEIPT) -> list[int | None]:
    """What a person is told of each entry, in the order of their arrival; both ways of reading say the same."""
    told = [row.utc_ms for row in Query(where).events(stream=stream)]
    assert [row.utc_ms for row in Query(where).between(stream=stream).rows] == told
    return told


def test_an_entry_of_1970_is_dated_by_the_anchor_that_came_after_it(store: Store, where: str) -> None:
    box = Box()
    store.take([box.record(guessed(60)), box.record(guessed(61, NOON_MS + YEARS_56_MS))])
    assert dated(where) == [None, None]
    store.take([box.anchor(3600, NOON_MS)])
    assert dated(where) == [NOON_MS - 3540_000, NOON_MS - 3539_000]


def test_a_trusted_clock_speaks_for_itself_whatever_an_anchor_says(store: Store, where: str) -> None:
    box = Box()
    rtc = Stamp(NOON_MS + 7, 5 * 10**9, BOOT, ClockQuality.RTC)
    store.take([box.anchor(1, NOON_MS - DAY_MS), box.record(known(NOON_MS)), box.record(rtc)])
    assert dated(where) == [NOON_MS, NOON_MS + 7]


def test_the_last_anchor_before_counts_after_a_jump_by_hand(store: Store, where: str) -> None:
    box = Box()
    store.take(
        [box.anchor(100, NOON_MS), box.record(guessed(200, NOON_MS - DAY_MS)), box.anchor(300, NOON_MS + DAY_MS)]
    )
    store.take([box.record(guessed(301, 0)), box.record(guessed(50, 0))])
    assert dated(where) == [NOON_MS + 100_000, NOON_MS + DAY_MS + 1_000, NOON_MS - 50_000]


def test_each_boot_has_its_own_anchors_and_one_without_stays_unknown(store: Store, where: str) -> None:
    box = Box()
    store.take([box.record(guessed(5)), box.anchor(10, NOON_MS)])
    store.take([box.record(guessed(5, boot=NEXT)), box.anchor(20, NOON_MS + DAY_MS, NEXT)])
    store.take([box.record(guessed(5, boot="d" * 32))])
    assert dated(where) == [NOON_MS - 5_000, NOON_MS + DAY_MS - 15_000, None]


def test_an_anchor_counts_for_its_boot_in_every_epoch(store: Store, where: str) -> None:
    """A new epoch may begin within a boot: the anchor is written once."""
    store.take([Box().anchor(10, NOON_MS)])
    store.take([Box(epoch="e2" * 16).record(guessed(12))])
    assert dated(where) == [NOON_MS + 2_000]


def test_no_gateway_dates_the_entries_of_another(store: Store, where: str) -> None:
    store.take([Box(OTHER).anchor(10, NOON_MS, BOOT), Box().record(guessed(12))])
    assert dated(where) == [None]


def test_an_anchor_on_another_stream_or_without_sense_is_none(store: Store, where: str) -> None:
    box = Box()
    body = b'{"boot":"%s","mono_ns":1,"wall_ms":2,"quality":"ntp"}' % BOOT.encode()
    store.take([box.record(known(NOON_MS), Stream.AUDIT, b'{"boot":7}'), box.record(known(NOON_MS), body=body)])
    store.take([box.record(guessed(12))])
    assert dated(where) == [NOON_MS, None]


def test_a_forgotten_entry_is_dated_and_a_forgotten_anchor_dates_nothing(store: Store, where: str) -> None:
    box = Box()
    store.take([box.record(guessed(8), forgotten=True), box.anchor(10, NOON_MS)])
    store.take([box.record(guessed(8, boot=NEXT)), box.anchor(10, NOON_MS, NEXT, forgotten=True)])
    assert dated(where) == [NOON_MS - 2_000, None]
    assert Query(where).events(stream=Stream.RECEIPT)[0].body is None


def numbers(where: str, since_ms: int | None, until_ms: int | None, *, undated: bool = False) -> tuple[list[int], int]:
    found = Query(where).between(stream=Stream.RECEIPT, since_ms=since_ms, until_ms=until_ms, undated=undated)
    return [row.seq for row in found.rows], found.undated


def test_a_search_by_time_is_by_when_it_was_and_not_by_what_the_clock_claimed(store: Store, where: str) -> None:
    box = Box()
    stamps = [guessed(10), guessed(20, NOON_MS + YEARS_56_MS), guessed(1, NOON_MS, NEXT), known(NOON_MS + 30_000)]
    store.take([*(box.record(at) for at in stamps), box.anchor(0, NOON_MS)])
    assert numbers(where, None, None) == ([1, 2, 3, 4], 0)
    assert numbers(where, NOON_MS, NOON_MS + DAY_MS) == ([1, 2, 4], 1)
    assert numbers(where, NOON_MS + 10_000, NOON_MS + 30_000) == ([1, 2], 1)
    assert numbers(where, None, NOON_MS + 20_000) == ([1], 1)
    assert numbers(where, NOON_MS + 20_000, None) == ([2, 4], 1)
    assert numbers(where, NOON_MS + DAY_MS, None) == ([], 1)
    assert numbers(where, NOON_MS + 20_000, None, undated=True) == ([2, 3, 4], 0)


def test_a_search_ends_with_the_last_entry_that_was_asked_for(store: Store, where: str) -> None:
    box = Box()
    store.take([box.record(guessed(1, boot=NEXT)), box.record(known(NOON_MS)), box.record(guessed(2, boot=NEXT))])
    store.take([box.record(known(NOON_MS + 1))])
    found = Query(where).between(since_ms=NOON_MS, after=0, limit=1)
    assert ([row.seq for row in found.rows], found.undated) == ([2], 1)
    found = Query(where).between(since_ms=NOON_MS, limit=1)
    assert ([row.seq for row in found.rows], found.undated) == ([4], 0), "the newest"
    found = Query(where).between(since_ms=NOON_MS, limit=2)
    assert ([row.seq for row in found.rows], found.undated) == ([2, 4], 1), "in the order in which they came"
    assert Query(where).between(since_ms=NOON_MS, limit=0).rows == []


def test_a_search_over_several_pages_finds_all_of_both_sorts(store: Store, where: str) -> None:
    """What the database sieves out by trusted clocks is what the rule itself would leave out."""
    box = Box()
    half = PAGE * 3 // 2
    store.take(
        [box.record(guessed(second) if second % 2 else known(NOON_MS + second * 1000)) for second in range(2 * half)]
    )
    store.take([box.anchor(0, NOON_MS)])
    since, until = NOON_MS + 100_000, NOON_MS + (2 * half - 100) * 1000
    everything = Query(where).events(stream=Stream.RECEIPT, limit=10 * PAGE)
    assert [row.utc_ms for row in everything] == [NOON_MS + second * 1000 for second in range(2 * half)]
    found = Query(where).between(stream=Stream.RECEIPT, since_ms=since, until_ms=until, limit=10 * PAGE)
    assert found.rows == [row for row in everything if row.utc_ms is not None and since <= row.utc_ms < until]
    assert len(found.rows) == 2 * half - 200
    page: list[EntryRow] = []
    while (
        more := Query(where)
        .between(
            stream=Stream.RECEIPT, since_ms=since, until_ms=until, after=page[-1].arrival if page else 0, limit=PAGE + 1
        )
        .rows
    ):
        page += more
    assert page == found.rows, "the same, a page at a time"


def test_anchors_are_read_once_for_each_gateway_that_needs_them(store: Store, where: str) -> None:
    for name in (GATEWAY, OTHER, "with-a-battery"):
        store.take([Box(name).anchor(10, NOON_MS)])
    asked: list[str] = []
    database = Database(where, read_only=True)
    with database.begin() as db:
        event.listen(db, "before_cursor_execute", lambda _db, _cursor, statement, *_: asked.append(statement))
        dates = Dates(db)
        for second in range(100):
            assert dates.utc_ms(GATEWAY, guessed(second)) == NOON_MS + (second - 10) * 1000
            assert dates.utc_ms(OTHER, guessed(second, boot=NEXT)) is None
            assert dates.utc_ms("with-a-battery", known(second)) == second
    database.close()
    assert len(asked) == 2
