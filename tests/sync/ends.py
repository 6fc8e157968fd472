"""Both ends of the wire for tests: entries to send, keys that sign, a centre that says what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.centre.sign import SigningKey, build_bundle, public_text
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import Entry, EntryKind, NewEntry, Stream
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles, Pace, RulesInForce
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker as Address
from gateway.sync.sync import Sync
from gateway.wire.bundle import BundleKind, SignedBundle, parse_public_key
from gateway.wire.commands import Command, CommandResult
from gateway.wire.envelope import decode_batch
from gateway.wire.messages import Ack, Acks, State, encode
from gateway.wire.quota import Said, decode_said
from gateway.wire.topics import Topics, centre_filters
from gateway.wire.trust import TrustList
from tests.support.clock import FakeClock

CITY, GATEWAY = "jelgava", "museum-1"
TOPICS = Topics(CITY, GATEWAY)
KEY = SigningKey(b"12345678", bytes(range(32)))
STRANGER = SigningKey(b"87654321", bytes(32))
TRUSTED = (parse_public_key(public_text(KEY)),)
PATIENCE_S = 30.0


async def fill(ledger: Ledger, count: int, stream: Stream = Stream.RECEIPT, size: int = 10) -> None:
    """Store so many entries, in one commit."""
    body = b'{"x":"%s"}' % (b"x" * size)
    await ledger.commit([NewEntry(stream, EntryKind.RECEIPT, body)] * count)


def bundle(
    kind: BundleKind,
    number: int,
    content: bytes,
    *,
    key: SigningKey = KEY,
    city: str = CITY,
    target: str = GATEWAY,
    created_ms: int = 1,
    **more: Any,
) -> SignedBundle:
    return build_bundle(kind, number, city, target, content, key, created_ms=created_ms, **more)


def payload(kind: BundleKind, number: int, content: bytes, **more: Any) -> bytes:
    """A small bundle as it travels."""
    return msgspec.json.encode(bundle(kind, number, content, **more))


def announced(signed: SignedBundle) -> bytes:
    """A large bundle as it travels: without its content."""
    return msgspec.json.encode(msgspec.structs.replace(signed, content=None))


def make_bundles(
    ledger: Ledger,
    cache: Cache,
    clock: FakeClock,
    on_rules: Callable[[RulesInForce], None] = lambda _rules: None,
    pace: Pace | None = None,
    gateway: str = GATEWAY,
    on_trust: Callable[[TrustList], None] = lambda _listed: None,
) -> Bundles:
    hurry = pace or Pace(jitter_s=0)
    names = CITY, gateway, "k1"
    return Bundles(ledger, cache, TRUSTED, names, clock, on_rules, on_trust=on_trust, pace=hurry)


def make_sync(ledger: Ledger, cache: Cache, clock: FakeClock, port: int, **more: object) -> Sync:
    """The gateway's end, in a hurry: tests wait for what it does."""
    names = ("older", "on_behind", "new_epoch", "on_fault", "quotas")
    hooks = {name: more.pop(name) for name in names if name in more}
    told = {"keepalive_s": 60, "protocol": "auto", "resend_s": 20.0, "window": 20, "backlog_per_s": 5000, **more}
    gateway = str(told.get("gateway", GATEWAY))
    address = Address("127.0.0.1", port, gateway, int(str(told["keepalive_s"])), str(told["protocol"]))
    bundles = make_bundles(ledger, cache, clock, gateway=gateway)
    bundles.start()
    return Sync(
        PahoLink(address),
        ledger,
        bundles,
        Topics(CITY, gateway),
        clock,
        version="test",
        window=int(str(told["window"])),
        resend_s=float(str(told["resend_s"])),
        backlog_per_s=float(str(told["backlog_per_s"])),
        backoff=Backoff(0.2),
        **hooks,  # type: ignore[arg-type]
    )


class ScriptedCentre:
    """The centre's end of the wire, played by a plain paho client of 3.1.1. Acks nothing by itself."""

    def __init__(self, port: int) -> None:
        self.entries: list[Entry] = []
        self.batches = 0
        self.states: list[State] = []
        self.results: list[CommandResult] = []
        self.quotas: list[Said] = []
        self._port = port
        self._news = threading.Condition()
        self._subscribed = threading.Event()

    def __enter__(self) -> ScriptedCentre:
        version = MQTTProtocolVersion.MQTTv311
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="centre", protocol=version)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def ack(self, *words: Ack) -> None:
        self.say(TOPICS.ack, encode(Acks(words)))

    def order(self, command: Command) -> None:
        self.say(TOPICS.command, encode(command))

    def say(self, topic: str, message: bytes) -> None:
        """Anything, on any topic."""
        self._client.publish(topic, message, 1)

    def seqs(self, stream: Stream = Stream.RECEIPT) -> list[int]:
        """Numbers of what has come, in the order of coming."""
        return [entry.header.id.seq for entry in self.entries if entry.header.id.stream is stream]

    def wait(self, there: Callable[[], bool]) -> None:
        """Block until this holds. From a test with a loop: `await asyncio.to_thread(centre.wait, ...)`."""
        with self._news:
            assert self._news.wait_for(there, PATIENCE_S), f"{self.seqs()}, {self.states}"

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, _reason: ReasonCode, _said: object
    ) -> None:
        client.subscribe([(topic, 1) for topic in centre_filters(CITY, range(16))])

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._news:
            if message.topic == TOPICS.state:
                self.states.append(msgspec.json.decode(message.payload, type=State))
            elif message.topic == TOPICS.result:
                self.results.append(msgspec.json.decode(message.payload, type=CommandResult))
            elif message.topic == TOPICS.quota:
                self.quotas += decode_said(bytes(message.payload), GATEWAY).said
            else:
                stream = Stream(message.topic.rpartition("/")[2])
                self.entries += decode_batch(CITY, GATEWAY, stream, bytes(message.payload))
                self.batches += 1
            self._news.notify_all()


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [entry.header.id.seq for entry in entries]
