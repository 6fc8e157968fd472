"""The centre on real brokers: entries in, acks and bundles out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import pytest

from gateway.centre.app import Centre
from gateway.centre.database import Database
from gateway.centre.settings import Settings
from gateway.centre.sign import build_bundle, generate_key, load_key
from gateway.model.entry import Stream
from gateway.model.errors import Conflict, InputRefused
from gateway.wire.bundle import BundleKind, SignedBundle, parse_public_key, verify
from gateway.wire.messages import Ack, State
from tests.centre.chains import CITY, EPOCH, GATEWAY, altered, batch, chain_of
from tests.centre.scripted import ScriptedGateway, eventually
from tests.support.broker import Broker, amqtt, mosquitto


@pytest.fixture(params=[mosquitto, amqtt])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    make: Callable[[], AbstractContextManager[Broker]] = request.param
    with make() as broker:
        yield broker


@pytest.fixture
def one_broker() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


@contextmanager
def running(broker: Broker, where: str, **more: object) -> Iterator[Centre]:
    given = {"city": CITY, "store": where, "host": broker.host, "port": broker.port, "tls": False}
    quick = {"connect_s": 2.0, "backoff_cap_s": 0.2, "ack_ms": 50}
    centre = Centre(msgspec.convert({**given, **quick, **more}, Settings))
    centre.start()
    try:
        assert centre.intake.link.wait_up(30), centre.intake.link.why_down
        yield centre
    finally:
        centre.stop()


def test_entries_are_stored_once_and_acked(broker: Broker, where: str) -> None:
    entries = chain_of(30)
    with running(broker, where) as centre, ScriptedGateway(broker) as gateway:
        for start in range(0, 30, 5):
            gateway.send(entries[start : start + 5])
            gateway.send(entries[start : start + 5])
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 30))
        assert [bytes(row.body or b"") for row in centre.query.events()] == [entry.body for entry in entries]
        assert centre.query.alarms() == []


def test_the_protocol_is_the_best_that_the_broker_speaks(broker: Broker, where: str) -> None:
    with running(broker, where) as centre:
        assert centre.intake.link.protocol == broker.protocols[-1]


def test_a_gap_is_asked_for(broker: Broker, where: str) -> None:
    entries = chain_of(9)
    with running(broker, where), ScriptedGateway(broker) as gateway:
        gateway.send(entries[:2])
        gateway.send(entries[5:])
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 2, ((3, 5),)))
        gateway.send(entries[2:5])
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 9))


def test_poison_is_refused_by_number_and_the_line_moves_on(broker: Broker, where: str) -> None:
    entries = chain_of(3)
    with running(broker, where) as centre, ScriptedGateway(broker) as gateway:
        gateway.send(entries, raw=batch(entries).replace(b'{"n":2}', b'{"n":7}'))
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 3, (), (2,)))
        gateway.send([], raw=b"no batch at all", stream=Stream.AUDIT)
        gateway.send(chain_of(4)[3:])
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 4, (), (2,)))
        assert [(row.seq, row.count) for row in centre.query.refused()] == [(2, 1)]
        assert [alarm.what for alarm in centre.query.alarms()] == ["poison"]


def test_a_conflict_is_kept_and_acked(one_broker: Broker, where: str) -> None:
    entries = chain_of(1)
    with running(one_broker, where) as centre, ScriptedGateway(one_broker) as gateway:
        gateway.send(entries)
        gateway.send([altered(entries[0], b'{"n":"restored copy"}')])
        eventually(lambda: centre.query.counts().conflicts == 1)
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 1))


def test_acks_are_coalesced(one_broker: Broker, where: str) -> None:
    entries = chain_of(200)
    with running(one_broker, where, ack_ms=250) as centre, ScriptedGateway(one_broker) as gateway:
        began = time.monotonic()
        for entry in entries:
            gateway.send([entry])
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 200))
        windows = (time.monotonic() - began) / 0.25
        assert len(gateway.ack_messages) <= 2 + windows
        assert centre.query.counts().entries == {f"{GATEWAY}/receipt/receipt": 200}


def test_a_birth_is_answered_with_all_that_is_stored(broker: Broker, where: str) -> None:
    with running(broker, where) as centre, ScriptedGateway(broker) as gateway:
        gateway.send(chain_of(3))
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 3))
        gateway.ack_messages.clear()
        gateway.birth(last={"receipt": 5, "audit": 1})
        message = gateway.wait(lambda: gateway.ack_messages)[0]
        assert {(ack.stream, ack.through) for ack in message.acks} == {(Stream.RECEIPT, 3), (Stream.AUDIT, 0)}
        assert centre.query.gateways()[0].online


def test_a_late_death_is_ignored(one_broker: Broker, where: str) -> None:
    with running(one_broker, where) as centre, ScriptedGateway(one_broker) as gateway:
        gateway.birth("s1")
        gateway.birth("s2")
        gateway.say(State(False, "s1", EPOCH))
        gateway.send(chain_of(1))
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 1))
        gateway.send(chain_of(2))  # a later group than the death's: that one is through
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 2))
        (row,) = centre.query.gateways()
        assert (row.online, row.session) == (True, "s2")
        gateway.say(State(False, "s2", EPOCH))
        eventually(lambda: not centre.query.gateways()[0].online)


@pytest.fixture
def officer(tmp_path: Path) -> Callable[..., SignedBundle]:
    """Signs bundles with the key whose public part is in `city.pub`."""
    (tmp_path / "city.pub").write_text(generate_key(tmp_path / "city.key"))
    key = load_key(tmp_path / "city.key")

    def sign(number: int, target: str = "*", kind: BundleKind = BundleKind.RULES, city: str = CITY) -> SignedBundle:
        return build_bundle(kind, number, city, target, b"content %d" % number, key, created_ms=number)

    return sign


def test_a_bundle_reaches_who_is_online_and_later_who_was_not(
    broker: Broker, where: str, tmp_path: Path, officer: Callable[..., SignedBundle]
) -> None:
    trusted = (parse_public_key((tmp_path / "city.pub").read_text()),)
    with (
        running(broker, where, keys=[str(tmp_path / "city.pub")]) as centre,
        ScriptedGateway(broker, "museum-1") as here,
        ScriptedGateway(broker, "school-1") as away,
    ):
        here.birth()
        eventually(lambda: centre.store.online("*") == ["museum-1"])
        assert centre.publisher.publish(officer(3)).online == ("museum-1",)
        got = here.wait(lambda: here.bundles)[0]
        assert verify(got, trusted).number == 3
        assert centre.publisher.publish(officer(4, "school-1")).online == ()
        away.birth()
        assert {verify(bundle, trusted).number for bundle in away.wait(lambda: away.bundles)} == {4}  # perhaps twice


def test_a_birth_gets_only_what_is_newer_than_it_has(
    one_broker: Broker, where: str, tmp_path: Path, officer: Callable[..., SignedBundle]
) -> None:
    with (
        running(one_broker, where, keys=[str(tmp_path / "city.pub")]) as centre,
        ScriptedGateway(one_broker) as gateway,
    ):
        for bundle in (officer(1), officer(2), officer(5, kind=BundleKind.REGISTRY)):
            centre.publisher.publish(bundle)
        gateway.birth(bundles={"rules": 2, "registry": 4})
        gateway.wait(lambda: gateway.bundles)
        gateway.send(chain_of(1))
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 1))
        assert {bundle.content for bundle in gateway.bundles} == {b"content 5"}  # perhaps twice: just published


def test_what_gateways_would_refuse_is_not_published(
    one_broker: Broker, where: str, tmp_path: Path, officer: Callable[..., SignedBundle]
) -> None:
    with running(one_broker, where, keys=[str(tmp_path / "city.pub")]) as centre:
        centre.publisher.publish(officer(7))
        with pytest.raises(Conflict, match="Number it 8"):
            centre.publisher.publish(officer(7))
        with pytest.raises(Conflict, match="Number it 8"):  # its gateway may have number 7 for everyone
            centre.publisher.publish(officer(7, target="gw-one"))
        with pytest.raises(InputRefused, match="city"):
            centre.publisher.publish(officer(8, city="siauliai"))
        with pytest.raises(InputRefused, match="not the one"):
            centre.publisher.publish(msgspec.structs.replace(officer(8), content=b"other"))
        assert centre.query.counts().bundles == {"rules/*": 7}


def test_without_keys_nothing_is_published(
    one_broker: Broker, where: str, officer: Callable[..., SignedBundle]
) -> None:
    with running(one_broker, where) as centre, pytest.raises(InputRefused, match="Name the public key"):
        centre.publisher.publish(officer(1))


def test_the_centre_comes_back_when_its_broker_does(broker: Broker, where: str) -> None:
    entries = chain_of(4)
    with running(broker, where) as centre:
        with ScriptedGateway(broker) as gateway:
            gateway.send(entries[:2])
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 2))
        broker.kill()
        eventually(lambda: centre.intake.link.why_down)
        broker.start()
        assert centre.intake.link.wait_up(30)
        with ScriptedGateway(broker) as gateway:
            gateway.send(entries)
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 4))
        assert len(centre.query.events()) == 4


def test_a_retained_birth_is_answered_by_a_centre_that_starts_later(one_broker: Broker, where: str) -> None:
    with ScriptedGateway(one_broker) as gateway:
        gateway.birth(last={"receipt": 2})
        with running(one_broker, where):
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 0))


def test_a_topic_in_the_wrong_shard_is_nobodys(one_broker: Broker, where: str) -> None:
    with running(one_broker, where) as centre, ScriptedGateway(one_broker) as gateway:
        wrong = gateway.topics.events(Stream.RECEIPT).split("/")
        wrong[3] = f"{(int(wrong[3]) + 1) % 16:02d}"
        gateway.publish("/".join(wrong), batch(chain_of(1)))
        eventually(lambda: centre.query.counts().alarms == 1)
        assert centre.query.events() == []


@contextmanager
def refusing_disk(where: str) -> Iterator[None]:
    """The store cannot write, as on a damaged or full disk."""
    other = Database(where)
    with other.begin() as db:
        db.exec_driver_sql("ALTER TABLE strands RENAME TO away")
    yield
    with other.begin() as db:
        db.exec_driver_sql("ALTER TABLE away RENAME TO strands")
    other.close()


def complained(caplog: pytest.LogCaptureFixture) -> bool:
    return "trying again" in caplog.text


def test_while_the_disk_refuses_nothing_is_acked_and_then_all(
    one_broker: Broker, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(one_broker, where), ScriptedGateway(one_broker) as gateway:
        with refusing_disk(where):
            gateway.send(chain_of(3))
            eventually(lambda: complained(caplog))
            assert gateway.ack_messages == []
        gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 3))


def test_what_was_never_stored_was_never_confirmed_to_the_broker(
    one_broker: Broker, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedGateway(one_broker) as gateway:
        with running(one_broker, where), refusing_disk(where):
            gateway.send(chain_of(3))
            eventually(lambda: complained(caplog))
        assert gateway.ack_messages == []
        with running(one_broker, where):  # the broker, unconfirmed, hands them over again by itself
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 3))


def test_a_bundle_larger_than_the_broker_takes_does_not_cut_the_line(
    where: str, tmp_path: Path, officer: Callable[..., SignedBundle], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        mosquitto("max_packet_size 2600") as broker,
        running(broker, where, keys=[str(tmp_path / "city.pub")]) as centre,
        ScriptedGateway(broker) as gateway,
    ):
        gateway.birth()
        eventually(lambda: centre.store.online("*"))
        key = load_key(tmp_path / "city.key")
        large = build_bundle(BundleKind.REGISTRY, 1, CITY, "*", b"x" * 3000, key, created_ms=1)
        centre.publisher.publish(large)
        centre.publisher.publish(officer(1))
        assert gateway.wait(lambda: gateway.bundles)[0].content == b"content 1"
        # Both may go with one beat: rules before the registry.
        eventually(lambda: "more than the broker takes" in caplog.text)
