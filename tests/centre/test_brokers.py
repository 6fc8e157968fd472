"""The brokers that other tests stand on: each carries a message with QoS 1 in the versions it claims."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.broker import Broker, amqtt, mosquitto, nats, rabbitmq


def carry(broker: Broker, version: MQTTProtocolVersion) -> bytes:
    got: list[bytes] = []
    here, subscribed = threading.Event(), threading.Event()

    def hear(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        got.append(bytes(message.payload))
        here.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="carrier", protocol=version)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = hear
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        client.subscribe("a/+/c", 1)
        assert subscribed.wait(20)
        client.publish("a/b/c", b"hello", 1)
        assert here.wait(20)
    finally:
        client.disconnect()
        client.loop_stop()
    return got[0]


@pytest.mark.parametrize("make", [mosquitto, amqtt, nats, pytest.param(rabbitmq, marks=pytest.mark.slow)])
def test_carries_a_message(make: Callable[[], AbstractContextManager[Broker]]) -> None:
    versions = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}
    with make() as broker:
        for protocol in broker.protocols:
            assert carry(broker, versions[protocol]) == b"hello"


def test_a_killed_broker_starts_again_on_its_port() -> None:
    with mosquitto() as broker:
        first = broker.pid
        broker.kill()
        broker.start()
        assert broker.pid != first
        assert carry(broker, MQTTProtocolVersion.MQTTv5) == b"hello"
