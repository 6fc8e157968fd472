"""Several workers of one store, each a process of its own: killed, stopped, and their database restarted under load."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gateway.centre.publisher import write_bundle
from gateway.centre.query import Query
from gateway.centre.sign import build_bundle, generate_key, load_key
from gateway.model.entry import Entry
from gateway.wire.bundle import BundleKind
from gateway.wire.chunks import Chunk, WantChunks
from gateway.wire.topics import SHARDS
from tests.centre.chains import CITY, chain_of
from tests.centre.programs import Program, worker
from tests.centre.scripted import ScriptedGateway, eventually
from tests.support.broker import Broker, mosquitto
from tests.support.postgres import Postgres

ENTRIES = 300
BATCH = 10
LARGE = bytes(range(256)) * 800
"""Two chunks."""
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


def stop(program: Program, where: str) -> None:
    """SIGSTOP, and not within a transaction on SQLite: there the others could only wait for it (docs/centre.md)."""
    for _ in range(200):
        program.process.send_signal(signal.SIGSTOP)
        # The signal is only on its way: a thread on another core may still begin a transaction before it stands.
        os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
        if where.startswith("postgresql") or can_write(where):
            return
        program.process.send_signal(signal.SIGCONT)
        eventually(lambda: can_write(where))  # else it would be met in the very same transaction again
    raise AssertionError("it is within a transaction whenever it is stopped")


def can_write(where: str) -> bool:
    """Whether whoever writes to this file now comes to an end."""
    db = sqlite3.connect(where, isolation_level=None, timeout=1.0)
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    finally:
        db.close()
    return True


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
            stop(first, where)
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


def test_a_bundle_reaches_every_gateway_whoever_publishes_it(broker: Broker, where: str, tmp_path: Path) -> None:
    (tmp_path / "city.pub").write_text(generate_key(tmp_path / "city.key"))
    key = load_key(tmp_path / "city.key")

    def publish(kind: BundleKind, number: int, content: bytes, target: str = "*") -> str:
        file = tmp_path / f"{kind}-{number}.bundle"
        write_bundle(file, build_bundle(kind, number, CITY, target, content, key, created_ms=number))
        return json.dumps({"do": "publish", "file": str(file)})

    keys = [str(tmp_path / "city.pub")]
    with (
        worker(broker, where, tmp_path, "worker-a", keys=keys) as first,
        worker(broker, where, tmp_path, "worker-b", keys=keys) as second,
        town(broker) as (gateways, _),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        for gateway in gateways:
            gateway.birth()
        eventually(lambda: Query(where).counts().online == len(NAMES))
        told = first.ask(publish(BundleKind.RULES, 1, b"{}"))
        assert told["ok"]["online"] == NAMES
        assert "ok" in second.ask(publish(BundleKind.REGISTRY, 1, LARGE))
        eventually(lambda: all(len(gateway.bundles) == 2 for gateway in gateways))
        content = hashlib.sha256(LARGE).hexdigest()
        for gateway in gateways:
            assert {bundle.content for bundle in gateway.bundles} == {b"{}", None}
            gateway.want(WantChunks(content, (0, 1)))
        eventually(lambda: all(len(gateway.chunks) == 2 for gateway in gateways))
        assert {b"".join(bytes(one.data) for one in sorted_chunks(gateway)) for gateway in gateways} == {LARGE}
        assert {row["gateway"] for row in second.ask('{"do": "unreached"}')["ok"]} == set(NAMES)
        for gateway in gateways:
            gateway.birth("s2", bundles={"rules": 1, "registry": 1})
        eventually(lambda: first.ask('{"do": "unreached"}')["ok"] == [])
    assert Query(where).alarms() == []


def sorted_chunks(gateway: ScriptedGateway) -> list[Chunk]:
    return sorted(gateway.chunks, key=lambda one: one.index)


def test_a_command_reaches_its_gateway_whoever_gives_it(broker: Broker, where: str, tmp_path: Path) -> None:
    order = {"do": "command", "act": {"do": "pace", "entries_per_s": 5}}
    with (
        worker(broker, where, tmp_path, "worker-a") as first,
        worker(broker, where, tmp_path, "worker-b"),
        town(broker) as (gateways, _),
    ):
        eventually(lambda: shares(where) == {"worker-a": 8, "worker-b": 8})
        for gateway in gateways:
            gateway.birth()
        eventually(lambda: len(Query(where).gateways()) == len(NAMES))
        for gateway in gateways:
            assert "ok" in first.ask(json.dumps({**order, "gateway": gateway.gateway}))
        eventually(lambda: all(gateway.commands for gateway in gateways))
        assert [gateway.commands[0].gateway for gateway in gateways] == NAMES
    assert all(row.sent_ms is not None for row in Query(where).commands())
