"""Gateway and centre in step over real brokers: nothing lost, whatever falls over on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind, Stream
from gateway.sync import sync as sync_module
from gateway.sync.backoff import Backoff
from gateway.wire.bundle import BundleKind
from tests.support.broker import mosquitto
from tests.support.clock import FakeClock
from tests.support.proxy import Proxy
from tests.sync.ends import bundle, fill, make_sync
from tests.sync.house import RECEIPT, House, alarms, stored, until
from tests.sync.servers import CONNACK_5, PINGRESP, QUOTA_EXCEEDED, Talk, packet, server
from tests.sync.taking import registry


@pytest.mark.usefixtures("quick")
async def test_entries_arrive_and_are_acked(any_house: House) -> None:
    house = any_house
    await fill(house.ledger, 100)
    with house.centre() as centre:
        async with house.syncing(resend_s=4.0) as sync:
            await until(lambda: house.acked() and house.ledger.last(RECEIPT) == 100)
            await fill(house.ledger, 200)
            await until(lambda: house.acked())
            assert stored(centre, house.ledger.epoch) == list(range(1, 301))
            assert sync.status.connected
            assert sync.status.problem == ""
            assert sync.status.backlog["receipt"] == 0
            assert alarms(centre) == set()


@pytest.mark.usefixtures("quick")
async def test_a_broker_killed_and_back_loses_nothing(any_house: House) -> None:
    house = any_house
    with house.centre() as centre:
        async with house.syncing(resend_s=4.0) as sync:
            await until(lambda: sync.status.connected)
            await fill(house.ledger, 500)
            await until(lambda: house.ledger.acked(RECEIPT) > 0)
            house.broker.kill()
            await until(lambda: not sync.status.connected)
            assert sync.status.problem
            await fill(house.ledger, 500)
            house.broker.start()
            await until(lambda: house.acked())
        assert stored(centre, house.ledger.epoch) == list(range(1, 1001))
        assert alarms(centre) == set()


async def test_entries_stored_while_the_broker_dies_all_arrive(house: House) -> None:
    with house.centre() as centre:
        async with house.syncing(resend_s=4.0):
            for _ in range(3):
                for _ in range(40):
                    await fill(house.ledger, 5)
                house.broker.kill()
                for _ in range(40):
                    await fill(house.ledger, 5)
                house.broker.start()
            await until(lambda: house.acked())
        assert stored(centre) == list(range(1, 1201))


async def test_a_centre_that_was_away_gets_everything(house: House) -> None:
    async with house.syncing(resend_s=1.0) as sync:
        await until(lambda: sync.status.connected)
        await fill(house.ledger, 50)
        with house.centre() as centre:
            await until(lambda: house.acked())
            assert stored(centre) == list(range(1, 51))


async def test_a_new_daemon_goes_on_where_the_old_one_stopped(house: House) -> None:
    with house.centre() as centre:
        async with house.syncing():
            await fill(house.ledger, 5)
            await until(lambda: house.acked())
        await fill(house.ledger, 5)
        async with house.syncing():
            await until(lambda: house.acked())
        assert stored(centre) == list(range(1, 11))


async def test_a_half_open_link_loses_nothing(house: House) -> None:
    with house.centre() as centre:
        async with (
            Proxy(house.broker.port) as proxy,
            house.syncing(proxy.port, keepalive_s=1) as sync,
        ):
            await until(lambda: sync.status.connected)
            proxy.swallow()
            await fill(house.ledger, 20)
            await until(lambda: not sync.status.connected)
            proxy.swallow(False)
            await until(lambda: house.acked())
        assert stored(centre) == list(range(1, 21))


async def test_a_bundle_published_at_the_centre_comes_into_force_here(house: House) -> None:
    with house.centre() as centre:
        centre.publisher.publish(bundle(BundleKind.REGISTRY, 4, registry("h1")))
        async with house.syncing() as sync:
            await until(lambda: sync.status.bundles == {"registry": 4})
            centre.publisher.publish(bundle(BundleKind.REGISTRY, 5, registry("h2"), target="*"))
            await until(lambda: sync.status.bundles == {"registry": 5})
            await until(lambda: house.acked(Stream.AUDIT))


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


# Brokers with limits -------------------------------------------------------------------------------------


async def test_an_entry_above_the_brokers_packet_size_waits_and_everything_else_goes_on(
    ledger: Ledger, cache: Cache, clock: FakeClock, tmp_path: Path
) -> None:
    with mosquitto("max_packet_size 20000") as narrow:
        house = House(ledger, cache, clock, narrow, tmp_path)
        await fill(ledger, 2)
        await fill(ledger, 1, size=30_000)
        await fill(ledger, 100, size=300)
        with house.centre() as centre:
            async with house.syncing(resend_s=1.0) as sync:
                await until(lambda: stored(centre) == [1, 2, *range(4, 104)])
                await until(lambda: ledger.query("SELECT stream, seq FROM quarantine") == [("receipt", 3)])
                await until(lambda: house.acked(Stream.AUDIT))
                assert sync.status.problem == (
                    "too large for the broker, which takes packets of at most 20000 bytes: receipt 3"
                )
                assert ledger.acked(RECEIPT) == 2
    assert house.counts(EntryKind.MESSAGE_REFUSED) == [1]
    with mosquitto() as wide:  # somebody has raised the limit
        house.broker = wide
        with house.centre() as centre:
            async with house.syncing() as sync:
                await until(house.acked)
                assert stored(centre) == list(range(1, 104))
                assert sync.status.problem == ""


def broker_that(answers: Callable[[bytes], bytes]) -> Talk:
    """Accepts, grants subscriptions, answers pings; `answers` says what it has to say to a PUBLISH of this id."""

    async def talk(_level: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK_5)
        while True:
            got = await packet(reader)
            match got[0] >> 4:
                case 3:
                    after = 3 + int.from_bytes(got[1:3], "big")
                    writer.write(answers(got[after : after + 2]))
                case 8:  # SUBSCRIBE: packet id, properties, topics; SUBACK has one code for each topic
                    topics, at = 0, 4 + got[3]
                    while at < len(got):
                        topics, at = topics + 1, at + 3 + int.from_bytes(got[at : at + 2], "big")
                    writer.write(bytes([0x90, 3 + topics]) + got[1:3] + b"\0" + b"\1" * topics)
                case 12:
                    writer.write(PINGRESP)

    return talk


async def test_a_broker_that_refuses_what_is_published_is_told(ledger: Ledger, cache: Cache, clock: FakeClock) -> None:
    """MQTT 5, 3.4.2: the PUBACK has a reason."""
    await fill(ledger, 1)
    async with server(broker_that(lambda number: b"\x40\x04" + number + QUOTA_EXCEEDED + b"\0")) as port:
        sync = make_sync(ledger, cache, clock, port, protocol="5")
        await sync.start()
        await until(lambda: sync.status.problem == "the broker refuses what is published: Quota exceeded")
        assert sync.status.connected
        await sync.stop()
    assert ledger.acked(RECEIPT) == 0


async def test_a_broker_that_confirms_nothing_is_left_and_told_also_while_it_looks_connected(
    ledger: Ledger, cache: Cache, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_module, "PUBACK_S", 0.3)
    await fill(ledger, 1)
    seen: list[tuple[bool, str]] = []
    async with server(broker_that(lambda _number: b"")) as port:
        sync = make_sync(ledger, cache, clock, port, resend_s=0.2, protocol="5")
        sync._on_change = lambda: seen.append((sync.status.connected, sync.status.problem))
        await sync.start()
        await until(lambda: (True, "the broker has confirmed nothing for 0 s. Check its log and its limits") in seen)
        await sync.stop()
    assert ledger.acked(RECEIPT) == 0
