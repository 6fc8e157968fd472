"""The gateway's end of the wire, played by a test with a plain paho client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TypeVar

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.model.entry import Entry, Stream
from gateway.wire.bundle import SignedBundle
from gateway.wire.chunks import Chunk, Want, decode_chunk
from gateway.wire.commands import Command, CommandResult
from gateway.wire.messages import Ack, Acks, State, encode
from gateway.wire.topics import Topics
from tests.centre.chains import CITY, EPOCH, GATEWAY, batch
from tests.support.broker import Broker

PATIENCE_S = 30.0
T = TypeVar("T")


class ScriptedGateway:
    """Says what the test tells it to, and notes what the centre answers. Speaks 3.1.1: every broker does."""

    def __init__(self, broker: Broker, gateway: str = GATEWAY) -> None:
        self.gateway = gateway
        self.topics = Topics(CITY, gateway)
        self.ack_messages: list[Acks] = []
        self.bundles: list[SignedBundle] = []
        self.chunks: list[Chunk] = []
        self.commands: list[Command] = []
        self._broker = broker
        self._news = threading.Condition()
        self._subscribed = threading.Event()

    def __enter__(self) -> ScriptedGateway:
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self.gateway, protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._heard
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(self._broker.host, self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, entries: Sequence[Entry], *, raw: bytes | None = None, stream: Stream | None = None) -> None:
        """One message with these entries, or these raw bytes, with QoS 1."""
        of = stream if stream is not None else entries[0].header.id.stream
        self._client.publish(self.topics.events(of), batch(entries) if raw is None else raw, 1)

    def say(self, state: State) -> None:
        """A birth or death, retained."""
        self._client.publish(self.topics.state, encode(state), 1, retain=True)

    def birth(self, session: str = "s1", **more: object) -> None:
        self.say(msgspec.convert({"online": True, "session": session, "epoch": EPOCH, **more}, State))

    def acked(self, stream: Stream = Stream.RECEIPT, epoch: str = EPOCH) -> Ack | None:
        """The newest word on this strand."""
        for message in reversed(self.ack_messages):
            for ack in message.acks:
                if (ack.stream, ack.epoch) == (stream, epoch):
                    return ack
        return None

    def wait(self, what: Callable[[], T | None]) -> T:
        """Wait until this is something."""
        with self._news:
            self._news.wait_for(lambda: bool(what()), PATIENCE_S)
        found = what()
        assert found, f"did not come; heard {self.ack_messages}, {len(self.bundles)} bundles"
        return found

    def through(self, stream: Stream = Stream.RECEIPT, epoch: str = EPOCH) -> int:
        """How far this strand is stored, by the centre's own word."""
        ack = self.acked(stream, epoch)
        return ack.through if ack is not None else 0

    def pause_until(self, what: Callable[[], bool], seconds: float) -> bool:
        """Wait until this is so, at most so long."""
        with self._news:
            return self._news.wait_for(what, seconds)

    def answer(self, result: CommandResult) -> None:
        """What became of a command."""
        self.publish(self.topics.result, encode(result))

    def want(self, wish: Want) -> None:
        """Ask for chunks."""
        self.publish(self.topics.want, msgspec.json.encode(wish))

    def wait_ack(self, ack: Ack) -> None:
        """Wait until the centre's newest word on this strand is exactly this one."""
        self.wait(lambda: self.acked(ack.stream, ack.epoch) == ack)

    def publish(self, topic: str, payload: bytes) -> None:
        """Anything, anywhere."""
        self._client.publish(topic, payload, 1)

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: mqtt.ConnectFlags, _reason: ReasonCode, _said: object
    ) -> None:
        topics = self.topics
        client.subscribe([(topic, 1) for topic in (topics.ack, topics.bundle, topics.chunk, topics.command)])

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._news:
            if message.topic == self.topics.ack:
                self.ack_messages.append(msgspec.json.decode(message.payload, type=Acks))
            elif message.topic == self.topics.chunk:
                self.chunks.append(decode_chunk(bytes(message.payload)))
            elif message.topic == self.topics.command:
                self.commands.append(msgspec.json.decode(message.payload, type=Command))
            else:
                self.bundles.append(msgspec.json.decode(message.payload, type=SignedBundle))
            self._news.notify_all()


def eventually(what: Callable[[], T]) -> T:
    """Look until this is something; for what nobody tells us of."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not (found := what()):
        assert time.monotonic() < deadline, "did not happen"
        pause.wait(0.01)
    return found
