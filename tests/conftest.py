"""For all tests: on CI the examples that Hypothesis draws are the same at every run, so that a red run is about the
change; at a developer's machine they are new each time, so that what nobody thought of is found. What a file's tests
leave open is told in that file, not wherever the collector happens to run. And what makes the whole run short: files
that take long begin first, temporary files are in memory, bytecode is kept."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from gateway.cli.demo import ports
from tests.support.memory import keep_temporary_files_in_memory

# No deadline: no test asserts how fast anything is, and a busy machine is no defect.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("here")
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


# Test processes beside each other: each has ports of its own, or two of them could be given the same one before either
# uses it.
PARTS = 8
_part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PARTS
_size = (ports.HIGHEST - ports.LOWEST) // PARTS
ports.LOWEST, ports.HIGHEST = ports.LOWEST + _part * _size, ports.LOWEST + (_part + 1) * _size

keep_temporary_files_in_memory(os.environ)

# Hundreds of processes are started that import the whole gateway: a third of that is compiling, where an image's
# environment says that nothing is kept of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ROOT = Path(__file__).parents[1]
LONGEST_FIRST = [
    "faults/test_quick.py",
    "printing/test_faults.py",
    "printing/test_seams.py",
    "demo/test_sabotage.py",
    "end_to_end/test_kill.py",
    "demo/test_demo.py",
    "cli/test_centre_commands.py",
    "drivers/test_slip.py",
    "end_to_end/test_hand_over.py",
    "printing/test_processes.py",
    "printing/test_mutants.py",
    "ledger/test_recover.py",
]
"""A file is one process's. One that takes long and begins late is alone at the end, and the other cores wait."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    gc.collect()
