"""The centre as a program: its lines, its end, and what is left of it after kill -9."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.centre.publisher import write_bundle
from gateway.centre.query import Query
from gateway.centre.settings import load
from gateway.centre.sign import build_bundle, generate_key, load_key
from gateway.cli.demo.ports import free_port
from gateway.model.entry import Stream
from gateway.model.errors import ConfigurationError
from gateway.wire.bundle import BundleKind
from gateway.wire.messages import Ack
from tests.centre.chains import CITY, EPOCH, GATEWAY, chain_of
from tests.centre.programs import program, worker
from tests.centre.scripted import ScriptedGateway, eventually
from tests.support.broker import Broker, mosquitto


@pytest.fixture
def broker() -> Iterator[Broker]:
    with mosquitto() as broker:
        yield broker


def flags(broker: Broker, folder: Path) -> list[str]:
    return ["--city", CITY, "--store", str(folder / "centre.db"), "--port", str(broker.port)]


def test_it_says_ready_obeys_and_ends_with_its_input(broker: Broker, tmp_path: Path) -> None:
    public = tmp_path / "city.pub"
    public.write_text(generate_key(tmp_path / "city.key"))
    key = load_key(tmp_path / "city.key")
    file = tmp_path / "rules.bundle"
    write_bundle(file, build_bundle(BundleKind.RULES, 1, CITY, "*", b"{}", key, created_ms=1))
    publish = json.dumps({"do": "publish", "file": str(file)})
    with program(*flags(broker, tmp_path), "--key", str(public)) as centre:
        ready = centre.line()["ready"]
        assert (ready["city"], ready["connected"], ready["pid"]) == (CITY, True, centre.process.pid)
        with ScriptedGateway(broker) as gateway:
            gateway.birth()
            gateway.send(chain_of(2))
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 2))
            assert centre.ask(publish)["ok"]["online"] == [GATEWAY]
            gateway.wait(lambda: gateway.bundles)
        assert centre.ask(publish)["code"] == "conflict"
        (unreached,) = centre.ask('{"do": "unreached"}')["ok"]
        assert (unreached["gateway"], unreached["newest"], unreached["told"]) == (GATEWAY, 1, 0)
        assert centre.ask('{"do": "counts"}')["ok"]["entries"] == {f"{GATEWAY}/receipt/receipt": 2}
        assert centre.ask('{"do": "gateways"}')["ok"][0]["gateway"] == GATEWAY
        assert centre.ask('{"do": "alarms"}')["ok"] == []
        for nonsense in ("{}", "[", '{"do": "fly"}', '{"do": "publish", "file": "/nowhere"}'):
            assert "error" in centre.ask(nonsense)
        assert centre.process.stdin is not None
        centre.process.stdin.close()
        assert centre.process.wait(30) == 0


def test_what_is_ordered_is_for_a_gateway_that_was_ever_heard_of(broker: Broker, tmp_path: Path) -> None:
    fence = '{"do": "fence", "gateway": "%s"}'
    pace = '{"do": "command", "gateway": "%s", "act": {"do": "pace", "entries_per_s": 5}}'
    with program(*flags(broker, tmp_path)) as centre, ScriptedGateway(broker) as gateway:
        centre.line()
        gateway.birth()
        eventually(lambda: centre.ask('{"do": "gateways"}')["ok"])
        for order in (fence, pace):
            assert centre.ask(order % "bus-11")["code"] == "gateway_unknown"
            assert "ok" in centre.ask(order % GATEWAY)
        assert centre.ask('{"do": "commands"}')["ok"][0]["command"]["gateway"] == GATEWAY
        assert "error" in centre.ask('{"do": "lot", "holder": "h-1"}'), "the verb sells, which names who does"


def test_sigterm_ends_it_cleanly(broker: Broker, tmp_path: Path) -> None:
    with program(*flags(broker, tmp_path)) as centre:
        centre.line()
        centre.process.send_signal(signal.SIGTERM)
        assert centre.process.wait(30) == 0


def test_settings_come_from_a_file_with_paths_relative_to_it(broker: Broker, tmp_path: Path) -> None:
    given = {"city": CITY, "store": "here.db", "port": broker.port, "tls": False}
    (tmp_path / "centre.json").write_text(json.dumps(given))
    with program("--config", str(tmp_path / "centre.json")) as centre:
        assert centre.line()["ready"]["store"] == str(tmp_path / "here.db")


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "centre.json").write_text('{"city": "jelgava", "store": "x", "prot": 1883}')
    argv = [sys.executable, "-m", "gateway.centre", "--config", str(tmp_path / "centre.json")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "centre.json" in done.stderr
    assert "`prot`" in done.stderr


@pytest.mark.parametrize("zone", ["Europe/Jelgava", "", "../../etc/passwd", "Europe", "a\0b"])
def test_a_zone_that_is_none_is_named_with_what_one_looks_like(tmp_path: Path, zone: str) -> None:
    (tmp_path / "centre.json").write_text(json.dumps({"city": "jelgava", "store": "x", "zone": zone}))
    with pytest.raises(ConfigurationError) as wrong:
        load(tmp_path / "centre.json")
    assert str(wrong.value) == (
        f"{tmp_path / 'centre.json'}: no such zone: {zone!r} - at `$.zone`. "
        "Write a zone such as Europe/Riga or Europe/Vilnius"
    )


def test_without_a_broker_it_is_ready_and_says_that_it_is_alone(tmp_path: Path) -> None:
    given = {"city": CITY, "store": "here.db", "port": free_port(), "tls": False, "connect_s": 0.2}
    (tmp_path / "centre.json").write_text(json.dumps(given))
    with program("--config", str(tmp_path / "centre.json")) as centre:
        assert centre.line()["ready"]["connected"] is False
        assert centre.ask('{"do": "counts"}')["ok"]["gaps"] == 0


def test_killed_between_store_and_ack_it_knows_the_entries_again(broker: Broker, where: str, tmp_path: Path) -> None:
    # Acks at most once an hour: the first batch is acked at once, the second stored and not acked.
    entries = chain_of(6)
    with ScriptedGateway(broker) as gateway:
        with worker(broker, where, tmp_path, ack_ms=3_600_000) as centre:
            gateway.send(entries[:3])
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 3))
            gateway.send(entries[3:])
            eventually(lambda: len(Query(where).events()) == 6)
            centre.kill()
        assert gateway.acked() == Ack(Stream.RECEIPT, EPOCH, 3)
        with worker(broker, where, tmp_path) as again:
            gateway.send(entries[3:])
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 6))
            assert again.ask('{"do": "counts"}')["ok"]["conflicts"] == 0
    assert [row.seq for row in Query(where).events()] == [1, 2, 3, 4, 5, 6]


def test_killed_at_any_moment_it_never_acks_what_it_has_not_stored(broker: Broker, where: str, tmp_path: Path) -> None:
    entries, rng = chain_of(600), random.Random(7)
    pause = threading.Event()
    with ScriptedGateway(broker) as gateway:
        for _ in range(5):
            with worker(broker, where, tmp_path) as centre:
                for start in range(0, 600, 6):
                    gateway.send(entries[start : start + 6])
                pause.wait(rng.uniform(0.0, 0.15))
                centre.kill()
            told = gateway.acked()
            stored = {row.seq for row in Query(where).events()}
            assert stored >= set(range(1, (told.through if told else 0) + 1))
        with worker(broker, where, tmp_path) as centre:
            gateway.send(entries[:60])
            for start in range(0, 600, 60):
                gateway.send(entries[start : start + 60])
            gateway.wait_ack(Ack(Stream.RECEIPT, EPOCH, 600))
    assert sorted(row.seq for row in Query(where).events()) == list(range(1, 601))
    assert (Query(where).counts().conflicts, Query(where).alarms()) == (0, [])
