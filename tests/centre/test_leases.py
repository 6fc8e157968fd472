"""Shards by leases: equal parts, nobody's at a death, and never two workers' at a commit."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.database import Database, session_name
from gateway.centre.leases import LeaseLost, Leases, Share, check_held, fair_share
from gateway.centre.parcel import Parcel
from gateway.centre.query import Query
from gateway.centre.store import Said, Store
from gateway.wire.topics import SHARDS, shard_of
from tests.centre.chains import GATEWAY, chain_of
from tests.centre.scripted import eventually
from tests.support.clock import FakeClock

LEASE_S = 9.0
ALL = set(range(SHARDS))


class Town:
    """Workers of one store, and the monotonic time that they all see."""

    def __init__(self, where: str) -> None:
        self.store = Store(where, FakeClock())
        self.now = 100.0
        self.databases: list[Database] = []
        self.where = where
        self.store.open()

    def worker(self, name: str) -> Leases:
        """Each with its own connections, as a process of its own."""
        self.databases.append(Database(self.where))
        return Leases(self.databases[-1], name, LEASE_S, lambda: self.now)

    def rounds(self, *workers: Leases, count: int = 6) -> list[Share]:
        """So many beats of each, three in a lease's time; the shares at the end."""
        for _ in range(count):
            self.now += LEASE_S / 3
            shares = [worker.beat() for worker in workers]
        return shares

    def close(self) -> None:
        for database in (*self.databases, self.store.database):
            database.close()


@pytest.fixture
def town(where: str) -> Iterator[Town]:
    town = Town(where)
    yield town
    town.close()


def test_a_lone_worker_takes_all_at_once(town: Town) -> None:
    share = town.worker("a").beat()
    assert set(share.held) == ALL
    assert (share.leaving, share.others) == (frozenset(), ())


def test_workers_that_come_get_equal_parts_and_nobody_shares(town: Town) -> None:
    a, b, c = town.worker("a"), town.worker("b"), town.worker("c")
    a.beat()
    shares = town.rounds(a, b, c)
    assert sorted(len(share.held) for share in shares) == [5, 5, 6]
    assert [share.leaving for share in shares] == [frozenset()] * 3
    assert sorted(shard for share in shares for shard in share.held) == sorted(ALL)


def test_what_is_given_back_is_held_for_one_more_beat(town: Town) -> None:
    a, b = town.worker("a"), town.worker("b")
    a.beat()
    assert b.beat().held == {}
    leaving = a.beat()
    assert (len(leaving.held), len(leaving.leaving)) == (16, 8)
    assert b.beat().held == {}
    assert len(a.beat().held) == 8
    assert len(b.beat().held) == 8


def test_a_clean_leave_frees_everything_at_once(town: Town) -> None:
    a, b = town.worker("a"), town.worker("b")
    town.rounds(a, b)
    b.leave()
    assert set(a.beat().held) == ALL
    assert {lease.worker for lease in Query(town.where).leases()} == {"a"}


def test_a_dead_worker_is_struck_off_after_the_lease_and_not_before(town: Town) -> None:
    a, b = town.worker("a"), town.worker("b")
    town.rounds(a, b)
    for _ in range(3):
        assert len(a.beat().held) == 8
        town.now += LEASE_S / 3 - 0.01
    town.now += 0.04
    assert set(a.beat().held) == ALL


def test_the_same_name_again_has_its_shards_back_at_once_and_the_old_life_is_out(town: Town) -> None:
    old, new = town.worker("a"), town.worker("a")
    before, after = old.beat().held, new.beat().held
    assert set(after) == ALL
    assert all(after[shard] > before[shard] for shard in ALL)
    with pytest.raises(LeaseLost):
        settle(town.store, before)
    assert settle(town.store, after) == 3


def test_a_worker_that_was_struck_off_and_lives_joins_again(town: Town) -> None:
    a, b = town.worker("a"), town.worker("b")
    town.rounds(a, b)
    town.rounds(a)  # b stands still
    shares = town.rounds(a, b)
    assert [len(share.held) for share in shares] == [8, 8]
    assert set(shares[0].held) | set(shares[1].held) == ALL


def settle(store: Store, held: dict[int, int]) -> int:
    return store.settle(Said(parcels=[Parcel(GATEWAY, chain_of(3))]), held).taken.stored


def test_a_worker_that_was_stopped_within_a_pipeline_holds_nothing_up(city: str) -> None:
    """PostgreSQL takes it for active: no time-out of its own ends it."""
    town = Town(city)
    a, b = town.worker("a"), town.worker("b")
    a.beat()
    with closing(psycopg.connect(city, application_name=session_name("a"))) as stopped:
        stopped.pgconn.enter_pipeline_mode()
        for statement in (b"BEGIN", b"SELECT 1 FROM leases WHERE shard = 3 FOR KEY SHARE"):
            stopped.pgconn.send_query_params(statement, None)
        stopped.pgconn.send_flush_request()
        stopped.pgconn.flush()
        asked = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = %s"
        with psycopg.connect(city, autocommit=True) as looking:
            eventually(lambda: looking.execute(asked, [session_name("a")]).fetchone() != (0,))
        b.beat()
        town.now += LEASE_S
        eventually(lambda: set(b.beat().held) == ALL)
    town.close()


def test_a_worker_whose_lease_has_gone_cannot_commit_for_that_shard(town: Town) -> None:
    a, b = town.worker("a"), town.worker("b")
    before = a.beat().held
    b.beat()
    town.now += LEASE_S
    taken = b.beat().held
    assert set(taken) == ALL
    with pytest.raises(LeaseLost) as lost:
        settle(town.store, before)
    assert lost.value.shards == {shard_of(GATEWAY)}
    assert Query(town.where).events() == []
    assert settle(town.store, taken) == 3


def test_a_lost_shard_of_others_does_not_hinder(town: Town) -> None:
    held = dict(town.worker("a").beat().held)
    held[(shard_of(GATEWAY) + 1) % SHARDS] = 0
    assert settle(town.store, held) == 3


def test_a_shard_does_not_change_hands_within_a_transaction(city: str) -> None:
    """PostgreSQL only: in SQLite nobody writes while another does."""
    town = Town(city)
    a, b = town.worker("a"), town.worker("b")
    held = a.beat().held
    b.beat()
    town.now += LEASE_S
    inside, go = threading.Event(), threading.Event()

    def commit() -> None:
        with town.store.database.begin() as db:
            check_held(db, held)
            inside.set()
            assert go.wait(30)

    thread = threading.Thread(target=commit)
    thread.start()
    assert inside.wait(30)
    assert b.beat().held == {}, "all rows are locked by a's transaction"
    go.set()
    thread.join()
    assert set(b.beat().held) == ALL
    town.close()


@given(st.sets(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=20))
def test_fair_shares_are_equal_and_make_up_the_whole(names: set[str]) -> None:
    shares = [fair_share(sorted(names - {name}), name) for name in names]
    assert sum(shares) == SHARDS
    assert max(shares) - min(shares) <= 1


def test_any_coming_and_going_ends_in_equal_parts(town: Town) -> None:
    rng = random.Random(5)
    living: dict[str, Leases] = {}
    for step in range(60):
        name = f"w{rng.randrange(5)}"
        match rng.randrange(4):
            case 0 if name not in living:
                living[name] = town.worker(name)
            case 1:
                living.pop(name, None)  # kill -9
            case 2 if name in living:
                living.pop(name).leave()
            case _:
                pass
        for worker in rng.sample(list(living.values()), k=len(living)):
            worker.beat()
        held = [shard for lease in living.values() for shard in lease.beat().held]
        assert len(held) == len(set(held)), f"step {step}: a shard has two workers"
        town.now += LEASE_S / 3
    shares = town.rounds(*living.values(), count=8)
    counts = sorted(len(share.held) for share in shares)
    assert sum(counts) == SHARDS
    assert counts[-1] - counts[0] <= 1


def test_two_real_threads_never_hold_the_same_shard(town: Town) -> None:
    workers = [town.worker(name) for name in ("a", "b")]
    shares: dict[int, Share] = {}

    def beat(index: int) -> None:
        for _ in range(30):
            shares[index] = workers[index].beat()

    threads = [threading.Thread(target=beat, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eventually(lambda: len(workers[0].beat().held) == len(workers[1].beat().held) == 8)
    assert set(workers[0].beat().held) | set(workers[1].beat().held) == ALL
