"""Baseline of sync: paho-mqtt publishing from memory with QoS 1, one message an event. Nothing is stored anywhere.

    python -m tests.bench.baselines.raw_paho MQTT_PORT EVENTS BYTES

Prints one JSON object: seconds from the first publish to the last PUBACK, CPU seconds meanwhile, and how many there
were.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

WINDOW = 100


def main(port: int, events: int, size: int) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "raw-paho", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    room, all_there, confirmed = threading.Semaphore(WINDOW), threading.Event(), 0

    def published(_client: object, _user: object, _mid: int, _reason: object, _properties: Any) -> None:
        nonlocal confirmed
        confirmed += 1
        room.release()
        if confirmed == events:
            all_there.set()

    client.on_publish = published
    client.connect("127.0.0.1", port, clean_start=True)
    client.loop_start()
    payload = b"x" * size
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(events):
        room.acquire()
        client.publish("raw/paho", payload, qos=1)
    all_there.wait()
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    client.disconnect()
    client.loop_stop()
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu_s": cpu, "events": confirmed}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
