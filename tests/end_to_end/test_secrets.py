"""Canaries: clear card ids, pass texts and keys of the demo's people appear nowhere but in the readers' pipes."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway.cli.client import Client
from gateway.cli.demo.acts import DESK, GATE, TILL
from gateway.cli.demo.script import ILZE
from gateway.cli.demo.town import PEOPLE
from tests.end_to_end.house import House, environment, until

API = ("/v1/status", "/v1/devices", "/v1/stations", "/v1/health", "/v1/stations/library-desk", "/")


def forms(secret: bytes) -> list[bytes]:
    """A secret as it might be written: raw, reversed, hex in both cases and with separators, base64 at any offset."""
    found = [secret, secret[::-1]]
    for raw in (secret, secret[::-1]):
        text = raw.hex()
        found += [text.encode(), text.upper().encode()]
        for separator in (":", " ", "-"):
            pairs = raw.hex(separator)
            found += [pairs.encode(), pairs.upper().encode()]
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret)
        # What stands for the offset and for the padding is not the secret's.
        start, end = (0, 2, 3)[offset], -4 if (len(secret) + offset) % 3 else len(encoded)
        found += [encoded[start:end], base64.urlsafe_b64encode(bytes(offset) + secret)[start:end]]
    return found


def canaries(house: House) -> dict[str, bytes]:
    """Every secret of this town by name."""
    keys = house.town.keys
    found = {f"key {file.stem}": bytes.fromhex(file.read_text("ascii")) for file in keys.glob("*.hex")}
    found |= {f"uid of {person.name}": person.uid for person in PEOPLE if person.uid}
    found |= {f"pass of {person.name}": person.pass_number for person in PEOPLE if person.pass_number}
    return found


def sung(data: bytes, secrets: dict[str, bytes]) -> list[str]:
    """Names of the secrets that are in this data."""
    return [name for name, secret in secrets.items() if any(form in data for form in forms(secret))]


@pytest.mark.parametrize("secret", [bytes.fromhex("04A1B2C3D4E501"), bytes(range(100, 116)), b"SP1:PASS"])
def test_the_search_finds_a_secret_in_each_form(secret: bytes) -> None:
    for before in (b"", b"x", b"xy", b"xyz"):
        plain = before + secret + b"tail"
        written = [plain, plain.hex().encode(), plain.hex().upper().encode(), secret.hex(":").encode(), secret[::-1]]
        written += [base64.b64encode(plain), json.dumps({"uid": base64.b64encode(plain).decode()}).encode()]
        for data in written:
            assert sung(b"noise" + data + b"noise", {"it": secret}) == ["it"], data
    assert sung(b"noise" * 1000, {"it": secret}) == []


def a_day(house: House) -> list[str]:
    """Everything that deals with ids happens once, right and wrong. Returns the passes' texts."""
    acts = house.acts
    acts.people_walk_through(True)
    acts.tap(DESK, "anna", "accepted", "")
    acts.tap(DESK, "stranger", "refused", "", reason="unknown")
    acts.tap(DESK, "lost-card", "refused", "", reason="blocked")
    acts.tap(DESK, "zane", "accepted", "")
    acts.tap(DESK, "copy-of-zane", "refused", "", reason="replayed")
    acts.tap(GATE, "karlis", "open", "", then="passed")
    acts.tap(GATE, "peteris", "refused", "", reason="payment_due")
    texts = []
    shown = (("accepted", "", house.town.pass_text), ("refused", "forged", house.town.forged_pass))
    for show, reason, make in (*shown, ("refused", "unknown_issuer", house.town.foreign_pass)):
        texts.append(make(ILZE))
        acts.show_pass("ilze", show, "", reason=reason, text=texts[-1])
    acts.tap(TILL, "anna", "accepted", "")
    acts.commit(acts.quote("1", identified=True), "1", printed=True)
    return texts


def told_by_the_api(house: House) -> bytes:
    """Every answer on both ways in, and the events of all stations."""
    inside = Client(house.rig.socket)
    told = [json.dumps(inside.get(path)).encode() for path in API if path != "/"]
    for path in (*API, "/v1/events?after=0"):
        connection = http.client.HTTPConnection("127.0.0.1", house.rig.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        told.append(answer.read1(1_000_000) if "events" in path else answer.read())
        connection.close()
    return b"\n".join([*told, json.dumps(house.watch.events).encode()])


def processes(house: House) -> dict[str, bytes]:
    found = {}
    for pid in house.tree():
        for name in ("environ", "cmdline"):
            found[f"{name} of {pid}"] = Path(f"/proc/{pid}/{name}").read_bytes()
    return found


def files(house: House) -> dict[str, bytes]:
    """What the gateway and the centre write. (Keys, cards and the simulators' own files are the town's.)"""
    town = house.town
    written = [file for file in town.state.rglob("*") if file.is_file()]
    written += [town.logs / "gateway.log", town.logs / "centre.log", *town.folder.glob("centre.db*")]
    assert {"ledger.db", "cache.db", "centre.db", "gateway.log"} <= {file.name for file in written}
    return {str(file): file.read_bytes() for file in written}


def test_no_clear_id_and_no_key_leaves_the_pipes(house: House) -> None:
    heard: list[bytes] = []
    ears = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    listening = threading.Event()
    ears.on_message = lambda _client, _data, message: heard.append(message.topic.encode() + b" " + message.payload)
    ears.on_subscribe = lambda *_: listening.set()
    ears.connect("127.0.0.1", house.rig.ports["broker"])
    ears.loop_start()
    ears.subscribe("sp/#", qos=1)
    assert listening.wait(10)
    texts = a_day(house)
    secrets = canaries(house)
    assert len(secrets) == 4 + len(PEOPLE)
    secrets |= {f"text of pass {number}": text.encode() for number, text in enumerate(texts)}

    found = {name: sung(data, secrets) for name, data in processes(house).items()}
    found["api"] = sung(told_by_the_api(house), secrets)
    house.drain()
    until(lambda: any(b"/ev/receipt" in message for message in heard), "the events on the wire")
    ears.disconnect()
    ears.loop_stop()
    found["wire"] = sung(b"\n".join(heard), secrets)
    # Before and after the stop: the write-ahead log is there only before.
    assert any(name.endswith("ledger.db-wal") for name in files(house))
    found |= {f"{name}, running": sung(data, secrets) for name, data in files(house).items()}
    assert house.rig.stop_gateway() == 0
    found |= {name: sung(data, secrets) for name, data in files(house).items()}
    assert {name: names for name, names in found.items() if names} == {}


def test_drivers_are_given_no_secret_of_our_environment(house: House) -> None:
    secret = "tweety-2f9c1e"
    assert house.rig.stop_gateway() == 0
    with environment(SMARTPLACE_PASSWORD=secret):
        house.rig.start_gateway()
    house.rig.wait_ready()
    drivers = house.rig.pids()
    for device, pid in drivers.items():
        assert secret.encode() not in Path(f"/proc/{pid}/environ").read_bytes(), device
    assert secret.encode() in Path(f"/proc/{house.gateway}/environ").read_bytes(), "this test can fail"


def test_what_is_written_is_for_its_owner_only(house: House) -> None:
    modes = {
        file.name: file.stat().st_mode & 0o777
        for file in house.town.state.iterdir()
        if file.is_file() or file.is_socket()
    }
    assert set(modes) >= {"ledger.db", "cache.db", "api.sock", "gateway.lock"}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
    assert house.town.state.stat().st_mode & 0o077 == 0
