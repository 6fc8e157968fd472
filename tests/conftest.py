"""For all tests: on CI the examples that Hypothesis draws are the same at every run, so that a red run is about the
change; at a developer's machine they are new each time, so that what nobody thought of is found."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")
