"""What a broken or hostile gateway may send: refused, recorded within bounds, and no other gateway notices."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.centre import ground
from gateway.centre.link import Delivery
from gateway.centre.query import Query
from gateway.centre.sorting import MAX_STATE, sort
from gateway.centre.store import Settled, Store
from gateway.model.entry import Stream
from gateway.wire.envelope import MAX_BATCH_ENTRIES
from gateway.wire.messages import Ack, State, encode
from gateway.wire.topics import SHARDS, Topics
from tests.centre.chains import CITY, EPOCH, GATEWAY, Chain, altered, batch, chain_of
from tests.support.clock import FakeClock

OTHER = "school-1"


class Intake:
    """Messages go the way from the broker's topic to the store."""

    def __init__(self, where: str) -> None:
        self.store = Store(where, FakeClock())
        self.query = Query(where)
        self.store.open()

    def hears(self, *messages: tuple[str, bytes]) -> Settled:
        deliveries = [Delivery(topic, payload, False, 1, 1) for topic, payload in messages]
        return self.store.settle(sort(CITY, deliveries, range(SHARDS)))

    def alarms(self) -> list[tuple[str, str]]:
        return [(alarm.gateway, alarm.what) for alarm in self.query.alarms()]


@pytest.fixture
def intake(where: str) -> Iterator[Intake]:
    intake = Intake(where)
    yield intake
    intake.store.close()


def events(gateway: str, stream: Stream = Stream.RECEIPT) -> str:
    return Topics(CITY, gateway).events(stream)


def test_another_gateways_entries_on_ones_own_topic_are_refused(intake: Intake) -> None:
    """The id inside says who is meant: neither of the two gets them."""
    taken = intake.hears((events(GATEWAY), batch(chain_of(2, OTHER)))).taken
    assert (taken.stored, taken.refused) == (0, 2)
    assert set(taken.acks) == {GATEWAY}
    assert intake.query.events() == []
    assert intake.hears((events(OTHER), batch(chain_of(2, OTHER)))).taken.stored == 2


def test_another_stream_than_the_topics_is_refused(intake: Intake) -> None:
    taken = intake.hears((events(GATEWAY, Stream.TELEMETRY), batch(chain_of(1)))).taken
    assert (taken.stored, taken.refused) == (0, 1)


def test_another_citys_topic_is_nobodys(intake: Intake) -> None:
    topic = events(GATEWAY).replace(f"/{CITY}/", "/siauliai/")
    assert intake.hears((topic, batch(chain_of(1)))).taken.stored == 0
    assert intake.alarms() == [("", "poison")]


@pytest.mark.parametrize("payload", [b"", b"[]", b"[1]", b"{", b"\xff\xfe", b"null", b"[" * 5000, b'[{"seq":1}]'])
def test_what_is_no_batch_is_an_alarm_and_its_neighbours_are_stored(intake: Intake, payload: bytes) -> None:
    settled = intake.hears((events(GATEWAY), payload), (events(OTHER), batch(chain_of(3, OTHER))))
    assert settled.taken.acks == {OTHER: [Ack(Stream.RECEIPT, EPOCH, 3)]}
    assert intake.alarms() == [(GATEWAY, "poison")]


def test_a_huge_batch_is_refused_whole(intake: Intake) -> None:
    entries = chain_of(4 * MAX_BATCH_ENTRIES + 1)
    assert intake.hears((events(GATEWAY), batch(entries))).taken.stored == 0
    assert intake.alarms() == [(GATEWAY, "poison")]
    assert intake.hears((events(GATEWAY), batch(entries[:-1]))).taken.stored == 4 * MAX_BATCH_ENTRIES


def test_a_huge_message_of_nothing_is_one_alarm(intake: Intake) -> None:
    intake.hears((events(GATEWAY), b"[" + b'"x",' * 1_500_000 + b'"x"]'))
    (alarm,) = intake.query.alarms()
    assert len(alarm.detail) <= 200


def test_a_large_entry_is_stored(intake: Intake) -> None:
    entry = Chain().add(b'{"filler":"' + b"x" * 2_000_000 + b'"}')
    assert intake.hears((events(GATEWAY), batch([entry]))).taken.stored == 1
    assert bytes(intake.query.events()[0].body or b"") == entry.body


@pytest.mark.parametrize(
    "state",
    [
        b'{"online":true,"session":"a\\u0000b","epoch":"a1a1a1a1"}',
        b'{"online":true,"session":"s","epoch":"a1a1a1a1","version":"' + b"9" * 100 + b'"}',
        b'{"online":true,"session":"s","epoch":"not hex"}',
        b'{"online":true,"session":"s","epoch":"a1a1a1a1","last":{"receipt":99999999999}}',
        b'{"online":true,"session":"s","epoch":"a1a1a1a1","boot":"' + b"b" * MAX_STATE + b'"}',
        b"born",
    ],
)
def test_a_birth_that_is_none_makes_nobody_online(intake: Intake, state: bytes) -> None:
    settled = intake.hears((Topics(CITY, GATEWAY).state, state))
    assert settled.welcomes == []
    assert intake.store.online("*") == []
    assert intake.alarms() == [(GATEWAY, "poison")]


def test_a_birth_that_lies_is_told_the_truth(intake: Intake) -> None:
    """It claims more than there is, acks of its own making, bundles of the future: nothing of it is believed."""
    intake.hears((events(GATEWAY), batch(chain_of(3))))
    lie = State(
        True,
        "s1",
        EPOCH,
        last={Stream.RECEIPT: 2**31 - 1, Stream.AUDIT: 5},
        through={Stream.RECEIPT: 2**31 - 1},
        bundles={"rules": 2**62},
    )
    ((welcome,),) = [intake.hears((Topics(CITY, GATEWAY).state, encode(lie))).welcomes]
    assert {(ack.stream, ack.through) for ack in welcome.acks} == {(Stream.RECEIPT, 3), (Stream.AUDIT, 0)}
    assert intake.query.gaps() == []
    settled = intake.hears((events(GATEWAY), batch(chain_of(4))))
    assert settled.taken.acks == {GATEWAY: [Ack(Stream.RECEIPT, EPOCH, 4)]}


def test_a_text_that_a_database_cannot_hold_is_refused_by_its_number(intake: Intake) -> None:
    chain = Chain()
    chain.boot = "b\0b"
    entries = [chain.add(b'{"n":1}')]
    chain.boot = "b" * 32
    entries.append(chain.add(b'{"n":2}'))
    settled = intake.hears((events(GATEWAY), batch(entries)))
    assert settled.taken.acks == {GATEWAY: [Ack(Stream.RECEIPT, EPOCH, 2, (), (1,))]}


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"id":"x","outcome":"done"}', b'{"id":"c0c0c0c0c0c0c0c0"}'])
def test_an_answer_that_is_none_is_poison(intake: Intake, payload: bytes) -> None:
    intake.hears((Topics(CITY, GATEWAY).result, payload))
    assert intake.alarms() == [(GATEWAY, "poison")]


# Floods: of one gateway; another's entries come through in the same groups -------------------------------


def broken(first: int, count: int, epoch: str = EPOCH) -> bytes:
    """A batch of entries that all name their number and none of which is true."""
    events = [{"epoch": epoch, "seq": seq, "id": "lie"} for seq in range(first, first + count)]
    return msgspec.json.encode(events)


def test_a_flood_of_poison_by_number_keeps_bounded_rows(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "MAX_REFUSED_KEPT", 300)
    good = chain_of(40, OTHER)
    for index in range(10):
        hostile = [(events(GATEWAY), broken(1 + 200 * index + 100 * half, 100)) for half in (0, 1)]
        settled = intake.hears(*hostile, (events(OTHER), batch(good[4 * index : 4 * index + 4])))
        assert settled.taken.acks[OTHER][0].through == 4 * index + 4
        (word,) = settled.taken.acks[GATEWAY]
        assert word.through == 200 * index + 200, "the line moves on"
        assert len(word.refused) <= 256
    assert len(intake.query.refused()) == 300
    assert len(intake.query.events(gateway=OTHER)) == 40


def test_a_flood_of_nonsense_keeps_bounded_rows(intake: Intake) -> None:
    for index in range(60):
        junk = [(events(GATEWAY), b'["%d-%d"' % (index, number)) for number in range(20)]
        wrong = [(events(GATEWAY), b'[{"specversion":"%d.%d"}]' % (index, number)) for number in range(20)]
        intake.hears(*junk, *wrong, (events(OTHER), batch(chain_of(index + 1, OTHER)[-1:])))
    alarms = intake.query.alarms()
    assert len(alarms) <= ground.MAX_ALARMS + 1
    assert sum(alarm.count for alarm in alarms if alarm.gateway == GATEWAY) == 60 * 40
    assert len(intake.query.events(gateway=OTHER)) == 60


def test_a_flood_of_epochs_keeps_bounded_strands(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "MAX_STRANDS", 20)
    hostile = [(events(GATEWAY), batch(chain_of(1, epoch=f"{number:032x}"))) for number in range(50)]
    settled = intake.hears(*hostile, (events(OTHER), batch(chain_of(2, OTHER))))
    assert (settled.taken.stored, settled.taken.deferred) == (22, 30)
    assert len(settled.taken.acks[GATEWAY]) == 20, "what is not stored is not acked"
    again = intake.hears(*hostile)
    assert (again.taken.duplicates, again.taken.deferred) == (20, 30)
    assert ("", "poison") not in intake.alarms()
    assert (GATEWAY, "too many epochs") in intake.alarms()


def test_a_flood_of_conflicts_keeps_bounded_copies(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "MAX_CONFLICTS", 10)
    (entry,) = chain_of(1)
    intake.store.take([entry])
    for start in (0, 8, 16):
        intake.store.take([altered(entry, b'{"n":"%d"}' % number) for number in range(start, start + 8)])
    assert intake.query.counts().conflicts == 10
    assert [alarm.count for alarm in intake.query.alarms()] == [24]


def test_scattered_numbers_are_deferred_when_there_are_too_many_gaps(intake: Intake) -> None:
    hostile = [(events(GATEWAY), broken(seq, 1)) for seq in range(2, 2_202, 2)]
    settled = intake.hears(*hostile, (events(OTHER), batch(chain_of(1, OTHER))))
    assert settled.taken.deferred > 0
    assert len(intake.query.gaps()) <= 1_000
    assert settled.taken.acks[OTHER] == [Ack(Stream.RECEIPT, EPOCH, 1)]


LEAVES = ["ev/receipt", "ev/audit", "ev/none", "state", "res", "cmd", ""]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(LEAVES), st.binary(max_size=300))
def test_any_bytes_on_any_topic_are_an_answer_and_never_a_failure(intake: Intake, leaf: str, payload: bytes) -> None:
    intake.hears((f"{Topics(CITY, GATEWAY).base}/{leaf}", payload))


texts = st.text(st.characters(codec="utf-8"), max_size=70)
numbers = st.integers(-(2**70), 2**70)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"online": st.booleans(), "session": texts, "epoch": st.just("a1a1a1a1") | texts},
        optional={
            "boot": texts,
            "version": texts,
            "bundles": st.dictionaries(texts, numbers, max_size=3),
            "last": st.dictionaries(st.sampled_from([str(stream) for stream in Stream]), numbers, max_size=3),
        },
    )
)
def test_any_state_is_an_answer_and_never_a_failure(intake: Intake, state: dict[str, object]) -> None:
    import json

    intake.hears((Topics(CITY, GATEWAY).state, json.dumps(state).encode()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, texts, st.integers(0, 2**65), st.binary(max_size=20))
def test_any_well_formed_entry_is_an_answer_and_never_a_failure(
    intake: Intake, boot: str, text: str, mono: int, junk: bytes
) -> None:
    chain = Chain(epoch="c3" * 16)
    chain.boot, chain.mono_ns = boot, mono
    whole = batch([chain.add(msgspec.json.encode({"text": text}))])
    intake.hears((events(GATEWAY), whole), (events(GATEWAY), whole.replace(b'"boot"', b'"boot":"' + junk + b'","x"')))
