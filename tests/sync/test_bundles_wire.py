"""Bundles over a real broker, from a real centre to a real gateway and its gate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from gateway.centre.app import Centre
from gateway.centre.holders import ImportedCredential, build_blocks
from gateway.config.types import GateStation
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind
from gateway.model.identification import CredentialKind
from gateway.model.shown import Show
from gateway.stations.gate import Gate
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles, Pace
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker as Address
from gateway.sync.sync import Sync
from gateway.wire import registry as wire
from gateway.wire.bundle import SignedBundle
from gateway.wire.topics import Topics
from tests.support.broker import Broker, amqtt, mosquitto
from tests.support.clock import FakeClock
from tests.support.place import CARD_KEY, UIDS, Card, Place
from tests.support.proxy import Proxy
from tests.sync.ends import CITY, GATEWAY, TRUSTED, bundle, fill
from tests.sync.house import acked, centre_on, syncing, until
from tests.sync.taking import BLOCKS, REGISTRY, RULES, card, city, rules

THREE_CHUNKS = city(2000)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


def delta(old: SignedBundle, new: SignedBundle, base: int, number: int) -> SignedBundle:
    before, after = (wire.decode(one.content or b"") for one in (old, new))
    content = msgspec.json.encode(wire.difference(before, after))
    return bundle(REGISTRY, number, content, base=base, result=wire.name((new.content or b"",)))


def told(centre: Centre, number: int) -> bool:
    return numbers(centre) == {"registry": number}


def numbers(centre: Centre) -> dict[str, int]:
    return centre.store.told(GATEWAY)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("make", [mosquitto, amqtt])
async def test_a_large_registry_is_fetched_and_the_next_one_comes_as_a_delta(
    ledger: Ledger,
    cache: Cache,
    clock: FakeClock,
    tmp_path: Path,
    make: Callable[[], AbstractContextManager[Broker]],
) -> None:
    first = bundle(REGISTRY, 1, wire.encode(THREE_CHUNKS))
    second = bundle(REGISTRY, 2, wire.encode(city(2001)))
    with make() as broker, centre_on(broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, broker.port) as sync:
            await until(lambda: centre.store.online("*"))
            centre.publisher.publish(first)
            await until(lambda: sync.status.bundles == {"registry": 1})
            await until(lambda: numbers(centre) == {"registry": 1})
            centre.publisher.publish(second, [delta(first, second, 1, 2)])
            await until(lambda: sync.status.bundles == {"registry": 2})
            assert (cache.holders(), cache.find(card(2000)) is not None) == (2001, True)
            assert cache.rows("SELECT DISTINCT base FROM holder") == [(1,)], "the whole one came, not the delta"
            await until(lambda: centre.query.unreached() == [])
            assert {alarm.what for alarm in centre.query.alarms()} == set()


async def test_a_gateway_of_another_number_gets_the_whole(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    """It has told of number 1, and a person goes back before the delta comes."""
    first, second, third = (bundle(REGISTRY, n, wire.encode(city(100, n))) for n in (1, 2, 3))
    with centre_on(broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, broker.port) as sync:
            await until(lambda: centre.store.online("*"))
            for number, one in ((1, first), (2, second)):
                centre.publisher.publish(one)
                await until(partial(told, centre, number))
            await sync._bundles.rollback(REGISTRY)
            # The centre may not have heard of that yet, and sends what leads from 2.
            centre.publisher.publish(third, [delta(second, third, 2, 3)])
            await until(lambda: sync.status.bundles == {"registry": 3})
            known = cache.find(card(7))
            assert known is not None
            assert known.entitlements == ("pupil", "v3")


async def test_who_was_away_fetches_after_the_birth_and_goes_on_after_a_broken_broker(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    with centre_on(broker.port, tmp_path) as centre:
        centre.publisher.publish(bundle(REGISTRY, 7, wire.encode(city(20_000)), target="*"))
        async with syncing(ledger, cache, clock, broker.port) as sync:
            await until(lambda: any(one.have > 3 for one in sync.status.content.fetching))
            broker.kill()
            await until(lambda: not sync.status.connected)
            before = [one.have for one in sync.status.content.fetching]
            broker.start()
            await until(lambda: sync.status.bundles == {"registry": 7})
            assert before[0] > 3
    assert cache.holders() == 20_000


async def test_a_gateway_gets_no_chunk_that_is_not_meant_for_it(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    other = bundle(REGISTRY, 1, wire.encode(THREE_CHUNKS), target="school-9")
    sha256 = wire.name((other.content or b"",))
    with centre_on(broker.port, tmp_path) as centre:
        centre.publisher.publish(other)
        async with syncing(ledger, cache, clock, broker.port) as sync:
            await until(lambda: centre.store.online("*"))
            wish = b'{"want":"chunks","sha256":"%s","chunks":[0]}' % sha256.encode()
            for payload in (wish, b"noise"):
                sync._publish(Topics(CITY, GATEWAY).want, payload)
            await until(lambda: len([a for a in centre.query.alarms() if a.what == "wish refused"]) == 2)
            assert centre.store.chunk("school-9", sha256, 0) is not None
            assert centre.store.chunk(GATEWAY, sha256, 0) is None


@asynccontextmanager
async def online(place: Place, port: int) -> AsyncIterator[Sync]:
    """The place's gateway, connected."""
    bundles = Bundles(
        place.ledger, place.cache, TRUSTED, (CITY, "gw-test", "k1"), place.clock, lambda _: None, pace=Pace(jitter_s=0)
    )
    bundles.start()
    link = PahoLink(Address("127.0.0.1", port, "gw-test", 60, "auto"))
    topics = Topics(CITY, "gw-test")
    sync = Sync(
        link,
        place.ledger,
        bundles,
        topics,
        place.clock,
        version="test",
        window=20,
        resend_s=20.0,
        backlog_per_s=5000,
        backoff=Backoff(0.2),
    )
    await sync.start()
    try:
        yield sync
    finally:
        await sync.stop()


async def tap(gate: Gate, place: Place) -> Show:
    await gate.on_reading(Card("anna", counter=len(place.board.after(0))).tap(place))
    return place.board.after(0)[-1].show


async def test_a_card_blocked_at_the_centre_is_refused_at_an_online_gate_and_later_at_one_that_was_away(
    broker: Broker, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    place = Place(tmp_path / "state").start()
    gate = Gate(GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1"), place.services)
    await gate.start()
    lost_card = ImportedCredential(kind=CredentialKind.SUN_CARD, id=UIDS["anna"].hex())
    blocked = msgspec.json.encode(build_blocks([lost_card], CARD_KEY, "k1"))
    nobody = msgspec.json.encode(build_blocks([], CARD_KEY, "k1"))

    def missing(centre: Centre) -> list[tuple[str, bool, int, int]]:
        found = [one for one in centre.query.unreached() if one.kind is BLOCKS]
        return [(one.gateway, one.online, one.newest, one.told) for one in found]

    with centre_on(broker.port, tmp_path) as centre:
        async with online(place, broker.port):
            await until(lambda: centre.store.online("*"))
            assert await tap(gate, place) is not Show.REFUSED
            centre.publisher.publish(bundle(BLOCKS, 1, blocked, target="*"))
            await until(lambda: missing(centre) == [])
            assert await tap(gate, place) is Show.REFUSED
            assert place.board.after(0)[-1].reason == "blocked"
        await until(lambda: not centre.store.online("*"))

        centre.publisher.publish(bundle(BLOCKS, 2, nobody, target="*"))
        assert missing(centre) == [("gw-test", False, 2, 1)]
        assert await tap(gate, place) is Show.REFUSED
        async with online(place, broker.port):
            await until(lambda: missing(centre) == [])
            assert await tap(gate, place) is not Show.REFUSED
    assert len(place.bodies(EntryKind.BUNDLE_APPLIED)) == 2
    await gate.stop()
    await place.stop()


async def test_small_rules_travel_whole(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    with centre_on(broker.port, tmp_path) as centre:
        async with syncing(ledger, cache, clock, broker.port) as sync:
            await until(lambda: centre.store.online("*"))
            centre.publisher.publish(bundle(RULES, 1, rules("a"), target="*"))
            await until(lambda: sync.status.bundles == {"rules": 1})
    assert cache.staging.offers() == []


class SlowLine(Proxy):
    """A line of so many bytes a second, each way."""

    bytes_per_s = 200_000

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(8192):
                sink.write(data)
                await sink.drain()
                await asyncio.sleep(len(data) / self.bytes_per_s)
        finally:
            sink.close()


async def test_neither_acks_nor_a_blocked_card_wait_for_a_registry_on_a_slow_line(
    ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, tmp_path: Path
) -> None:
    """4 MB are on their way, 20 s on this line; entries are acked and the card is blocked long before they are here."""
    with centre_on(broker.port, tmp_path) as centre:
        centre.publisher.publish(bundle(REGISTRY, 7, wire.encode(city(27_000))))
        async with SlowLine(broker.port) as line, syncing(ledger, cache, clock, line.port) as sync:
            await until(lambda: any(one.have > 1 for one in sync.status.content.fetching))
            await fill(ledger, 20)
            began = time.monotonic()
            await until(lambda: acked(ledger))
            entries_s = time.monotonic() - began
            centre.publisher.publish(bundle(BLOCKS, 1, b'{"key_id":"k1","digests":["%s"]}' % (b"0" * 64)))
            await until(lambda: numbers(centre).get("blocks") == 1)
            blocked_s = time.monotonic() - began - entries_s
            (fetching,) = sync.status.content.fetching
            assert fetching.have < fetching.of
            assert sync.status.bundles == {"blocks": 1}
            come = f"{fetching.have} of {fetching.of} chunks"
            print(f"acked after {entries_s:.1f} s, blocked after {blocked_s:.1f} s, {come}")
