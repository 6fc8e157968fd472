"""Baseline of sync: what a good engineer writes in an afternoon. Events go into an outbox in SQLite (WAL, FULL, groups
of 5 ms), from there to the broker with paho-mqtt and QoS 1, and are deleted after PUBACK. Nobody asks whether they were
stored at the other end.

    python -m tests.bench.baselines.end_to_end FILE MQTT_PORT EVENTS PRODUCERS

Prints one JSON object: seconds from the first event to an empty outbox, CPU seconds meanwhile, and how many were
deleted.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import sys
import threading
import time
import uuid
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

GATEWAY = "gw-000123"
TOPIC = f"cg/1/site-42/{GATEWAY}/ev"
GROUP_S = 0.005
GROUP_MAX = 2000
WINDOW = 100
FETCH = 500
IDLE_S = 0.002
PADDING = "x" * 310

Work = tuple[bytes, threading.Event] | list[int]
"""An event and who waits for it, or the numbers that may be deleted."""


class Outbox:
    """One thread owns the connection; inserts and deletions share a group."""

    def __init__(self, path: str) -> None:
        self._db = connect(path)
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, payload: bytes) -> None:
        """Returns when it is on disk."""
        stored = threading.Event()
        self._work.put((payload, stored))
        stored.wait()

    def delete(self, numbers: list[int]) -> None:
        self._work.put(numbers)

    def _run(self) -> None:
        while True:
            group = [self._work.get()]
            deadline = time.monotonic() + GROUP_S
            while len(group) < GROUP_MAX:
                left = deadline - time.monotonic()
                try:
                    group.append(self._work.get(timeout=left) if left > 0 else self._work.get_nowait())
                except queue.Empty:
                    break
            self._db.execute("BEGIN IMMEDIATE")
            for work in group:
                if isinstance(work, list):
                    self._db.executemany("DELETE FROM outbox WHERE seq=?", [(number,) for number in work])
                else:
                    self._db.execute("INSERT INTO outbox (topic, payload) VALUES (?,?)", (TOPIC, work[0]))
            self._db.execute("COMMIT")
            for work in group:
                if not isinstance(work, list):
                    work[1].set()


def connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS outbox "
        "(seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload BLOB NOT NULL)"
    )
    return db


def produce(outbox: Outbox, events: int) -> None:
    for _ in range(events):
        event = {"id": str(uuid.uuid4()), "t": time.time(), "type": "ident.read", "pad": PADDING}
        outbox.put(json.dumps(event).encode())


def drain(port: int, reader: sqlite3.Connection, outbox: Outbox, producers: list[threading.Thread]) -> int:
    """Publish what is in the outbox until the producers have ended and it is empty. How many were confirmed."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, GATEWAY, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(WINDOW)
    room = threading.Semaphore(WINDOW)
    numbers: dict[int, int] = {}
    confirmed: deque[int] = deque()

    def published(_client: object, _user: object, mid: int, _reason: object, _properties: Any) -> None:
        # paho holds its own lock here: nothing but this.
        confirmed.append(mid)
        room.release()

    client.on_publish = published
    client.connect("127.0.0.1", port, clean_start=True)
    client.loop_start()
    for producer in producers:
        producer.start()
    newest = total = 0
    while True:
        over = not any(producer.is_alive() for producer in producers)
        sql = "SELECT seq, topic, payload FROM outbox WHERE seq>? ORDER BY seq LIMIT ?"
        rows = reader.execute(sql, (newest, FETCH)).fetchall()
        for number, topic, payload in rows:
            room.acquire()
            whole = payload[:-1] + b',"gw":"%s","seq":%d}' % (GATEWAY.encode(), number)
            numbers[client.publish(topic, whole, qos=1).mid] = number
            newest = number
        done = [numbers.pop(confirmed.popleft()) for _ in range(len(confirmed))]
        if done:
            outbox.delete(done)
            total += len(done)
        elif not rows:
            if over and not numbers:
                break
            time.sleep(IDLE_S)
    client.disconnect()
    client.loop_stop()
    return total


def main(path: str, port: int, events: int, producers: int) -> None:
    outbox, reader = Outbox(path), connect(path)
    threads = [
        threading.Thread(target=produce, args=(outbox, events // producers), daemon=True) for _ in range(producers)
    ]
    began, cpu = time.monotonic(), time.process_time()
    total = drain(port, reader, outbox, threads)
    while reader.execute("SELECT count(*) FROM outbox").fetchone()[0]:
        time.sleep(0.01)
    told = {"seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu, "events": total}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
