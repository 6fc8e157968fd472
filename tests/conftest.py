"""For all tests: on CI the examples that Hypothesis draws are the same at every run, so that a red run is about the
change; at a developer's machine they are new each time, so that what nobody thought of is found. What a file's tests
leave open is told in that file, not wherever the collector happens to run."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# No deadline: no test asserts how fast anything is, and a busy machine is no defect.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("here")
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    yield
    gc.collect()
