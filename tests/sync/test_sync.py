"""Gateway and centre in step over real brokers: nothing lost, whatever falls over on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from gateway.centre.app import Centre
from gateway.centre.settings import Settings
from gateway.centre.sign import public_text
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind, Stream
from gateway.sync import link as link_module
from gateway.sync.backoff import Backoff
from gateway.sync.sync import Sync
from gateway.wire.bundle import BundleKind
from gateway.wire.messages import Ack, Acks, encode
from tests.support.broker import Broker, amqtt, mosquitto
from tests.support.clock import FakeClock
from tests.support.proxy import Proxy
from tests.sync.ends import CITY, GATEWAY, KEY, TOPICS, ScriptedCentre, bundle, fill, make_sync, payload
from tests.sync.taking import registry

PATIENCE_S = 45.0
RECEIPT = Stream.RECEIPT


@pytest.fixture(params=[mosquitto, amqtt])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    make: Callable[[], AbstractContextManager[Broker]] = request.param
    with make() as broker:
        yield broker


@pytest.fixture
def one_broker() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """amqtt leaves an MQTT 5 CONNECT hanging: do not wait six seconds for it each time."""
    monkeypatch.setattr(link_module, "CONNECT_S", 2.0)


async def until(there: Callable[[], object]) -> None:
    """Look until this holds: for what nobody tells us of."""
    async with asyncio.timeout(PATIENCE_S):
        while not there():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def syncing(ledger: Ledger, cache: Cache, clock: FakeClock, port: int, **more: object) -> AsyncIterator[Sync]:
    sync = make_sync(ledger, cache, clock, port, **more)
    await sync.start()
    try:
        yield sync
    finally:
        await sync.stop()


@contextmanager
def centre_on(port: int, folder: Path) -> Iterator[Centre]:
    key = folder / "city.pub"
    key.write_text(public_text(KEY))
    given = {"city": CITY, "store": str(folder / "centre.db"), "keys": [str(key)], "port": port, "tls": False}
    centre = Centre(msgspec.convert({**given, "connect_s": 2.0, "backoff_cap_s": 0.2, "ack_ms": 20}, Settings))
    centre.start()
    try:
        yield centre
    finally:
        centre.stop()


def acked(ledger: Ledger, stream: Stream = RECEIPT) -> bool:
    return ledger.acked(stream) == ledger.last(stream)


def stored(centre: Centre) -> list[int]:
    return sorted(row.seq for row in centre.query.events(stream=RECEIPT, limit=100_000))


def alarms(centre: Centre) -> set[str]:
    """What the centre says against the entries themselves."""
    return {alarm.what for alarm in centre.query.alarms()} & {"conflict", "chain broken", "poison"}


@pytest.mark.usefixtures("quick")
async def test_entries_arrive_and_are_acked(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    await fill(ledger, 100)
    with centre_on(broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, broker.port, resend_s=4.0) as sync:
            await until(lambda: acked(ledger) and ledger.last(RECEIPT) == 100)
            await fill(ledger, 200)
            await until(lambda: acked(ledger))
            assert stored(centre) == list(range(1, 301))
            assert sync.status.connected
            assert sync.status.problem == ""
            assert sync.status.backlog["receipt"] == 0
            assert alarms(centre) == set()


@pytest.mark.usefixtures("quick")
async def test_a_broker_killed_and_back_loses_nothing(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    with centre_on(broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, broker.port, resend_s=4.0) as sync:
            await until(lambda: sync.status.connected)
            await fill(ledger, 500)
            await until(lambda: ledger.acked(RECEIPT) > 0)
            broker.kill()
            await until(lambda: not sync.status.connected)
            assert sync.status.problem
            await fill(ledger, 500)
            broker.start()
            await until(lambda: acked(ledger))
        assert stored(centre) == list(range(1, 1001))
        assert alarms(centre) == set()


async def test_entries_stored_while_the_broker_dies_all_arrive(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker, tmp_path: Path
) -> None:
    with centre_on(one_broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, one_broker.port, resend_s=4.0):
            for _ in range(3):
                for _ in range(40):
                    await fill(ledger, 5)
                one_broker.kill()
                for _ in range(40):
                    await fill(ledger, 5)
                one_broker.start()
            await until(lambda: acked(ledger))
        assert stored(centre) == list(range(1, 1201))


async def test_a_centre_that_was_away_gets_everything(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker, tmp_path: Path
) -> None:
    async with syncing(ledger, cache, clock, one_broker.port, resend_s=1.0) as sync:
        await until(lambda: sync.status.connected)
        await fill(ledger, 50)
        with centre_on(one_broker.port, tmp_path) as centre:
            await until(lambda: acked(ledger))
            assert stored(centre) == list(range(1, 51))


async def test_a_new_daemon_goes_on_where_the_old_one_stopped(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker, tmp_path: Path
) -> None:
    with centre_on(one_broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await fill(ledger, 5)
            await until(lambda: acked(ledger))
        await fill(ledger, 5)
        async with syncing(ledger, cache, clock, one_broker.port):
            await until(lambda: acked(ledger))
        assert stored(centre) == list(range(1, 11))


async def test_a_half_open_link_loses_nothing(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker, tmp_path: Path
) -> None:
    with centre_on(one_broker.port, tmp_path) as centre:
        async with (
            Proxy(one_broker.port) as proxy,
            syncing(ledger, cache, clock, proxy.port, keepalive_s=1) as sync,
        ):
            await until(lambda: sync.status.connected)
            proxy.swallow()
            await fill(ledger, 20)
            await until(lambda: not sync.status.connected)
            proxy.swallow(False)
            await until(lambda: acked(ledger))
        assert stored(centre) == list(range(1, 21))


async def test_a_bundle_published_at_the_centre_comes_into_force_here(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker, tmp_path: Path
) -> None:
    with centre_on(one_broker.port, tmp_path) as centre:
        centre.publisher.publish(bundle(BundleKind.REGISTRY, 4, registry("h1")))
        async with syncing(ledger, cache, clock, one_broker.port) as sync:
            await until(lambda: sync.status.bundles == {"registry": 4})
            centre.publisher.publish(bundle(BundleKind.REGISTRY, 5, registry("h2"), target="*"))
            await until(lambda: sync.status.bundles == {"registry": 5})
            await until(lambda: acked(ledger, Stream.AUDIT))


# A centre that says what it wants ------------------------------------------------------------------------


async def test_a_birth_says_what_is_and_a_stop_says_death(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 7)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await asyncio.to_thread(centre.wait, lambda: bool(centre.states))
        await asyncio.to_thread(centre.wait, lambda: len(centre.states) == 2)
        birth, death = centre.states
        assert (birth.online, birth.epoch, birth.version) == (True, ledger.epoch, "test")
        assert (birth.last[RECEIPT], birth.through[RECEIPT]) == (7, 0)
        assert (death.online, death.session) == (False, birth.session)


async def test_without_an_ack_entries_come_again_with_a_new_birth(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 3)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port, resend_s=0.2):
            await asyncio.to_thread(centre.wait, lambda: centre.seqs()[:6] == [1, 2, 3] * 2 and len(centre.states) >= 2)
            assert ledger.acked(RECEIPT) == 0
            centre.ack(Ack(RECEIPT, ledger.epoch, 3))
            await until(lambda: acked(ledger))


async def test_an_ack_that_comes_late_and_twice_counts_once(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 5)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await asyncio.to_thread(centre.wait, lambda: centre.seqs() == [1, 2, 3, 4, 5])
            centre.ack(Ack(RECEIPT, ledger.epoch, 5), Ack(RECEIPT, ledger.epoch, 2))
            centre.ack(Ack(RECEIPT, ledger.epoch, 3))
            await until(lambda: acked(ledger))
            await fill(ledger, 1)
            await asyncio.to_thread(centre.wait, lambda: centre.seqs() == [1, 2, 3, 4, 5, 6])


async def test_a_word_on_another_epoch_means_nothing(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 5)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            centre.ack(Ack(RECEIPT, "f" * 16, 5))
            centre.ack(Ack(RECEIPT, ledger.epoch, 2))
            await until(lambda: ledger.acked(RECEIPT) == 2)


async def test_what_the_centre_misses_comes_again(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 6)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 6)
            centre.ack(Ack(RECEIPT, ledger.epoch, 2, missing=((3, 4),)))
            await asyncio.to_thread(centre.wait, lambda: centre.seqs()[6:8] == [3, 4])


async def test_what_the_centre_refuses_goes_into_quarantine_once(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 5)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port):
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 5)
            for _ in range(4):
                centre.ack(Ack(RECEIPT, ledger.epoch, 5, refused=(2, 4, 2, 0, 99)))
            centre.ack(Ack(RECEIPT, ledger.epoch, 5, refused=(2, 4, 5)))
            await until(lambda: len(ledger.query("SELECT seq FROM quarantine")) == 3)
    assert ledger.query("SELECT seq FROM quarantine ORDER BY seq") == [(2,), (4,), (5,)]
    audit = [entry for entry in ledger.read(Stream.AUDIT, 0, 100) if entry.header.kind is EntryKind.MESSAGE_REFUSED]
    assert [msgspec.json.decode(entry.body or b"").get("count", 1) for entry in audit] == [2, 1]


async def test_malformed_messages_change_nothing_and_are_told_as_a_count(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    await fill(ledger, 1)
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port) as sync:
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 1)
            for number in range(12):
                centre.say(TOPICS.ack, b"noise %d" % number)
            centre.say(
                TOPICS.ack,
                b'{"acks":[{"stream":"receipt","epoch":"%s","through":%d,"refused":[%d]}]}'
                % (ledger.epoch.encode(), 1, 2**63),
            )
            centre.say(TOPICS.command, b"{}")
            centre.say(TOPICS.bundle, b"noise")
            centre.ack(Ack(RECEIPT, ledger.epoch, 1))
            await until(lambda: acked(ledger))
            assert sync.status.bundles == {}
    audit = [entry for entry in ledger.read(Stream.AUDIT, 0, 100) if entry.header.kind is EntryKind.MESSAGE_REFUSED]
    assert [msgspec.json.decode(entry.body or b"").get("count", 1) for entry in audit] == [1, 10]


async def test_the_ledger_lives_after_the_worst_ack(
    ledger: Ledger, cache: Cache, clock: FakeClock, one_broker: Broker
) -> None:
    """A number that no store can hold must end at the decoder, not in the ledger's thread."""
    with ScriptedCentre(one_broker.port) as centre:
        async with syncing(ledger, cache, clock, one_broker.port) as sync:
            await until(lambda: sync.status.connected)
            word = Ack(RECEIPT, ledger.epoch, 0, refused=(2**64,))
            centre.say(TOPICS.ack, encode(Acks((word,))))
            centre.say(TOPICS.bundle, payload(BundleKind.RULES, 1, b"{"))
            await until(lambda: ledger.last(Stream.AUDIT) >= 2)
            await fill(ledger, 1)
    assert ledger.last(RECEIPT) == 1


async def test_a_broker_that_is_away_is_logged_once(
    ledger: Ledger,
    cache: Cache,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    dead_port: int,
) -> None:
    attempts = 0
    with caplog.at_level(logging.WARNING, "sync"):
        sync = make_sync(ledger, cache, clock, dead_port)

        def changed() -> None:
            nonlocal attempts
            attempts += 1

        sync._on_change = changed
        await sync.start()
        await until(lambda: attempts >= 3)
        assert "refused" in sync.status.problem
        await sync.stop()
    assert len([record for record in caplog.records if record.name == "sync"]) == 1


class BrokenBackoff(Backoff):
    """A defect of ours, where it is easiest to put one."""

    def failed(self, held_s: float = 0.0) -> float:
        raise RuntimeError("a defect")


async def test_a_defect_is_told_so_that_the_daemon_ends(ledger: Ledger, cache: Cache, clock: FakeClock) -> None:
    faults: list[BaseException] = []
    sync = make_sync(ledger, cache, clock, 1)
    sync._backoff, sync._on_fault = BrokenBackoff(0.2), faults.append
    await sync.start()
    await until(lambda: faults)
    assert [str(fault) for fault in faults] == ["a defect"]
    await sync.stop()


async def test_a_stop_in_a_black_hole_takes_no_time(ledger: Ledger, cache: Cache, clock: FakeClock) -> None:
    async with Proxy(1) as proxy:
        proxy.swallow()
        sync = make_sync(ledger, cache, clock, proxy.port)
        await sync.start()
        await asyncio.sleep(0)
        async with asyncio.timeout(1.0):
            await sync.stop()


def test_names_agree() -> None:
    assert TOPICS.gateway == GATEWAY
