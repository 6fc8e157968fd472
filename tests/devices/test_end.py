"""The end of the daemon, kind or not: nothing that it has started is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.devices.guard import SCRIPT
from gateway.model.device import Health
from gateway.model.errors import DeadlineMissed
from tests.devices.conftest import Start, core_limit, descriptors, gone, section

ROOM_S = 3.0
"""For a machine that is busy with other things; promised are 2 s."""
PAUSE = threading.Event()
"""Never set: what polling loops wait on between two looks."""


class Daemon:
    """The daemon for tests, in a process group of its own, with its whole tree."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.devices.daemon_for_tests"],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.tree: list[int] = json.loads(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
        for pid in self.tree:
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.close()


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Those that are left after so long at most."""
    until = time.monotonic() + seconds
    left = pids
    while left and time.monotonic() < until:
        PAUSE.wait(0.02)
        left = [pid for pid in left if not gone(pid)]
    return left


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def guards(pid: int) -> list[int]:
    """The guard of this daemon."""
    return [child for child in children(pid) if "while read" in name(child)]


@pytest.mark.parametrize("group", [False, True], ids=["daemon", "its whole group"])
def test_kill_9_of_the_daemon_leaves_nothing_of_the_tree(daemon: Daemon, group: bool) -> None:

    assert len(daemon.tree) >= 6
    if group:
        os.killpg(daemon.process.pid, signal.SIGKILL)
    else:
        daemon.process.kill()
    assert wait_gone(daemon.tree, 2 + ROOM_S) == []


def test_without_the_guard_the_hung_ones_would_stay(daemon: Daemon) -> None:
    """Shows that the test above can fail: only the guard ends what hangs."""
    [guard] = guards(daemon.process.pid)
    os.kill(daemon.process.pid, signal.SIGSTOP)  # it would start another guard
    os.kill(guard, signal.SIGKILL)
    daemon.process.kill()
    assert wait_gone(daemon.tree, 2) != []


def test_a_guard_that_was_killed_is_replaced_and_knows_the_groups(daemon: Daemon) -> None:
    [guard] = guards(daemon.process.pid)
    os.kill(guard, signal.SIGKILL)
    assert wait_gone([guard], 5) == []
    until = time.monotonic() + 20
    while not (new := guards(daemon.process.pid)) and time.monotonic() < until:
        PAUSE.wait(0.02)
    assert len(new) == 1
    daemon.process.kill()
    assert wait_gone([*daemon.tree, *new], 2 + ROOM_S) == []


def test_a_daemon_that_stops_properly_leaves_nothing_and_is_quick(daemon: Daemon) -> None:
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(10) == 0
    assert time.monotonic() - began < 2 + ROOM_S
    assert wait_gone(daemon.tree, 1) == []


async def test_stopping_takes_a_second_and_a_half_at_most_however_many_hang(start: Start) -> None:
    hanging = [section("hangs", id=f"dev-{n}") for n in range(4)]
    place = await start(*hanging, section("reader"))
    await place.until(lambda: all(h.health is Health.READY for h in place.devices.health()))
    pids = [place.pid(health.device) for health in place.devices.health()]
    began = time.monotonic()
    await place.devices.stop()
    assert time.monotonic() - began < 1.5 + ROOM_S / 2
    assert wait_gone(pids, 0.5) == []
    assert {health.health for health in place.devices.health()} == {Health.STOPPED}


async def test_stopping_ends_calls_under_way(start: Start) -> None:
    place = await start(section("relay"))
    await place.ready("dev-relay")
    call = asyncio.ensure_future(place.devices.pulse("dev-relay", 9, 100, deadline_ms=30_000))
    await asyncio.sleep(0)
    await place.devices.stop()
    with pytest.raises(DeadlineMissed):
        await asyncio.wait_for(call, 1)


async def test_devices_can_be_started_again_after_a_stop(start: Start) -> None:
    place = await start(section("reader"))
    await place.ready("dev-reader")
    await place.devices.stop()
    await place.devices.start()
    await place.ready("dev-reader")


async def test_what_a_killed_driver_had_started_ends_with_it(start: Start) -> None:
    place = await start(section("relay", {"grandchild": True}))
    await place.ready("dev-relay")
    grandchild = int(place.of("dev-relay").detail["grandchild"])
    assert not gone(grandchild)
    os.kill(place.pid("dev-relay"), signal.SIGKILL)
    await place.until(lambda: gone(grandchild))


async def test_a_driver_holds_nothing_of_the_daemons(start: Start) -> None:
    place = await start(section("reader"), section("hangs"), section("relay"))
    await place.ready("dev-reader", "dev-hangs", "dev-relay")
    [guard] = guards(os.getpid())
    fed_by = descriptors(guard)[0]
    assert set(descriptors(guard)) == {0, 1, 2}
    for health in place.devices.health():
        assert health.pid is not None
        assert fed_by not in descriptors(health.pid).values()
    hung = place.pid("dev-hangs")
    assert set(descriptors(hung)) == {0, 1, 2}
    assert os.getsid(hung) == hung
    assert os.getsid(guard) == guard
    assert core_limit(hung) == ["1", "1"]


SHELLS = [shell for shell in ("/bin/sh", "/bin/bash", "/bin/dash", "/bin/busybox") if Path(shell).exists()]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_guard_kills_what_was_added_and_not_deleted(shell: str) -> None:
    hung = [
        subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 60; done"], start_new_session=True)
        for _ in range(4)
    ]
    lines = [f"add {child.pid}" for child in hung]
    lines += [f"del {hung[1].pid}", f"del {hung[1].pid}", "del 7", "nonsense", "", f"del {hung[3].pid}"]
    lines += [f"add {hung[3].pid}", "del"]
    argv = [shell, "sh"] if shell.endswith("busybox") else [shell]
    guard = subprocess.Popen([*argv, "-c", SCRIPT], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert ready(guard.pid)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            guard.send_signal(number)
        began = time.monotonic()
        guard.communicate("\n".join(lines).encode() + b"\n", timeout=20)
        assert guard.returncode is not None
        assert time.monotonic() - began > 0.9
        assert wait_gone([hung[0].pid, hung[2].pid, hung[3].pid], 5) == []
        assert not gone(hung[1].pid)
    finally:
        for child in hung:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def ready(pid: int) -> bool:
    """Whether the guard has set its traps: SIGTERM is in its mask of ignored signals (proc(5))."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        status = Path(f"/proc/{pid}/status").read_text()
        ignored = int(status.split("SigIgn:")[1].split()[0], 16)
        if ignored >> (signal.SIGTERM - 1) & 1 and ignored >> (signal.SIGUSR2 - 1) & 1:
            return True
    return False


def test_a_guard_with_nothing_to_do_ends_at_once() -> None:
    began = time.monotonic()
    subprocess.run(["/bin/sh", "-c", SCRIPT], input=b"add 4000000\ndel 4000000\n", check=True, timeout=20)
    assert time.monotonic() - began < 0.9
