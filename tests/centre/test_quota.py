"""The quota authority on both databases: workers that grant of the same cell at the same time, and leases of shards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.centre.leases import LeaseLost
from gateway.centre.parcel import Parcel
from gateway.centre.quota_tables import (
    quota_beyond,
    quota_boxes,
    quota_cells,
    quota_credits,
    quota_leases,
    quota_lives,
)
from gateway.centre.store import Said, Settled, Store
from gateway.wire.quota import Beyond, Cell, Close, Grant, Hello, LeaseId, QuotaSaid, Report, Request, Void
from gateway.wire.quota import Said as Message
from tests.centre.chains import GATEWAY, altered, chain_of
from tests.quota.world import BOUGHT, BUDGET, RIDES, publish, sell
from tests.support.clock import FakeClock

ENTRY = "a1" * 8 + "/receipt/1"
MINE = Cell("rides", "2026-11", "h-1")


def opened(where: str | Path) -> Store:
    store = Store(where, FakeClock(), zone="Europe/Riga")
    store.open()
    return store


@pytest.fixture
def store(where: str) -> Store:
    store = opened(where)
    publish(store, 1, RIDES, {**BUDGET, "limit": 40}, BOUGHT)
    return store


def say(store: Store, gateway: str, *messages: Message) -> Settled:
    return store.settle(Said(quotas=[(gateway, QuotaSaid(gateway, messages))]))


def test_a_lease_from_its_request_to_its_end(store: Store) -> None:
    lease = LeaseId(1, 1)
    say(store, "museum-1", Hello("0" * 32), Request(lease, MINE, 2))
    say(store, "museum-1", Report(lease, 2), Close(lease, 2, 1), Void(lease, ENTRY, 1), Void(lease, ENTRY, 1))
    say(store, "museum-1", Beyond(1, MINE, 1, 2), Beyond(1, MINE, 2, 1))
    with store.database.begin() as db:
        (cell,) = db.execute(select(quota_cells)).all()
        (row,) = db.execute(select(quota_leases)).all()
    assert (cell.granted, cell.freed, row.used, row.returned, row.credited) == (2, 2, 2, 1, 1)
    assert sell(store, "h-1", "s-1", 5)
    (answer,) = say(store, "museum-1", Request(LeaseId(1, 2), Cell("bought", "ever", "h-1"), 9)).answers
    assert isinstance(answer[1], Grant)
    assert answer[1].units == 5
    assert store.reconcile("rides", "2026-11") == []
    store.close()


def test_two_workers_never_grant_more_than_there_is(where: str, store: Store) -> None:
    budget = Cell("budget", "ever")
    names = ("museum-1", "school-1")
    stores = [store, opened(where)]
    faults: list[BaseException] = []
    for worker, name in zip(stores, names, strict=True):
        say(worker, name, Hello("0" * 32))

    def work(worker: Store, name: str) -> None:
        try:
            for number in range(1, 41):
                say(worker, name, Request(LeaseId(1, number), budget), Request(LeaseId(1, 100 + number), MINE))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=work, args=pair) for pair in zip(stores, names, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    with store.database.begin() as db:
        granted = {row.key: row.granted for row in db.execute(select(quota_cells)).all()}
        rows = db.execute(select(quota_leases).where(quota_leases.c.standing == "open")).all()
    assert granted == {"budget": 40, "rides": 5}
    for key, limit in granted.items():
        numbers = [base + at for row in rows if row.key == key for base in [row.base] for at in range(row.units)]
        assert sorted(numbers) == list(range(limit)), "each unit has a number of its own"
    for worker in stores:
        worker.close()


def test_a_fence_by_hand_beside_a_worker_that_grants_is_not_lost(where: str, store: Store) -> None:
    """An officer holds no shard: what ends a life and what leases to it may be two processes."""
    office = opened(where)
    say(store, "museum-1", Hello("0" * 32))
    faults: list[BaseException] = []
    begun = threading.Event()

    def work() -> None:
        try:
            for number in range(1, 61):
                say(store, "museum-1", Request(LeaseId(1, number), Cell("rides", "2026-11", f"h-{number}")))
                begun.set()
        except BaseException as fault:
            faults.append(fault)
            raise

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(30)
    lives = [office.fence("museum-1") for _ in range(20)]
    worker.join()
    assert not faults
    assert lives == list(range(2, 22))
    with store.database.begin() as db:
        assert db.execute(select(quota_boxes.c.incarnation)).scalars().all() == [21]
        assert set(db.execute(select(quota_leases.c.standing)).scalars()) == {"fenced"}
    office.close()
    store.close()


def test_a_worker_that_has_lost_the_shard_grants_nothing(store: Store) -> None:
    said = Said(quotas=[("museum-1", QuotaSaid("museum-1", (Hello("0" * 32),)))])
    with pytest.raises(LeaseLost):
        store.settle(said, dict.fromkeys(range(16), 99))
    with store.database.begin() as db:
        assert db.execute(select(quota_leases)).all() == []
    store.close()


def test_a_conflict_of_entries_ends_the_life_of_its_gateway(store: Store) -> None:
    """Copies of one card are in use: what either holds may be used twice."""
    say(store, GATEWAY, Hello("0" * 32), Request(LeaseId(1, 1), MINE))
    entries = chain_of(2)
    store.take(entries)
    settled = store.settle(Said(parcels=[Parcel(GATEWAY, [altered(entries[0], b'{"n":"other"}')])]))
    assert [type(told).__name__ for _, told in settled.answers] == ["Fence"]
    with store.database.begin() as db:
        assert db.execute(select(quota_leases.c.standing)).scalars().all() == ["fenced"]
    store.close()


def test_what_is_known_of_a_period_goes_long_after_its_end(where: str) -> None:
    clock = FakeClock()
    store = Store(where, clock, zone="Europe/Riga")
    store.open()
    publish(store, 1, RIDES, BUDGET)
    say(
        store,
        "museum-1",
        Hello("0" * 32),
        Request(LeaseId(1, 1), MINE, 2),
        Request(LeaseId(1, 2), Cell("budget", "ever")),
    )
    say(store, "museum-1", Close(LeaseId(1, 1), 2), Void(LeaseId(1, 1), ENTRY, 1), Beyond(1, MINE, 1))
    assert store.tidy() == 0
    clock.advance(420 * 86_400)
    assert (store.tidy(), store.tidy()) == (1, 0)
    with store.database.begin() as db:
        kept = {table.name: db.execute(select(table)).all() for table in (quota_credits, quota_beyond)}
        assert kept == {"quota_credits": [], "quota_beyond": []}
        assert [row.key for row in db.execute(select(quota_leases)).all()] == ["budget"]
        assert [row.key for row in db.execute(select(quota_cells)).all()] == ["budget"]
    store.close()


def test_a_gateway_that_begins_life_after_life_fills_nothing(store: Store) -> None:
    for number in range(110):
        life = LeaseId(number + 1, 1)
        say(store, "museum-1", Hello(f"{number:032x}"), Request(life, Cell("no-such", "ever", "h")))
    with store.database.begin() as db:
        assert len(db.execute(select(quota_lives)).all()) == 100
        assert len(db.execute(select(quota_leases)).all()) == 1
    store.close()
