"""Bench `intake`: entries per second that the centre takes from a real broker, stores and acks, beside raw rows.

Sixteen gateways, one in each shard, whose batches of 64 entries are made before the clock starts. It runs from the
first PUBLISH until the centre's acks have named every entry. One and two workers, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.centre.query import Query
from gateway.cli.demo.children import Child, python
from gateway.model.entry import Stream
from gateway.wire.envelope import MAX_BATCH_ENTRIES, encode_entry, join_batch
from gateway.wire.messages import Acks
from gateway.wire.topics import SHARDS, Topics, shard_of
from tests.bench.context import Context
from tests.bench.frame import Row, compare, require
from tests.bench.stage import until
from tests.centre.chains import Chain
from tests.support.broker import Broker, mosquitto
from tests.support.postgres import debian_programs, postgres

BODY_BYTES = 400
BATCHES, BATCHES_QUICK = 20, 3
"""Of each gateway in a round."""
PATIENCE_S = 120.0
Message = tuple[str, bytes]


def run(context: Context) -> list[Row]:
    require(debian_programs() is not None, "PostgreSQL is not here: apt install postgresql")
    batches = BATCHES_QUICK if context.quick else BATCHES
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto("max_queued_messages 0", "max_inflight_messages 0"))
        # Beside the bench's own folder, which its user may not enter, on the same disk.
        server = stack.enter_context(postgres(context.folder.parent))
        stores = {
            "sqlite_1": str(context.folder / "one.db"),
            "sqlite_2": str(context.folder / "two.db"),
            "postgresql_1": stack.enter_context(server.database()),
            "postgresql_2": stack.enter_context(server.database()),
        }
        raw_stores = {
            "sqlite": str(context.folder / "raw.db"),
            "postgresql": stack.enter_context(server.database()),
        }
        raw = {name: stack.enter_context(_baseline(context, name, store)) for name, store in raw_stores.items()}
        for name, store in stores.items():
            stack.enter_context(_workers(context, broker, name, store))
        ours: dict[str, list[list[float]]] = {name: [] for name in stores}
        beside: dict[str, list[list[float]]] = {name: [] for name in raw}
        for number in context.rounds(5):
            _round(context, broker, ours, beside, raw, number, batches)
        total = len(ours["sqlite_1"]) * batches * MAX_BATCH_ENTRIES * SHARDS
        for name, store in stores.items():
            _check(name, store, total)
        for name, child in raw.items():
            require(child.ask("rows") == total, f"the {name} baseline stored {child.ask('rows')} rows, not {total}")
    return [compare("intake", name, "1/s", ours[name], beside[name.partition("_")[0]]) for name in stores]


def _round(
    context: Context,
    broker: Broker,
    ours: dict[str, list[list[float]]],
    beside: dict[str, list[list[float]]],
    raw: dict[str, Child],
    number: int,
    batches: int,
) -> None:
    entries = batches * MAX_BATCH_ENTRIES * SHARDS
    said = []
    for name, child in raw.items():
        seconds = child.ask("store", PATIENCE_S, entries=entries, body=BODY_BYTES)
        beside[name].append([entries / seconds])
        said.append(f"raw {name} {entries / seconds:,.0f}/s")
    for name, rates in ours.items():
        with Town(broker, name) as town:
            seconds = town.deliver(f"{number + 1:032x}", batches)
        rates.append([entries / seconds])
        said.append(f"{name} {entries / seconds:,.0f}/s")
    context.say(f"  round {number + 1}: {', '.join(said)}")


class Town:
    """Sixteen gateways' messages, sent over one connection, and the centre's acks of them."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._city = name.replace("_", "-")
        self._broker = broker
        self._news = threading.Condition()
        self._acked: dict[tuple[str, str], int] = {}
        self._ready = threading.Event()

    def __enter__(self) -> Town:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="town", protocol=MQTTProtocolVersion.MQTTv311)
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._heard
        client.max_inflight_messages_set(100)
        client.connect(self._broker.host, self._broker.port)
        client.subscribe(f"sp/1/{self._city}/+/+/ack", 1)
        client.loop_start()
        require(self._ready.wait(20), "the broker did not grant a subscription")
        self._client = client
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def deliver(self, epoch: str, batches: int) -> float:
        """Seconds from the first PUBLISH to the last ack."""
        gateways = one_gateway_a_shard()
        messages = list(_in_turns(self._city, gateways, epoch, batches))
        last = batches * MAX_BATCH_ENTRIES
        began = time.monotonic()
        for topic, payload in messages:
            self._client.publish(topic, payload, 1)
        with self._news:
            done = self._news.wait_for(lambda: all(self._acked.get((g, epoch)) == last for g in gateways), PATIENCE_S)
        require(done, f"{self._city}: not all was acked within {PATIENCE_S:.0f} s")
        return time.monotonic() - began

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        gateway = message.topic.split("/")[4]
        with self._news:
            for ack in msgspec.json.decode(message.payload, type=Acks).acks:
                self._acked[gateway, ack.epoch] = ack.through
            self._news.notify_all()


def one_gateway_a_shard() -> list[str]:
    found: dict[int, str] = {}
    for number in count():
        if len(found) == SHARDS:
            return [found[shard] for shard in sorted(found)]
        found.setdefault(shard_of(f"gw-{number}"), f"gw-{number}")
    raise AssertionError


def _in_turns(city: str, gateways: list[str], epoch: str, batches: int) -> Iterator[Message]:
    """A first batch of each, a second of each, and so on."""
    body = b'{"filler":"' + b"x" * (BODY_BYTES - 13) + b'"}'
    chains = {gateway: Chain(gateway, epoch) for gateway in gateways}
    for _ in range(batches):
        for gateway, chain in chains.items():
            events = [encode_entry(city, chain.add(body)) for _ in range(MAX_BATCH_ENTRIES)]
            yield Topics(city, gateway).events(Stream.RECEIPT), join_batch(events)


@contextmanager
def _baseline(context: Context, name: str, store: str) -> Iterator[Child]:
    argv = python("tests.bench.baselines.raw_rows", store)
    child = Child(f"raw-{name}", argv, context.folder / f"raw-{name}.log")
    child.start()
    try:
        yield child
    finally:
        child.stop()


@contextmanager
def _workers(context: Context, broker: Broker, name: str, store: str) -> Iterator[None]:
    """As many as the name says, each with its part of the shards."""
    number = int(name[-1])
    with ExitStack() as stack:
        for index in range(number):
            settings = {"city": name.replace("_", "-"), "store": store, "port": broker.port, "tls": False}
            # Short while they share out; nobody dies here.
            given = {**settings, "client_id": f"{name.replace('_', '-')}-{index}", "lease_s": 3.0, "ack_ms": 50}
            file = context.folder / f"{name}-{index}.json"
            file.write_text(json.dumps(given), encoding="utf-8")
            child = Child(f"{name}-{index}", python("gateway.centre", "--config", str(file)), _log(file))
            child.start()
            stack.callback(child.stop)
        until(lambda: _shares(store) == [SHARDS // number] * number, 60, f"{number} workers to share the shards")
        yield


def _shares(store: str) -> list[int]:
    names = [lease.worker for lease in Query(store).leases()]
    return [names.count(name) for name in sorted(set(names))]


def _log(file: Path) -> Path:
    return file.with_suffix(".log")


def _check(name: str, store: str, total: int) -> None:
    """All were stored, once, and nothing is to be said about them."""
    counts = Query(store).counts()
    stored = sum(counts.entries.values())
    require(stored == total, f"{name}: {stored} entries are stored, {total} were sent")
    require((counts.gaps, counts.conflicts, counts.alarms) == (0, 0, 0), f"{name}: {counts}")
