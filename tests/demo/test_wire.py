"""What other people's programs are told of the wire is what travels on it: a whole morning's messages against the files
that the project publishes."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from jsonschema import Draft202012Validator
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.demo.conftest import Play
from tests.demo.test_demo import broker_of
from tests.demo.tree import pause

PUBLISHED = json.loads((Path(__file__).parents[2] / "config" / "asyncapi.json").read_bytes())


class Witness:
    """Listens to everything on the broker."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self._client.on_connect = lambda client, *_: client.subscribe("sp/1/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def channel_of(topic: str) -> Any:
    """The published channel whose address this topic fits: exactly one."""
    found = [
        name
        for name, channel in PUBLISHED["channels"].items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[a-z0-9-]+", re.escape(channel["address"])), topic)
    ]
    assert len(found) == 1, (topic, found)
    return found[0]


def validator(channel: str) -> Draft202012Validator:
    (message,) = PUBLISHED["channels"][channel]["messages"]
    payload: dict[str, Any] = PUBLISHED["components"]["messages"][message]["payload"]
    return Draft202012Validator({**payload, "components": PUBLISHED["components"]})


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_mornings_messages_are_as_published(play: Play, tmp_path: Path) -> None:
    tree = play("--once", "--port", "0", "--broker", broker_of("mosquitto"), "--state", str(tmp_path))
    tree.until_says("pages:", 60)
    configuration = tmp_path / "gateway.toml"
    while not configuration.exists():
        pause()
    witness = Witness(tomllib.loads(configuration.read_text(encoding="utf-8"))["sync"]["port"])
    try:
        assert tree.end(120) == 0, tree.err.read_text(encoding="utf-8")
    finally:
        witness.leave()
    seen: Counter[str] = Counter()
    kinds: set[str] = set()
    for topic, payload in witness.heard:
        channel = channel_of(topic)
        told = json.loads(payload)
        faults = [f"{fault.json_path}: {fault.message}" for fault in validator(channel).iter_errors(told)]
        assert not faults, (topic, faults[:3])
        seen[channel] += 1
        if channel == "events":
            kinds.update(event["type"].rpartition(".")[2] for event in told)
    assert {"events", "ack", "state"} <= set(seen)
    assert {"identification", "refusal", "admission", "opened", "passed", "receipt", "fiscal_outcome"} <= kinds
