"""The daemon as the system sees it: sockets, words to systemd, its end."""

from __future__ import annotations

import itertools
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.demo.acts import DESK, GATE
from gateway.cli.demo.children import python
from gateway.cli.demo.watch import ask
from gateway.model.entry import EntryKind
from tests.end_to_end.conftest import NewHouse
from tests.end_to_end.house import House, environment, left, until

STOP_S = 2.0 + 2.0
"""Promised are two seconds; the rest is room for a busy machine."""


# Sockets -------------------------------------------------------------------------------------------------


def sockets_of(pids: list[int]) -> dict[str, int]:
    """Inodes of the sockets that these processes hold, each with its process."""
    found = {}
    for pid in pids:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            try:
                name = os.readlink(file)
            except FileNotFoundError:
                continue
            if name.startswith("socket:["):
                found[name[8:-1]] = pid
    return found


def listeners(pids: list[int]) -> set[str]:
    """Where these processes listen, or receive datagrams from the network (proc(5), net)."""
    held = sockets_of(pids)
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            listens = fields[3] == "0A" or not name.startswith("tcp")
            if listens and fields[9] in held:
                address, port = fields[1].split(":")
                found.add(f"{name} {address} {int(port, 16)}")
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[3], 16) & 0x10000 and fields[6] in held:  # __SO_ACCEPTCON
            found.add(f"unix {fields[7] if len(fields) > 7 else ''}")
    return found


def test_it_listens_on_loopback_and_on_its_unix_socket_only(house: House) -> None:
    house.acts.tap(DESK, "anna", "accepted", "")
    ports = (house.rig.port, house.rig.ports["netfp"])
    assert listeners(house.tree()) == {*(f"tcp 0100007F {port}" for port in ports), f"unix {house.rig.socket}"}


def test_a_listener_elsewhere_would_be_seen() -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:  # noqa: S104 (this is what is looked for)
        assert f"tcp 00000000 {everywhere.getsockname()[1]}" in listeners([os.getpid()])


# systemd -------------------------------------------------------------------------------------------------


class Systemd:
    """The socket that systemd would listen on."""

    def __init__(self, path: Path) -> None:
        self.channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.channel.bind(str(path))
        self.heard: list[tuple[float, str]] = []

    def listen(self, text: str, timeout: float = 30.0) -> float:
        """Until this assignment comes; when it came."""
        deadline = time.monotonic() + timeout
        while True:
            assert select.select([self.channel], [], [], max(0.0, deadline - time.monotonic()))[0], (text, self.heard)
            now = time.monotonic()
            lines = self.channel.recv(4096).decode().split("\n")
            self.heard += [(now, line) for line in lines]
            if text in lines:
                return now


@contextmanager
def systemd(house: House, watchdog_ms: int = 0) -> Iterator[Systemd]:
    path = house.town.folder / "notify"
    listening = Systemd(path)
    more = {"WATCHDOG_USEC": str(watchdog_ms * 1000)} if watchdog_ms else {}
    with environment(NOTIFY_SOCKET=str(path), **more), listening.channel:
        yield listening


def test_systemd_hears_ready_the_watchdog_and_stopping(new_house: NewHouse) -> None:
    house = new_house()
    house.rig.prepare()
    house.rig.start_devices()
    with systemd(house, watchdog_ms=600) as heard:
        house.rig.start_gateway()
        heard.listen("READY=1")
        # Ready means that it answers and that its drivers are spawned.
        assert ask(house.rig.port, "GET", "/v1/health")[0] == 200
        assert all(device["pid"] for device in house.rig.devices().values())
        assert "STATUS=serving 3 stations" in [line for _, line in heard.heard]
        pings = [heard.listen("WATCHDOG=1", 5) for _ in range(5)]
        assert max(late - early for early, late in itertools.pairwise(pings)) < 0.6, "half the time is usual"
        began = time.monotonic()
        os.kill(house.gateway, signal.SIGTERM)
        assert heard.listen("STOPPING=1", 5) - began < 1.0
        assert house.rig.children["gateway"].process.wait(STOP_S) == 0
    assert not [line for _, line in heard.heard if line.startswith("READY=1")][1:]


def test_a_gateway_that_hangs_stops_its_pings(house: House) -> None:
    """A ping proves that the loop runs: a stopped process, as a hung loop, sends none."""
    assert house.rig.stop_gateway() == 0
    with systemd(house, watchdog_ms=300) as heard:
        house.rig.start_gateway()
        heard.listen("WATCHDOG=1")
        os.kill(house.gateway, signal.SIGSTOP)
        while select.select([heard.channel], [], [], 0.05)[0]:
            heard.channel.recv(4096)
        assert not select.select([heard.channel], [], [], 0.6)[0]
        os.kill(house.gateway, signal.SIGCONT)
        heard.listen("WATCHDOG=1")


# End -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_two_seconds_and_leaves_nothing(number: signal.Signals, house: House) -> None:
    house.acts.people_walk_through(False)
    house.acts.tap(GATE, "anna", "open", "")  # and nobody passes: the gate still waits
    tree = house.tree()
    began = time.monotonic()
    os.kill(house.gateway, number)
    assert house.rig.children["gateway"].process.wait(STOP_S) == 0
    assert time.monotonic() - began < STOP_S
    assert left(tree, 1.0) == []
    assert house.verify().clean
    assert house.query("SELECT value FROM meta WHERE key='clean'") == [("1",)]


def test_hung_drivers_do_not_keep_it_from_stopping(house: House) -> None:
    tree = house.tree()
    for pid in house.rig.pids().values():
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    os.kill(house.gateway, signal.SIGTERM)
    assert house.rig.children["gateway"].process.wait(STOP_S + 1) == 0
    assert time.monotonic() - began < STOP_S
    assert left(tree, 1.0) == []


def test_a_clean_stop_and_start_repairs_nothing(house: House) -> None:
    house.acts.tap(DESK, "anna", "accepted", "")
    assert house.rig.stop_gateway() == 0
    house.rig.start_gateway()
    house.rig.wait_ready()
    until(lambda: len(started(house)) == 2, "the second start")
    assert all("repaired" not in body for body in started(house))
    house.rig.kill("gateway")
    house.rig.start_gateway()
    until(lambda: len(started(house)) == 3, "the third start")
    assert started(house)[2]["repaired"]


def started(house: House) -> list[dict[str, object]]:
    return house.bodies(EntryKind.STARTED)


def run_another(house: House) -> subprocess.CompletedProcess[str]:
    argv = python("gateway", "run", "--config", str(house.town.config))
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env=dict(os.environ))


def test_a_second_gateway_on_the_same_folder_is_refused_and_the_first_goes_on(house: House) -> None:
    done = run_another(house)
    assert done.returncode == 9
    assert "another gateway runs" in done.stderr
    house.acts.tap(DESK, "anna", "accepted", "")


def test_a_port_that_is_taken_ends_it_with_advice_and_without_a_trace(new_house: NewHouse) -> None:
    house = new_house()
    house.rig.prepare()
    with socket.create_server(("127.0.0.1", house.rig.port)):
        done = run_another(house)
    assert done.returncode == 9
    assert f"port {house.rig.port} cannot be had" in done.stderr
    assert "Traceback" not in done.stderr
