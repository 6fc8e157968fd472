"""For all tests: on CI the examples that Hypothesis draws are the same at every run, so that a red run is about the
change; at a developer's machine they are new each time, so that what nobody thought of is found. What a file's tests
leave open is told in that file, not wherever the collector happens to run."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from gateway.cli.demo import ports

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


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    gc.collect()
