"""The parts that benches are made of: baselines, the planned reader, what the kernel is asked."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from drivers.contract.reader import Card
from drivers.simulators.relay import RelayBoard
from gateway.cli.demo.children import Child, python
from tests.bench.frame import BenchFailed
from tests.bench.machine import Memory, cpu_s, ends_within, file_system, memory, pss_mb, run_cpu_s
from tests.bench.reader import Notes, Plan, notes_of, write
from tests.bench.stage import until
from tests.bench.wear import card
from tests.support.card import may_not
from tests.support.driver_process import DriverProcess


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Child]:
    child = Child("raw", python("tests.bench.baselines.raw_commit", str(tmp_path / "raw.db")), tmp_path / "raw.log")
    child.start()
    yield child
    child.stop()


def test_raw_commits_are_on_disk_in_the_groups_asked_for(raw: Child, tmp_path: Path) -> None:
    assert raw.ask("groups", sizes=[3, 1, 2], bytes=500) > 0
    db = sqlite3.connect(tmp_path / "raw.db")
    assert db.execute("SELECT count(*), min(length(body)), max(length(body)) FROM entry").fetchone() == (6, 500, 500)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
    assert raw.ask("rows") == 6


def test_raw_rows_are_all_there_and_each_round_adds_its_own(tmp_path: Path) -> None:
    file = tmp_path / "rows.db"
    child = Child("raw-rows", python("tests.bench.baselines.raw_rows", str(file)), tmp_path / "log")
    child.start()
    try:
        assert child.ask("store", entries=1200, body=50) > 0
        assert child.ask("store", entries=10, body=50) > 0
        assert child.ask("rows") == 1210
    finally:
        child.stop()
    db = sqlite3.connect(file)
    assert db.execute("SELECT count(DISTINCT epoch), min(length(body)) FROM entry").fetchone() == (2, 50)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_paced_commits_wait_for_their_moments(raw: Child) -> None:
    last_ns = time.monotonic_ns() + 50_000_000
    assert len(raw.ask("paced", at_ns=[last_ns - 20_000_000, last_ns], bytes=100)) == 2
    assert time.monotonic_ns() > last_ns


def test_the_raw_pulse_opens_the_board(tmp_path: Path) -> None:
    with RelayBoard(link=tmp_path / "relay") as board:
        argv = python("tests.bench.baselines.raw_pulse", str(tmp_path / "relay"))
        child = Child("raw-pulse", argv, tmp_path / "log")
        child.start()
        try:
            (written_ns,) = child.ask("paced", at_ns=[time.monotonic_ns()])
        finally:
            child.stop()
        assert board.wait("opened")["mono_ns"] >= written_ns


def test_the_planned_reader_emits_its_cards_in_order_and_notes_when(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    argv = [sys.executable, "-m", "tests.bench.reader"]
    with DriverProcess("", {"plan": str(file)}, argv) as driver:
        start_ns = time.monotonic_ns() + 20_000_000
        write(file, Plan(1, [start_ns, start_ns + 1_000_000], ["04aa", "04bb"]))
        assert [driver.expect_reading(Card).uid.hex() for _ in range(2)] == ["04aa", "04bb"]
        until(lambda: notes_of(file).exists(), 10, "notes")
        notes = msgspec.json.decode(notes_of(file).read_bytes(), type=Notes)
    assert notes.round == 1
    assert notes.emitted_ns[0] >= start_ns


def test_a_library_that_three_map_counts_a_third_for_each() -> None:
    shared = {"lib": 3_000_000, "alone": 1_000_000}
    process = Memory(own=2_000_000, shared=shared, pss=0)
    others = [Memory(0, {"lib": 9_000_000}, 0), Memory(0, {"lib": 1_000_000}, 0), Memory(0, {}, 0)]
    assert pss_mb(process, others) == 2 + 1 + 1


def test_the_kernel_tells_our_own_memory() -> None:
    ours = memory(os.getpid())
    assert ours.own > 0
    assert any("python" in name or "libc" in name for name in ours.shared)
    assert ours.own <= ours.pss


def test_cpu_time_grows_with_work() -> None:
    before = cpu_s(os.getpid())
    until(lambda: cpu_s(os.getpid()) > before, 10, "some CPU time")


def test_a_program_that_fails_is_not_measured() -> None:
    with pytest.raises(BenchFailed, match="ended with 3: oh dear"):
        run_cpu_s([sys.executable, "-c", "print('oh dear'); raise SystemExit(3)"])


def test_the_end_of_a_process_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert not ends_within(process, 0.05)
        process.stdin.close()
        assert ends_within(process, 10)


def test_the_file_system_of_a_folder_is_told() -> None:
    assert file_system(Path("/proc/self")) == "proc"


def test_what_never_comes_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match="waited 0 s for a miracle"):
        until(lambda: (tmp_path / "miracle").exists(), 0.05, "a miracle")


def test_a_card_counts_what_is_written_to_it(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        may_not("not root")
    with card(tmp_path) as made:
        before = made.written()
        file = made.point / "file"
        with file.open("wb") as opened:
            opened.write(os.urandom(1 << 20))
            opened.flush()
            os.fsync(opened.fileno())
        after = made.written()
        assert os.statvfs(made.point).f_bsize == 4096
    assert 1 << 20 <= after.bytes - before.bytes < 2 << 20
    assert after.flushes > before.flushes
    assert not os.path.ismount(tmp_path / "card")
    assert not os.path.ismount(tmp_path / "memory")


def test_who_may_not_make_a_card_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BenchFailed, match="needs root"), card(tmp_path):
        pass
