"""Commands: kept until answered or expired, sent again at a birth, ordered by the centre itself when it must, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.centre.app import Centre
from gateway.centre.births import Heard
from gateway.centre.parcel import Parcel
from gateway.centre.query import Query
from gateway.centre.rows import Became, CommandRow
from gateway.centre.settings import Settings
from gateway.centre.store import Said, Store
from gateway.model.entry import Stream
from gateway.model.errors import Conflict, InputRefused
from gateway.wire.commands import Command, CommandResult, NewEpoch, Outcome, Pace
from gateway.wire.messages import Ack, State
from gateway.wire.topics import SHARDS
from tests.centre.chains import CITY, EPOCH, GATEWAY, altered, chain_of
from tests.centre.scripted import ScriptedGateway, eventually
from tests.support.broker import mosquitto
from tests.support.clock import FakeClock

ID = "c0" * 16
OLDER = "b2" * 16
HELD = dict.fromkeys(range(SHARDS), 0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(where: str, clock: FakeClock) -> Iterator[Store]:
    """It has heard of two gateways."""
    store = Store(where, clock)
    store.open()
    store.hear([(gateway, State(False, "s0", EPOCH)) for gateway in (GATEWAY, "school-1")])
    yield store
    store.close()


def birth(session: str = "s1", epoch: str = EPOCH, **more: object) -> State:
    return msgspec.convert({"online": True, "session": session, "epoch": epoch, **more}, State)


def owed(store: Store, **more: object) -> list[Command]:
    (welcome,) = store.hear([(GATEWAY, birth(**more))])  # type: ignore[arg-type]
    return welcome.commands


def answer(store: Store, command: str, outcome: Outcome = Outcome.DONE, gateway: str = GATEWAY) -> None:
    store.settle(Said(results=[(gateway, CommandResult(command, outcome, "so it is"))]))


def test_a_command_is_owed_at_each_birth_until_it_is_answered(store: Store, where: str) -> None:
    command = store.command(ID, GATEWAY, Pace(10))
    assert owed(store) == [command]
    assert owed(store, session="s2") == [command]
    answer(store, ID)
    assert owed(store) == []
    (row,) = Query(where).commands()
    assert (row.command, row.outcome, row.detail) == (command, "done", "so it is")


def test_the_first_answer_stands(store: Store, where: str) -> None:
    store.command(ID, GATEWAY, Pace(10))
    answer(store, ID, Outcome.REFUSED)
    answer(store, ID, Outcome.DONE)
    assert Query(where).commands()[0].outcome == "refused"


def test_an_expired_command_is_not_sent_any_more(store: Store, clock: FakeClock) -> None:
    store.command(ID, GATEWAY, Pace(10), clock.wall_ms() + 5_000)
    assert len(owed(store)) == 1
    clock.advance(6)
    assert owed(store) == []
    assert store.unsent(HELD) == []


def test_an_id_is_used_once(store: Store, where: str) -> None:
    store.command(ID, GATEWAY, Pace(10))
    with pytest.raises(Conflict, match="new id"):
        store.command(ID, GATEWAY, Pace(11))
    assert [row.command.act for row in Query(where).commands()] == [Pace(10)]


def test_the_very_same_command_again_is_the_same_one(store: Store, where: str, clock: FakeClock) -> None:
    command = Command(ID, GATEWAY, Pace(10), clock.wall_ms() + 5_000)
    assert store.keep(command)
    assert store.unsent(HELD) == [command]
    clock.advance(60)
    assert not store.keep(command)
    assert store.unsent(HELD) == []
    assert len(Query(where).commands()) == 1
    for other in (
        Command(ID, "school-1", Pace(10), command.expires_ms),
        Command(ID, GATEWAY, Pace(10), command.expires_ms + 1),
        Command(ID, GATEWAY, NewEpoch(EPOCH), command.expires_ms),
    ):
        with pytest.raises(Conflict, match="another one"):
            store.keep(other)


def test_a_command_that_has_expired_is_not_kept(store: Store, where: str, clock: FakeClock) -> None:
    with pytest.raises(InputRefused, match="expire"):
        store.command(ID, GATEWAY, Pace(10), clock.wall_ms())
    assert Query(where).commands() == []


def test_what_became_of_a_command(store: Store, where: str, clock: FakeClock) -> None:
    def became() -> Became:
        (row,) = Query(where).commands()
        return row.became(clock.wall_ms())

    store.command(ID, GATEWAY, Pace(10), clock.wall_ms() + 5_000)
    assert became() is Became.WAITING
    store.unsent(HELD)
    assert became() is Became.SENT
    clock.advance(5)
    assert became() is Became.LAPSED
    answer(store, ID)  # it was done in time, and the answer took its time
    assert became() is Became.DONE


@pytest.mark.parametrize("outcome", Outcome)
def test_every_answer_is_something_that_a_command_can_become(outcome: Outcome) -> None:
    assert CommandRow(Command(ID, GATEWAY, Pace(1), 1), 0, 0, outcome, "", 0).became(2).value == outcome.value


def test_commands_of_one_gateway_and_the_newest_so_many(store: Store, where: str, clock: FakeClock) -> None:
    for number in range(1, 6):
        store.command(f"{number:032x}", GATEWAY if number % 2 else "school-1", Pace(number))
        clock.advance(1)
    assert [row.command.act for row in Query(where).commands("school-1")] == [Pace(2), Pace(4)]
    assert [row.command.act for row in Query(where).commands(limit=2)] == [Pace(4), Pace(5)]
    assert [row.command.act for row in Query(where).commands(GATEWAY, 2)] == [Pace(3), Pace(5)]


def test_an_answer_to_anothers_command_or_to_none_is_an_alarm(store: Store, where: str) -> None:
    store.command(ID, GATEWAY, Pace(10))
    answer(store, ID, gateway="school-1")
    answer(store, "d1" * 16)
    assert Query(where).commands()[0].outcome is None
    assert {(alarm.gateway, alarm.what) for alarm in Query(where).alarms()} == {
        ("school-1", "foreign answer"),
        (GATEWAY, "foreign answer"),
    }


def test_a_new_command_is_sent_once_by_whoever_has_its_shard(store: Store) -> None:
    command = store.command(ID, GATEWAY, Pace(10))
    assert store.unsent({}) == []
    assert store.unsent(HELD) == [command]
    assert store.unsent(HELD) == []


def test_a_conflict_orders_a_new_epoch_once(store: Store, where: str) -> None:
    entries = chain_of(2)
    store.take(entries)
    first = store.take([altered(entries[1], b'{"n":"other"}')]).commands
    assert [(command.gateway, command.act) for command in first] == [
        (GATEWAY, NewEpoch(EPOCH, f"conflict at {GATEWAY}/{EPOCH}/receipt/2"))
    ]
    assert store.take([altered(entries[0], b'{"n":"more"}')]).commands == []
    assert owed(store) == first
    assert len(Query(where).commands()) == 1


def test_a_birth_behind_what_is_stored_orders_a_new_epoch_once(store: Store, where: str) -> None:
    store.take(chain_of(9))
    (command,) = owed(store, last={"receipt": 7})
    assert isinstance(command.act, NewEpoch)
    assert command.act.epoch == EPOCH
    assert owed(store, session="s2", last={"receipt": 7}) == [command]
    answer(store, command.id)
    assert owed(store, session="s3", last={"receipt": 7}) == []
    assert [alarm.what for alarm in Query(where).alarms()] == ["behind"]


def test_what_is_recorded_after_a_birth_does_not_make_it_behind(store: Store, where: str) -> None:
    """Together in one group; sent again by the broker, this session's and the one's before; kept by the broker."""
    entries = chain_of(9)
    first, second = birth("s1", last={"receipt": 0}), birth("s2", last={"receipt": 4})
    for _ in range(2):
        store.settle(Said([Parcel(GATEWAY, entries[:4])], [Heard(GATEWAY, first)]))
        store.settle(Said([Parcel(GATEWAY, entries[4:])], [Heard(GATEWAY, second)]))
    store.settle(Said(states=[Heard(GATEWAY, birth("s0", last={"receipt": 1}), retained=True)]))
    assert Query(where).alarms() == []
    assert Query(where).commands() == []


def test_a_birth_that_the_broker_kept_does_not_hide_the_one_that_it_then_delivers(store: Store, where: str) -> None:
    store.take(chain_of(9))
    state = birth("s1", last={"receipt": 7})
    store.settle(Said(states=[Heard(GATEWAY, state, retained=True)]))
    store.settle(Said(states=[Heard(GATEWAY, state)]))
    assert [alarm.what for alarm in Query(where).alarms()] == ["behind"]


def test_a_birth_is_told_of_its_older_epochs_too(store: Store) -> None:
    store.take(chain_of(4) + chain_of(7, epoch=OLDER) + chain_of(2, epoch=OLDER, stream=Stream.AUDIT))
    state = birth(last={"receipt": 9}, older=[{"epoch": OLDER, "last": {"receipt": 7, "telemetry": 3}}])
    (welcome,) = store.hear([(GATEWAY, state)])
    assert {(ack.epoch, ack.stream, ack.through) for ack in welcome.acks} == {
        (EPOCH, Stream.RECEIPT, 4),
        (OLDER, Stream.RECEIPT, 7),
        (OLDER, Stream.AUDIT, 2),
        (OLDER, Stream.TELEMETRY, 0),
    }
    assert welcome.commands == []


def test_an_older_epoch_that_is_behind_is_an_alarm_and_no_order(store: Store, where: str) -> None:
    store.take(chain_of(7, epoch=OLDER))
    assert owed(store, older=[{"epoch": OLDER, "last": {"receipt": 5}}]) == []
    assert [alarm.what for alarm in Query(where).alarms()] == ["behind"]


def test_on_the_wire_a_conflict_is_answered_with_an_order_and_the_result_is_kept(tmp_path: Path, where: str) -> None:
    entries = chain_of(1)
    with mosquitto() as broker:
        given = {"city": CITY, "store": where, "host": broker.host, "port": broker.port, "tls": False, "ack_ms": 20}
        centre = Centre(msgspec.convert(given, Settings))
        centre.start()
        try:
            assert centre.intake.link.wait_up(30), "a broker gives nobody what came before he subscribed"
            with ScriptedGateway(broker) as gateway:
                gateway.birth()
                gateway.send(entries)
                gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 1))
                gateway.send([altered(entries[0], b'{"n":"restored copy"}')])
                (order,) = gateway.wait(lambda: gateway.commands)
                gateway.birth("s2")
                gateway.wait(lambda: len(gateway.commands) == 2)
                assert gateway.commands[1] == order
                gateway.answer(CommandResult(order.id, Outcome.DONE))
                eventually(lambda: centre.query.commands()[0].outcome == "done")
                asked = centre.command(ID, GATEWAY, Pace(3))
                gateway.wait(lambda: len(gateway.commands) == 3)
                assert gateway.commands[2] == asked
        finally:
            centre.stop()
