"""The fault suite in short, and that its counters can rise. `make faults` runs it at length (docs/faults.md)."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.cli.demo.children import python
from tests.faults.frame import Scale, Shown, line, prefix
from tests.faults.needs import missing, program
from tests.faults.rows import FAULTS
from tests.faults.runner import run

FOLDER = Path("/var/tmp")  # noqa: S108 (a folder of random name is made in it)
SIDE_BY_SIDE = 3
"""Most of a row is waiting."""
STRIKES = 3
ELSEWHERE = ("house-killed", "printer-driver", "cut-at-sync", "quota-sync", "quota-black-hole")
"""The first two are tests of tests/end_to_end already, the next two are `kill-at-sync` with `power-cut` and with
`quota-kill` in one, the last is `quota-deaf` with a long silence."""
NAMES = [name for name, fault in FAULTS.items() if fault.run is not None and name not in ELSEWHERE]
PROGRAM = str(Path(__file__).with_name("broken_gateway.py"))
SABOTAGE = {
    "too_early": "kill",
    "not_synchronised": "power-cut",
    "book_twice": "kill",
    "give_again": "quota-kill",
    "keep_leases": "quota-older",
}
"""Broken promise → the row that shows it."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def play(name: str, *instead: str) -> Shown:
    said: list[str] = []
    return run(FAULTS[name], FOLDER, Scale.QUICK, random.Random(os.urandom(8)), said.append, instead)


def until_found(name: str, *instead: str) -> Shown:
    """A row strikes by chance, and a broken promise need not show at the first strike."""
    for _ in range(STRIKES - 1):
        if not (row := play(name, *instead)).good:
            return row
    return play(name, *instead)


def skip_without(name: str) -> None:
    if why := missing(FAULTS[name]):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} {why}")
        pytest.skip(f"{name} {why}")


@pytest.fixture(scope="module")
def shown() -> Iterator[dict[str, Future[Shown]]]:
    """Every row, and each broken promise, some of them side by side; and nothing of them is left."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        rows = {name: pool.submit(play, name) for name in NAMES if not missing(FAULTS[name])}
        for broken, name in SABOTAGE.items():
            if not missing(FAULTS[name]):
                rows[broken] = pool.submit(until_found, name, PROGRAM, broken)
        yield rows
    assert left() == []


def left() -> list[str]:
    """Mounts, loop devices and processes that bear the name of one of our rows' folders."""
    said = Path("/proc/mounts").read_text().splitlines()
    if loops := program("losetup"):
        said += subprocess.run([loops, "-a"], capture_output=True, text=True, check=True).stdout.splitlines()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # It ended meanwhile.
    return [each for each in said if f"/{prefix()}" in each]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_and_nothing_is_done_twice(name: str, shown: dict[str, Future[Shown]]) -> None:
    skip_without(name)
    row = shown[name].result()
    assert row.good, line(row)


@pytest.mark.parametrize(("broken", "name"), SABOTAGE.items())
def test_a_gateway_that_breaks_a_promise_is_found_out(broken: str, name: str, shown: dict[str, Future[Shown]]) -> None:
    skip_without(name)
    row = shown[broken].result()
    assert not row.good
    if row.tally is not None:
        assert row.tally.lost or row.tally.duplicates, line(row)


def test_a_quota_that_is_overspent_is_named(shown: dict[str, Future[Shown]]) -> None:
    skip_without(SABOTAGE["give_again"])
    row = shown["give_again"].result()
    assert row.tally is not None, line(row)
    assert any(said.startswith("overspent: ") and "budget" in said for said in row.tally.duplicates), line(row)


def test_the_program_runs_one_row_and_writes_it_down(tmp_path: Path) -> None:
    skip_without("reset")
    argv = [*python("tests.faults", "--quick", "--json", str(tmp_path / "faults.json"), "reset")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"lost": 0' in (tmp_path / "faults.json").read_text()
