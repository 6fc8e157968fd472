"""A bench to make sheets on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.firmware_tools.sheets import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
