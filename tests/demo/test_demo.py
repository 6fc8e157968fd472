"""`smartplace demo` as a person runs it: the morning, the count, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.demo import demo
from gateway.cli.demo.stage import Stage
from gateway.cli.demo.watch import look_inside
from gateway.model.errors import GatewayError
from tests.demo.conftest import Play
from tests.demo.tree import pause
from tests.support.programs import require_program

FIGURES = [
    "readings",
    "identifications",
    "admissions",
    "receipts",
    "recorded",
    "acked",
    "lost",
    "duplicates",
    "seconds",
]
LEFT_S = 3.0 + 2.0
"""Promised are three seconds after a kill -9; the rest is room for a busy machine."""


def broker_of(name: str) -> str:
    """The broker's option; the test is skipped without its program."""
    if name == "mosquitto" and not Path("/usr/sbin/mosquitto").exists():
        require_program("mosquitto", "mosquitto")
    return name


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder that both mornings share, the second one finds the first one's records."""
    return tmp_path_factory.mktemp("kept")


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_morning_loses_nothing_and_does_nothing_twice(broker: str, kept: Path, play: Play) -> None:
    tree = play("--once", "--json", "--port", "0", "--broker", broker_of(broker), "--state", str(kept))
    code = tree.end(120)
    said = tree.err.read_text(encoding="utf-8")
    assert code == 0, said
    [line] = tree.out.read_text(encoding="utf-8").splitlines()
    figures = json.loads(line)
    assert list(figures) == FIGURES
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    # The script: 10 at the desk, 3 at the till, a refusal at the gate; 6 grants, one of them for six; 3 sales.
    assert (figures["identifications"], figures["admissions"], figures["receipts"]) == (14, 6, 3), said
    assert figures["readings"] == figures["identifications"] + figures["admissions"]
    assert figures["recorded"] == figures["acked"] > figures["readings"]
    assert figures["seconds"] < 120
    assert tree.left(1.0) == {}


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_after_the_morning_the_stations_stay_open_until_ctrl_c_which_counts(play: Play) -> None:
    tree = play("--json", "--port", "0")
    tree.until_says("stay open", 100)
    tree.until_says("Anna at the desk", 30)
    [address] = re.findall(r"know ErpNet.FP: (http://\S+)/printers", tree.err.read_text(encoding="utf-8"))
    client = [sys.executable, "-I", "tests/end_to_end/netfp_client.py", address]
    assert subprocess.run(client, timeout=60, check=False).returncode == 0, "a program that knows ErpNet.FP only"
    tree.process.send_signal(signal.SIGINT)
    assert tree.end() == 0, tree.err.read_text(encoding="utf-8")
    figures = json.loads(tree.out.read_text(encoding="utf-8"))
    assert (figures["lost"], figures["duplicates"], figures["recorded"]) == (0, 0, figures["acked"])
    assert tree.left(1.0) == {}
    assert not list(tree.out.parent.glob("smartplace-*")), "the work folder is left"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_morning_that_is_broken_off_leaves_nothing_behind(number: signal.Signals, play: Play) -> None:
    tree = play("--once", "--json", "--port", "0")
    tree.until_says("The library opens")
    assert len(tree.pids()) > 10
    tree.process.send_signal(number)
    assert tree.end() == 130
    assert tree.left(0.5) == {}
    assert tree.out.read_text(encoding="utf-8") == ""
    assert not list(tree.out.parent.glob("smartplace-*")), "the work folder is left"


def test_every_device_is_well_wherever_the_machine_stands(play: Play) -> None:
    tree = play("--once", "--port", "0", TZ="Pacific/Auckland")
    tree.until_says("The library opens")
    [folder] = tree.out.parent.glob("smartplace-*")
    devices = look_inside(folder / "state" / "api.sock", "/v1/devices")["devices"]
    assert {device["device"]: device.get("code", "") for device in devices if device.get("code")} == {}
    assert "till-printer" in {device["device"] for device in devices}
    tree.process.send_signal(signal.SIGINT)
    assert tree.end() == 130
    [paper] = [device for device in devices if device["device"] == "till-printer"]
    assert paper["health"] == "ready"


def test_ctrl_c_while_the_stage_is_being_set_leaves_nothing_behind(play: Play) -> None:
    tree = play("--once", "--port", "0")
    while len(tree.pids()) < 5:
        pause()
    tree.process.send_signal(signal.SIGINT)
    assert tree.end() == 130
    assert tree.left(0.5) == {}


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_kill_9_of_the_launcher_leaves_nothing_behind(broker: str, play: Play) -> None:
    tree = play("--once", "--port", "0", "--broker", broker_of(broker))
    tree.until_says("The library opens")
    assert len(tree.pids()) > 10
    tree.process.kill()
    assert tree.left(LEFT_S) == {}


def test_kill_9_of_the_launcher_ends_those_too_that_hang(play: Play) -> None:
    tree = play("--once", "--port", "0")
    tree.until_says("The library opens")
    hung = [pid for pid, line in tree.pids().items() if "simulators" in line or "demo.broker" in line]
    assert len(hung) == 7
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    tree.process.kill()
    assert tree.left(LEFT_S) == {}


def test_a_port_that_is_in_use_is_said_before_anything_starts(play: Play) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        tree = play("--once", "--port", port)
        assert tree.end() == 1
    said = tree.err.read_text(encoding="utf-8")
    assert f"error: port {port} is in use" in said
    assert "--port" in said


def test_a_folder_that_is_too_deep_for_a_socket_is_said(play: Play, tmp_path: Path) -> None:
    tree = play("--once", "--port", "0", "--state", str(tmp_path / ("x" * 100)))
    assert tree.end() == 9
    assert "too long" in tree.err.read_text(encoding="utf-8")


def test_without_mosquitto_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(GatewayError, match="apt install mosquitto; or use --broker embedded"):
        Stage(broker="mosquitto", port=0, state=None, gateway_program=None).play(once=True, as_json=False)


def test_without_its_packages_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "amqtt" else name)
    with pytest.raises(GatewayError, match=r"further packages: amqtt.*smartplace-gateway\[demo\]"):
        Stage(broker="embedded", port=0, state=None, gateway_program=None).play(once=True, as_json=False)


def test_the_help_names_no_test_option() -> None:
    hidden = [option.name for option in demo.params if getattr(option, "hidden", False)]
    assert hidden == ["gateway_program"]
