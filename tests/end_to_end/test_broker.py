"""The way to the centre: away at the start and there later; and messages on it that are not what they should be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.cli.demo.acts import DESK, GATE, TILL
from gateway.cli.demo.check import check
from gateway.cli.demo.town import CITY, GATEWAY
from gateway.model.entry import EntryKind, Stream
from gateway.wire.topics import Topics
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, until
from tests.support.programs import require_program

TOPICS = Topics(CITY, GATEWAY)


def test_without_a_broker_stations_serve_and_later_everything_is_drained(new_house: NewHouse) -> None:
    house = new_house()
    rig = house.rig
    house.open()
    rig.wait_ready()
    rig.stop_gateway()
    rig.kill("broker")

    rig.start_gateway()
    rig.until(lambda: len(rig.pids()) == len(rig.devices()), "all devices")
    acts = house.acts
    acts.people_walk_through(True)
    acts.tap(DESK, "zane", "accepted", "")
    acts.tap(GATE, "karlis", "open", "", then="passed")
    acts.tap(TILL, "anna", "accepted", "")
    acts.commit(acts.quote("1", identified=True), "1", fiscal_number="POS-1")
    status = rig.status()
    assert status["sync"]["connected"] is False
    assert status["sync"]["problem"]
    assert sum(status["sync"]["backlog"].values()) >= 4
    [record] = [chain for chain in status["chains"] if chain["chain"] == "record"]
    assert (record["level"], record["code"]) == ("warn", "offline")
    assert record["advice"]
    assert len(house.at_the_centre()) < sum(house.count().values())

    rig.start_again("broker")
    house.drain()
    verdict = check(acts.noted, house.at_the_centre())
    assert (verdict.lost, verdict.duplicates) == ((), ())
    assert rig.status()["sync"]["problem"] == ""


@pytest.fixture
def online(new_house: NewHouse) -> House:
    require_program("mosquitto", "mosquitto")
    house = new_house("mosquitto")
    house.open()
    house.rig.wait_ready()
    house.acts.tap(DESK, "anna", "accepted", "")
    house.drain()
    return house


@contextmanager
def stranger(house: House) -> Iterator[mqtt.Client]:
    """Somebody else on the same broker."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    there = threading.Event()
    client.on_connect = lambda *_: there.set()
    client.connect("127.0.0.1", house.rig.ports["broker"])
    client.loop_start()
    assert there.wait(10)
    yield client
    client.disconnect()
    client.loop_stop()


def epoch(house: House) -> str:
    return str(house.query("SELECT value FROM meta WHERE key='epoch'")[0][0])


def junk(good_epoch: str) -> list[tuple[str, bytes]]:
    """One message of each kind of fault."""
    deep = b"[" * 100_000
    ack = {"stream": "receipt", "epoch": good_epoch, "through": 1}
    return [
        (TOPICS.ack, b""),
        (TOPICS.ack, b"\xff\x00\xfe"),
        (TOPICS.ack, b"{}"),
        (TOPICS.ack, deep),
        (TOPICS.ack, json.dumps({"acks": [{**ack, "through": -1}]}).encode()),
        (TOPICS.ack, json.dumps({"acks": [{**ack, "through": "1"}]}).encode()),
        (TOPICS.ack, json.dumps({"acks": [{**ack, "stream": "nonsense"}]}).encode()),
        (TOPICS.ack, json.dumps({"acks": [ack] * 1000}).encode()),
        (TOPICS.command, b""),
        (TOPICS.command, b'{"do": "open the gate"}'),
        (TOPICS.command, deep),
        (TOPICS.bundle, b""),
        (TOPICS.bundle, b"\xff" * 1000),
        (TOPICS.bundle, b'{"manifest": "x", "signature": "y", "content": "z"}'),
        (TOPICS.bundle, deep),
    ]


def test_malformed_messages_are_refused_recorded_and_change_nothing(online: House) -> None:
    rig = online.rig
    before = (rig.status()["sync"]["bundles"], rig.status()["ledger"]["acked"]["receipt"], rig.pids())
    with stranger(online) as client:
        for topic, payload in junk(epoch(online)):
            client.publish(topic, payload, qos=1).wait_for_publish(10)
        until(lambda: bool(online.bodies(EntryKind.BUNDLE_REFUSED)), "the refusal of a bundle")
        until(lambda: len(online.bodies(EntryKind.MESSAGE_REFUSED)) >= 2, "the count of refused messages")
    refused = online.bodies(EntryKind.MESSAGE_REFUSED)
    assert all(body["reason"] and body["source"] in (TOPICS.ack, TOPICS.command) for body in refused)
    assert all(body["reason"] for body in online.bodies(EntryKind.BUNDLE_REFUSED))
    assert (rig.status()["sync"]["bundles"], rig.status()["ledger"]["acked"]["receipt"], rig.pids()) == before
    assert online.acts.noted.pulses == 0
    online.acts.tap(DESK, "zane", "accepted", "")
    online.drain()


def test_a_flood_of_malformed_messages_is_a_handful_of_entries(online: House) -> None:
    before = online.count()[Stream.AUDIT]
    with stranger(online) as client:
        for _ in range(1000):
            last = client.publish(TOPICS.ack, b"nonsense", qos=1)
        last.wait_for_publish(30)
        until(lambda: [b.get("count", 1) for b in online.bodies(EntryKind.MESSAGE_REFUSED)][-1:] == [1000], "the count")
    assert [body.get("count", 1) for body in online.bodies(EntryKind.MESSAGE_REFUSED)] == [1, 10, 100, 1000]
    assert online.count()[Stream.AUDIT] - before == 4


def test_an_ack_of_what_was_never_sent_forgets_nothing(online: House) -> None:
    """A forged word of the centre: more than there is, of another epoch, and of a strange range."""
    acks = [
        {"stream": "receipt", "epoch": epoch(online), "through": 2**31 - 1},
        {"stream": "receipt", "epoch": "0" * 16, "through": 5},
        {"stream": "receipt", "epoch": epoch(online), "through": 0, "missing": [[2**31 - 1, 1]]},
    ]
    with stranger(online) as client:
        for ack in acks:
            client.publish(TOPICS.ack, json.dumps({"acks": [ack]}), qos=1).wait_for_publish(10)
    online.acts.people_walk_through(True)
    online.acts.tap(GATE, "anna", "open", "", then="passed")
    online.drain()
    assert EntryKind.ADMISSION in [row.kind for row in online.at_the_centre()]
    verdict = check(online.acts.noted, online.at_the_centre())
    assert (verdict.lost, verdict.duplicates) == ((), ())
