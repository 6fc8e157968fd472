"""Listens beside the centre at the broker: how often each entry came, and with which digests. So a duplicate that the
centre did not store again is seen, and a number that was ever given to two entries."""

from __future__ import annotations

import json
import threading
from collections import defaultdict

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.cli.demo.town import CITY
from tests.faults.frame import require

CONNECT_S = 10.0


class Witness:
    """From `start` to `stop`; finds its broker again when that was away."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._seen: dict[str, list[str]] = defaultdict(list)
        self._order: list[str] = []
        self._listens = threading.Event()

    def start(self) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"sp/1/{CITY}/+/+/ev/+", qos=1)
        self._client.on_subscribe = lambda *_: self._listens.set()
        self._client.on_message = self._on_message
        self._client.connect_async("127.0.0.1", self._port, keepalive=5)
        self._client.loop_start()
        require(self._listens.wait(CONNECT_S), "the witness has no broker")

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def lost(self) -> None:
        """The broker is gone: from now on `listens_again` waits for the next subscription."""
        self._listens.clear()

    def listens_again(self) -> None:
        """Until it hears again. Raises `FaultFailed`."""
        require(self._listens.wait(CONNECT_S), "the witness did not come back")

    def seen(self) -> dict[str, list[str]]:
        """Entry → its digests, one for each time that it came."""
        with self._lock:
            return {entry: list(digests) for entry, digests in self._seen.items()}

    def mark(self) -> int:
        """How much has come: `since` looks behind it."""
        with self._lock:
            return len(self._order)

    def since(self, mark: int) -> list[str]:
        """Entries that came after the mark, in the order they came."""
        with self._lock:
            return self._order[mark:]

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        events = json.loads(message.payload)
        with self._lock:
            for event in events:
                self._seen[event["id"]].append(event["digest"])
                self._order.append(event["id"])
