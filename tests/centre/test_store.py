"""The store takes each entry once, and says honestly what it has, lacks and will never have."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.centre.ground import MAX_ALARMS
from gateway.centre.parcel import Refusal
from gateway.centre.query import Query
from gateway.centre.store import Store
from gateway.centre.tables import conflicts
from gateway.model.bodies import DroppedBody
from gateway.model.entry import Entry, EntryId, EntryKind, Stream
from gateway.wire.messages import Ack, State
from tests.centre.chains import EPOCH, GATEWAY, Chain, altered, chain_of
from tests.support.clock import FakeClock


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    store = Store(where, FakeClock())
    store.open()
    yield store
    store.close()


def ack(store: Store, entries: list[Entry]) -> Ack:
    (only,) = store.take(entries).acks[GATEWAY]
    return only


def test_entries_are_stored_with_their_bytes(store: Store, where: str) -> None:
    entries = chain_of(3)
    taken = store.take(entries)
    assert (taken.stored, taken.duplicates) == (3, 0)
    assert taken.acks == {GATEWAY: [Ack(Stream.RECEIPT, EPOCH, 3)]}
    assert [(row.seq, bytes(row.body or b""), row.digest, row.at) for row in Query(where).events()] == [
        (entry.header.id.seq, entry.body, entry.digest, entry.header.at) for entry in entries
    ]


def test_the_same_again_is_a_duplicate_and_acked_again(store: Store, where: str) -> None:
    entries = chain_of(3)
    store.take(entries)
    taken = store.take([*entries, *entries])
    assert (taken.stored, taken.duplicates, taken.conflicts) == (0, 6, 0)
    assert taken.acks[GATEWAY][0].through == 3
    assert len(Query(where).events()) == 3


def test_a_duplicate_within_one_transaction_is_stored_once(store: Store, where: str) -> None:
    entries = chain_of(2)
    assert store.take([*entries, *entries]).duplicates == 2
    assert len(Query(where).events()) == 2


def test_a_gap_is_missing_until_it_comes(store: Store, where: str) -> None:
    entries = chain_of(9)
    assert ack(store, entries[:3] + entries[6:8]) == Ack(Stream.RECEIPT, EPOCH, 3, ((4, 6),))
    assert [(gap.first, gap.last) for gap in Query(where).gaps()] == [(4, 6)]
    assert ack(store, entries[4:5]) == Ack(Stream.RECEIPT, EPOCH, 3, ((4, 4), (6, 6)))
    assert ack(store, entries[3:6]) == Ack(Stream.RECEIPT, EPOCH, 8)
    assert Query(where).gaps() == []
    assert Query(where).alarms() == []


def test_another_digest_under_the_same_key_is_kept_as_a_conflict(store: Store, where: str) -> None:
    entries = chain_of(2)
    store.take(entries)
    taken = store.take([altered(entries[1], b'{"n":"other"}')])
    assert (taken.stored, taken.conflicts) == (0, 1)
    assert taken.acks[GATEWAY][0].through == 2
    with store.database.begin() as db:
        assert db.execute(select(conflicts.c.seq, conflicts.c.body)).all() == [(2, b'{"n":"other"}')]
    assert [bytes(row.body or b"") for row in Query(where).events()] == [b'{"n":1}', b'{"n":2}']
    assert [(alarm.what, alarm.detail) for alarm in Query(where).alarms()] == [
        ("conflict", f"{GATEWAY}/{EPOCH}/receipt/2")
    ]


def test_an_entry_forgotten_before_it_came_is_stored_without_body(store: Store, where: str) -> None:
    (entry,) = chain_of(1)
    store.take([msgspec.structs.replace(entry, body=None, salt=None)])
    assert Query(where).events()[0].body is None
    assert store.take([entry]).duplicates == 1


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_a_break_of_the_chain_is_an_alarm_and_not_refused(store: Store, where: str, order: list[int]) -> None:
    foreign = Chain()
    foreign.add(b'{"edited":true}')
    foreign.grow(2)
    entries = [*chain_of(1), *foreign.entries[1:]]
    for index in order:
        store.take([entries[index]])
    assert len(Query(where).events()) == 3
    (alarm,) = Query(where).alarms()
    assert alarm.what == "chain broken"


def test_the_first_entry_joins_the_genesis_of_its_strand(store: Store, where: str) -> None:
    (entry,) = chain_of(1)
    ((wrong),) = [msgspec.structs.replace(entry, previous=b"\0" * 32)]
    store.take([wrong])
    assert [alarm.what for alarm in Query(where).alarms()] == ["chain broken"]


def test_a_refused_number_lets_the_line_move_on(store: Store, where: str) -> None:
    entries = chain_of(3)
    bad = Refusal(entries[1].header.id, "its digest is not that of its content")
    taken = store.take([entries[0], entries[2]], [bad])
    assert taken.acks[GATEWAY] == [Ack(Stream.RECEIPT, EPOCH, 3, (), (2,))]
    store.take([], [bad])
    assert [(row.seq, row.count) for row in Query(where).refused()] == [(2, 2)]


def test_a_refused_number_that_comes_well_after_all_is_stored(store: Store, where: str) -> None:
    entries = chain_of(2)
    store.take([], [Refusal(entries[0].header.id, "bad")])
    assert ack(store, entries) == Ack(Stream.RECEIPT, EPOCH, 2)
    assert Query(where).refused() == []
    assert len(Query(where).events()) == 2


def test_poison_under_a_stored_number_changes_nothing_but_is_an_alarm(store: Store, where: str) -> None:
    entries = chain_of(1)
    store.take(entries)
    taken = store.take([], [Refusal(entries[0].header.id, "bad")])
    assert taken.acks[GATEWAY] == [Ack(Stream.RECEIPT, EPOCH, 1)]
    assert Query(where).refused() == []
    assert [alarm.what for alarm in Query(where).alarms()] == ["poison after storing"]


def drop(stream: str, first: int, last: int) -> Entry:
    body = DroppedBody(stream=stream, first=first, last=last, why="full")
    return Chain(stream=Stream.AUDIT).add(msgspec.json.encode(body), EntryKind.DROPPED)


def test_the_centre_moves_past_a_drop_that_the_gateway_owns_up_to(store: Store, where: str) -> None:
    entries = chain_of(9, stream=Stream.IDENTIFICATION)
    store.take(entries[6:])
    acks = store.take([drop("identification", 1, 6)]).acks[GATEWAY]
    assert {(word.stream, word.through) for word in acks} == {(Stream.AUDIT, 1), (Stream.IDENTIFICATION, 9)}
    assert Query(where).gaps() == []


@pytest.mark.parametrize(("stream", "first", "last"), [("receipt", 1, 6), ("telemetry", 6, 1), ("telemetry", 0, 1)])
def test_what_may_not_be_dropped_stays_missing(store: Store, where: str, stream: str, first: int, last: int) -> None:
    store.take(chain_of(9, stream=Stream.RECEIPT)[6:])
    store.take([drop(stream, first, last)])
    assert [(gap.first, gap.last) for gap in Query(where).gaps()] == [(1, 6)]
    assert [alarm.what for alarm in Query(where).alarms()] == ["drop not allowed"]


BEFORE = "0123456789abcdef"
"""An epoch whose file was damaged; the word on it comes in the next one."""


def lost(stream: str, first: int, last: int, why: str = "damaged", *, epoch: str = BEFORE, end: bool = False) -> Entry:
    body = DroppedBody(stream=stream, first=first, last=last, why=why, epoch=epoch, alarm=True, open=end)
    return Chain(stream=Stream.AUDIT).add(msgspec.json.encode(body), EntryKind.DROPPED)


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize("why", ["damaged", "missing"])
def test_what_a_card_lost_is_passed_over_in_its_own_epoch(store: Store, where: str, stream: Stream, why: str) -> None:
    entries = chain_of(9, stream=stream, epoch=BEFORE)
    store.take(entries[:3] + entries[6:])
    acks = store.take([lost(stream, 4, 6, why)]).acks[GATEWAY]
    assert Ack(stream, BEFORE, 9) in acks
    assert Query(where).gaps() == []
    (alarm,) = Query(where).alarms()
    assert (alarm.what, alarm.detail) == ("entries lost", f"{BEFORE}/{stream} 4 to 6")
    # One that turns up after all is stored.
    assert store.take([entries[4]]).stored == 1


def test_what_a_card_lost_after_it_had_come_here_is_not_lost(store: Store, where: str) -> None:
    store.take(chain_of(9, epoch=BEFORE))
    assert Ack(Stream.AUDIT, EPOCH, 1) in store.take([lost("receipt", 4, 9)]).acks[GATEWAY]
    assert Query(where).alarms() == []


def test_an_end_that_nobody_knows_is_an_alarm(store: Store, where: str) -> None:
    store.take(chain_of(3, epoch=BEFORE))
    store.take([lost("receipt", 4, 3, end=True)])
    (alarm,) = Query(where).alarms()
    assert (alarm.what, alarm.detail) == ("entries lost, perhaps", f"{BEFORE}/receipt 4 to 3 or more")
    assert ack(store, chain_of(3, epoch=BEFORE)) == Ack(Stream.RECEIPT, BEFORE, 3)


@pytest.mark.parametrize(
    "word",
    [lost("receipt", 4, 6, "bytes"), lost("audit", 4, 6, "age"), lost("document", 4, 6, ""), lost("receipt", 4, 3)],
)
def test_without_a_loss_no_stream_that_must_be_whole_is_passed_over(store: Store, where: str, word: Entry) -> None:
    store.take(chain_of(9, epoch=BEFORE)[6:])
    store.take([word])
    assert [(gap.first, gap.last) for gap in Query(where).gaps()] == [(1, 6)]
    assert [alarm.what for alarm in Query(where).alarms()] == ["drop not allowed"]


@pytest.mark.parametrize(("stream", "epoch"), [("receipt", "../x"), ("receipt", "UPPER678"), ("till", BEFORE)])
def test_a_word_on_nothing_that_exists_is_an_alarm(store: Store, where: str, stream: str, epoch: str) -> None:
    store.take([lost(stream, 1, 2, epoch=epoch)])
    assert [alarm.what for alarm in Query(where).alarms()] == ["drop not understood"]


def test_alarms_of_one_gateway_have_a_bound(store: Store, where: str) -> None:
    for number in range(MAX_ALARMS + 20):
        store.alarm(GATEWAY, "poison", str(number))
    alarms = Query(where).alarms()
    assert len(alarms) == MAX_ALARMS + 1
    assert sum(alarm.count for alarm in alarms) == MAX_ALARMS + 20


def test_what_was_stored_is_there_after_opening_again(store: Store, where: str) -> None:
    store.take(chain_of(5)[:2] + chain_of(5)[3:])
    store.close()
    store.open()
    assert ack(store, chain_of(1)) == Ack(Stream.RECEIPT, EPOCH, 2, ((3, 3),))


EPOCHS = itertools.count(1)
"""Each example has its own: they share the store."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_any_order_with_any_repeats_stores_each_once(store: Store, where: str, rng: random.Random, count: int) -> None:
    entries = chain_of(count, epoch=f"{next(EPOCHS):032x}")
    before = len(Query(where).events(limit=100_000))
    way = entries + rng.choices(entries, k=count)
    rng.shuffle(way)
    stored = duplicates = 0
    while way:
        size = rng.randint(1, 9)
        taken = store.take(way[:size])
        stored, duplicates, way = stored + taken.stored, duplicates + taken.duplicates, way[size:]
    assert (stored, duplicates) == (count, count)
    assert Query(where).alarms() == []
    rows = Query(where).events(limit=100_000)[before:]
    assert sorted(row.digest for row in rows) == sorted(entry.digest for entry in entries)


def birth(session: str, **more: object) -> State:
    return msgspec.convert({"online": True, "session": session, "epoch": EPOCH, **more}, State)


def death(session: str) -> State:
    return State(False, session, EPOCH)


def test_a_birth_is_told_how_far_each_stream_is_stored(store: Store) -> None:
    store.take(chain_of(4) + chain_of(2, stream=Stream.AUDIT) + chain_of(7, epoch="b2" * 16))
    (welcome,) = store.hear([(GATEWAY, birth("s1", last={"receipt": 9, "telemetry": 3}))])
    assert {(word.stream, word.through) for word in welcome.acks} == {
        (Stream.RECEIPT, 4),
        (Stream.AUDIT, 2),
        (Stream.TELEMETRY, 0),
    }


def test_a_death_of_an_older_session_is_late_and_means_nothing(store: Store, where: str) -> None:
    store.hear([(GATEWAY, birth("s1"))])
    store.hear([(GATEWAY, birth("s2"))])
    store.hear([(GATEWAY, death("s1"))])
    assert Query(where).gateways()[0].online
    store.hear([(GATEWAY, death("s2"))])
    (row,) = Query(where).gateways()
    assert (row.online, row.session, msgspec.json.decode(row.state)["online"]) == (False, "s2", True)
    assert store.online("*") == []


def test_a_gateway_behind_what_is_stored_is_an_alarm(store: Store, where: str) -> None:
    store.take(chain_of(9))
    store.hear([(GATEWAY, birth("s1", last={"receipt": 7}))])
    assert [alarm.what for alarm in Query(where).alarms()] == ["behind"]


def test_entries_are_found_by_gateway_stream_and_kind(store: Store, where: str) -> None:
    other = Chain("school-1", stream=Stream.IDENTIFICATION)
    store.take([*chain_of(3), other.add(b'{"who":1}', EntryKind.IDENTIFICATION), other.add(b"{}", EntryKind.REFUSAL)])
    query = Query(where)
    assert [row.seq for row in query.events(gateway="school-1")] == [1, 2]
    assert [row.gateway for row in query.events(kind=EntryKind.REFUSAL)] == ["school-1"]
    assert len(query.events(stream=Stream.RECEIPT)) == 3
    first = query.events(limit=2)
    assert [row.seq for row in query.events(after=first[-1].arrival, limit=1)] == [3]
    assert query.counts().entries == {
        "museum-1/receipt/receipt": 3,
        "school-1/identification/identification": 1,
        "school-1/identification/refusal": 1,
    }


def test_refusing_nothing_stored_twice_counts_once_per_number(store: Store) -> None:
    key = EntryId(GATEWAY, EPOCH, Stream.RECEIPT, 5)
    taken = store.take([], [Refusal(key, "bad"), Refusal(key, "bad")])
    assert taken.acks[GATEWAY] == [Ack(Stream.RECEIPT, EPOCH, 0, ((1, 4),), (5,))]
