"""Several workers of one store, each a process of its own: killed, stopped, and their database restarted under load."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.centre.query import Query
from gateway.model.entry import Entry
from gateway.wire.topics import SHARDS
from tests.centre.chains import chain_of
from tests.centre.programs import worker
from tests.centre.scripted import ScriptedGateway, eventually
from tests.support.broker import Broker, mosquitto
from tests.support.postgres import Postgres

ENTRIES = 300
BATCH = 10
NAMES = [f"gw-{number}" for number in range(6)]
"""In six shards, three of each worker's."""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


def deliver(gateway: ScriptedGateway, entries: list[Entry], begun: Callable[[], object] = lambda: None) -> None:
    """As a gateway does: send, and what is not acked after a while send again, until all is."""
    through = 0
    while through < len(entries):
        for start in range(through, len(entries), BATCH):
            gateway.send(entries[start : start + BATCH])
        begun()
        before = through
        gateway.pause_until(lambda: gateway.through() > before, 1.0)  # noqa: B023 (used at once)
        through = gateway.through()


@contextmanager
def town(broker: Broker) -> Iterator[tuple[list[ScriptedGateway], dict[str, list[Entry]]]]:
    """Gateways, and what each has to say."""
    with ExitStack() as stack:
        gateways = [stack.enter_context(ScriptedGateway(broker, name)) for name in NAMES]
        yield gateways, {name: chain_of(ENTRIES, name) for name in NAMES}


@contextmanager
def load(gateways: list[ScriptedGateway], said: dict[str, list[Entry]]) -> Iterator[None]:
    """All of them deliver; the block begins when all have begun, and ends when all is acked."""
    begun = threading.Barrier(len(gateways) + 1)
    first = {gateway.gateway: True for gateway in gateways}

    def begin(name: str) -> None:
        if first.pop(name, False):
            begun.wait(30)

    threads = [
        threading.Thread(target=deliver, args=(g, said[g.gateway], lambda n=g.gateway: begin(n))) for g in gateways
    ]
    for thread in threads:
        thread.start()
    begun.wait(30)
    yield
    for thread in threads:
        thread.join(50)
    assert {g.gateway: g.through() for g in gateways} == dict.fromkeys(said, ENTRIES)


def check(where: str) -> None:
    """Everything is there once, and nobody has anything to say about it."""
    query = Query(where)
    for name in NAMES:
        assert sorted(row.seq for row in query.events(gateway=name)) == list(range(1, ENTRIES + 1))
    counts = query.counts()
    assert (counts.gaps, counts.conflicts, counts.refused) == (0, 0, 0)
    assert query.alarms() == []
    arrivals = [row.arrival for row in query.events(limit=100_000)]
    assert arrivals == sorted(set(arrivals))


def shares(where: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for lease in Query(where).leases():
        found[lease.worker] = found.get(lease.worker, 0) + 1
    return found


def test_two_workers_share_and_one_that_is_killed_is_replaced(broker: Broker, where: str, tmp_path: Path) -> None:
    with (
        worker(broker, where, tmp_path, "worker-a"),
        worker(broker, where, tmp_path, "worker-b") as second,
        town(broker) as (gateways, said),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        with load(gateways, said):
            second.kill()
            eventually(lambda: shares(where) == {"worker-a": SHARDS})
    check(where)


def test_a_worker_that_comes_and_one_that_leaves_cleanly(broker: Broker, where: str, tmp_path: Path) -> None:
    with (
        worker(broker, where, tmp_path, "worker-a") as first,
        town(broker) as (gateways, said),
        load(gateways, said),
        worker(broker, where, tmp_path, "worker-b"),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(30) == 0
        eventually(lambda: shares(where) == {"worker-b": SHARDS})
        eventually(lambda: all(gateway.through() == ENTRIES for gateway in gateways))
    check(where)


def test_a_worker_that_stood_still_cannot_do_harm(broker: Broker, where: str, tmp_path: Path) -> None:
    """SIGSTOP is worse than death: it comes back and believes that all is as before."""
    with (
        worker(broker, where, tmp_path, "worker-a") as first,
        worker(broker, where, tmp_path, "worker-b"),
        town(broker) as (gateways, said),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        with load(gateways, said):
            first.process.send_signal(signal.SIGSTOP)
            eventually(lambda: shares(where) == {"worker-b": SHARDS})
            first.process.send_signal(signal.SIGCONT)
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        assert first.ask('{"do": "counts"}')["ok"]["conflicts"] == 0
    check(where)


def test_a_database_that_is_restarted_under_load(broker: Broker, server: Postgres, city: str, tmp_path: Path) -> None:
    with (
        worker(broker, city, tmp_path, "worker-a") as first,
        worker(broker, city, tmp_path, "worker-b") as second,
        town(broker) as (gateways, said),
    ):
        with load(gateways, said):
            server.stop(signal.SIGQUIT)
            server.start()
        assert first.ask('{"do": "counts"}')["ok"]["conflicts"] == 0
        assert second.process.poll() is None
    check(city)


def test_a_command_reaches_its_gateway_whoever_gives_it(broker: Broker, where: str, tmp_path: Path) -> None:
    order = {"do": "command", "act": {"do": "pace", "entries_per_s": 5}}
    with (
        worker(broker, where, tmp_path, "worker-a") as first,
        worker(broker, where, tmp_path, "worker-b"),
        town(broker) as (gateways, _),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        for gateway in gateways:
            assert "ok" in first.ask(json.dumps({**order, "gateway": gateway.gateway}))
        eventually(lambda: all(gateway.commands for gateway in gateways))
        assert [gateway.commands[0].gateway for gateway in gateways] == NAMES
    assert all(row.sent_ms is not None for row in Query(where).commands())
