"""A lease from end to end: a real broker, the real centre, the gateway's own sync and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from gateway.centre.app import Centre
from gateway.centre.quota_tables import quota_cells, quota_leases
from gateway.centre.store import Store
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import EpochReason, SecurityBody
from gateway.model.decision import Use
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.quota.quotas import Quotas
from gateway.quota.tending import Keeping
from gateway.rules.purse import Asked
from gateway.wire.quota import Fence, Known, LeaseId, QuotaTold
from tests.quota.world import BOUGHT, BUDGET, RIDES, TRUSTED, ask, publish, sell
from tests.sync.ends import GATEWAY, TOPICS
from tests.sync.house import House, centre_on, syncing, until

ANNA = "holder-anna"


@pytest.fixture
def centre(house: House) -> Iterator[Centre]:
    with centre_on(house.broker.port, house.folder, house.clock) as centre:
        publish(centre.store, 1, RIDES, TRUSTED)
        yield centre


def rows(centre: Centre, table: Any) -> list[Any]:
    with centre.store.database.begin() as db:
        return list(db.execute(select(table)).all())


def asked(house: House, quota: dict[str, Any]) -> Asked:
    return ask(quota, datetime.fromtimestamp(house.clock.wall_ms() / 1000, UTC).date())


async def quotas_of(house: House, **keeping: int) -> Quotas:
    quotas = Quotas(house.ledger, house.clock, GATEWAY, Keeping(**keeping))
    await quotas.start()
    return quotas


def left(quotas: Quotas, house: House, quota: dict[str, Any]) -> Any:
    (one,) = quotas.left(ANNA, [asked(house, quota)], house.clock.stamp())
    return one


async def alive(house: House) -> None:
    await until(lambda: house.ledger.query("SELECT incarnation FROM quota_life")[0][0] > 0)


async def served(quotas: Quotas, house: House, quota: dict[str, Any], units: int = 1) -> None:
    one = asked(house, quota)
    effect = quotas.spend(ANNA, [Use(one.key, one.period.name, units)], [one])
    await house.ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")], [effect])


async def test_asked_for_at_the_counter_used_and_told(house: House, centre: Centre) -> None:
    quotas = await quotas_of(house, warm_units=0)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        assert left(quotas, house, RIDES).left == 2
        await served(quotas, house, RIDES)
        await until(lambda: [(row.units, row.used) for row in rows(centre, quota_leases)] == [(2, 1)])
    assert left(quotas, house, RIDES).left == 1, "offline it may be used to its end"


def requests(centre: Centre) -> int:
    """How many were answered; each has a row while its life lasts, or was said to be forgotten."""
    return max((row.number for row in rows(centre, quota_leases)), default=0)


async def test_who_has_bought_meanwhile_is_served_when_they_come_again_two_seconds_later(
    house: House, centre: Centre
) -> None:
    publish(centre.store, 2, RIDES, BOUGHT)
    quotas = await quotas_of(house, warm_units=0)

    async def comes() -> int:
        await quotas.prepare(ANNA, [asked(house, BOUGHT)], 20)
        return int(left(quotas, house, BOUGHT).left)

    async with house.syncing(quotas=quotas):
        await alive(house)
        assert await comes() == 0
        assert left(quotas, house, BOUGHT).known, "the authority has said so: no grace"
        assert sell(centre.store, ANNA, "sale-1", 2)
        house.clock.advance(1.9)
        for _ in range(5):
            assert await comes() == 0
        assert requests(centre) == 1, "one in two seconds, however often somebody is there"
        house.clock.advance(0.2)
        assert await comes() == 2
        assert requests(centre) == 2


async def test_a_cell_of_everybody_that_is_empty_is_not_asked_for_by_each_of_a_queue(
    house: House, centre: Centre
) -> None:
    publish(centre.store, 2, {**BUDGET, "limit": 1})
    quotas = await quotas_of(house, warm_units=0)
    async with house.syncing(quotas=quotas):
        await alive(house)
        for seconds, count in ((0, 1), (0, 2), (2.1, 2), (27, 2), (1, 3)):
            house.clock.advance(seconds)
            await quotas.prepare(ANNA, [asked(house, BUDGET)], 20, {"budget": 2})  # of which one is had
            assert requests(centre) == count, seconds


async def test_what_is_left_over_at_its_end_is_closed_and_free_again(house: House, centre: Centre) -> None:
    quotas = await quotas_of(house, warm_units=0, idle_ms=3_600_000)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        await served(quotas, house, RIDES)
    house.clock.advance(7200)
    async with house.syncing(quotas=quotas):
        await until(lambda: [row.standing for row in rows(centre, quota_leases)] == ["closed"])
        await until(lambda: house.ledger.query("SELECT count(*) FROM quota_lease") == [(0,)])
    assert [(row.granted, row.freed) for row in rows(centre, quota_cells)] == [(2, 1)]


async def test_who_comes_often_finds_some_here_next_time(house: House, centre: Centre) -> None:
    quotas = await quotas_of(house, warm_units=2, often=2)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        for _ in range(2):
            await served(quotas, house, RIDES)
        await until(lambda: left(quotas, house, RIDES).left == 2)


async def test_without_an_answer_there_is_what_may_be_given_on_trust(house: House) -> None:
    """The broker is there, the centre is not."""
    quotas = await quotas_of(house)
    async with house.syncing(quotas=quotas) as sync:
        await until(lambda: sync.status.connected)
        await quotas.prepare(ANNA, [asked(house, TRUSTED)], 0.2)
        assert (left(quotas, house, TRUSTED).known, left(quotas, house, TRUSTED).grace) == (False, 0)
    assert left(quotas, house, TRUSTED).grace == 2


async def test_a_request_that_was_lost_is_said_again_with_the_next_connection(house: House) -> None:
    quotas = await quotas_of(house)
    with centre_on(house.broker.port, house.folder, house.clock) as centre:
        publish(centre.store, 1, RIDES)
        async with house.syncing(quotas=quotas):
            await alive(house)
    with house.scripted():  # takes everything, answers nothing
        async with house.syncing(quotas=quotas) as sync:
            await until(lambda: sync.status.connected)
            await quotas.prepare(ANNA, [asked(house, RIDES)], 0.2)
    assert house.ledger.query("SELECT count(*) FROM quota_request") == [(1,)]
    with centre_on(house.broker.port, house.folder, house.clock):
        async with house.syncing(quotas=quotas):
            await until(lambda: left(quotas, house, RIDES).left == 2)


async def test_what_is_no_message_of_the_authority_is_refused_and_counted(house: House) -> None:
    quotas = await quotas_of(house)
    stray = QuotaTold("school-1", (Fence(9),))
    with house.scripted() as centre:
        async with house.syncing(quotas=quotas) as sync:
            await until(lambda: sync.status.connected)
            for payload in (b"{", msgspec.json.encode(stray), b'{"gateway": "museum-1", "told": []}'):
                centre.say(TOPICS.lease, payload)
            await until(lambda: len(house.told(EntryKind.MESSAGE_REFUSED)) == 1)
    assert house.ledger.query("SELECT incarnation FROM quota_life") == [(0,)]


async def test_a_card_that_knows_less_than_the_authority_begins_a_new_life(house: House, centre: Centre) -> None:
    quotas = await quotas_of(house)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        told = QuotaTold(GATEWAY, (Known(LeaseId(1, 1), 2, 0),))  # we have used nothing
        await quotas.take(msgspec.json.encode(told))
        await until(lambda: house.ledger.query("SELECT incarnation FROM quota_life") == [(2,)])
        await until(lambda: house.told(EntryKind.SECURITY))
    (body,) = house.told(EntryKind.SECURITY)
    assert isinstance(body, SecurityBody)
    assert body.what == "quota_went_back"
    assert left(quotas, house, RIDES).known is False
    assert [row.standing for row in rows(centre, quota_leases)] == ["fenced"]


async def test_a_quiet_gateway_is_told_that_an_officer_has_fenced_it(house: House, centre: Centre) -> None:
    """Who writes into the store is another process than the worker that tells it; the gateway itself says nothing."""
    quotas = await quotas_of(house, warm_units=0)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        office = Store(house.folder / "centre.db", house.clock)
        office.open()
        assert office.fence(GATEWAY) == 2
        office.close()
        await until(lambda: house.ledger.query("SELECT incarnation FROM quota_life") == [(3,)])
        await until(lambda: house.told(EntryKind.SECURITY))
    (body,) = house.told(EntryKind.SECURITY)
    assert isinstance(body, SecurityBody)
    assert body.what == "quota_fenced"
    assert left(quotas, house, RIDES).known is False


async def test_what_another_gateway_does_not_use_is_fetched_from_there_while_somebody_waits(
    house: House, centre: Centre, tmp_path: Path
) -> None:
    quotas = await quotas_of(house, warm_units=0)
    ledger = Ledger(tmp_path / "school" / "ledger.db", "school-1", house.clock)
    ledger.start()
    cache = Cache(tmp_path / "school" / "cache.db")
    cache.start()
    others = Quotas(ledger, house.clock, "school-1")
    await others.start()
    async with (
        house.syncing(quotas=quotas),
        syncing(ledger, cache, house.clock, house.broker.port, quotas=others, gateway="school-1"),
    ):
        await alive(house)
        await until(lambda: ledger.query("SELECT incarnation FROM quota_life")[0][0] > 0)
        await others.prepare(ANNA, [asked(house, RIDES)], 20, {"rides": 5})
        assert left(others, house, RIDES).left == 5
        await quotas.prepare(ANNA, [asked(house, RIDES)], 40)
        assert left(quotas, house, RIDES).left == 2
        assert left(others, house, RIDES).left == 0
    await ledger.stop()
    cache.stop()


async def test_a_command_for_a_new_epoch_keeps_the_leases(house: House, centre: Centre) -> None:
    """The centre orders it, and the state goes along whole."""
    quotas = await quotas_of(house)
    async with house.syncing(quotas=quotas):
        await alive(house)
        await quotas.prepare(ANNA, [asked(house, RIDES)], 20)
        await house.ledger.new_epoch(EpochReason.ORDERED, "a test")
        assert left(quotas, house, RIDES).left == 2
        await house.ledger.new_epoch(EpochReason.LOST, "entries are gone")
        assert left(quotas, house, RIDES).known is False
        await until(lambda: house.ledger.query("SELECT incarnation FROM quota_life") == [(2,)])
