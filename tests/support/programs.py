"""Programs of the system that some tests need and a developer's machine may lack."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str, package: str) -> str:
    """Path of the program `name`. Without it the test is skipped with a line that names the Debian package;
    where CI=true it fails instead, so that a gate can never be lost in silence."""
    found = shutil.which(name)
    if found is not None:
        return found
    line = f"this test needs the program {name}: apt install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(line)
    pytest.skip(line)
