"""A place in a temporary folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.place import Place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    started = Place(tmp_path).start()
    yield started
    await started.stop()
