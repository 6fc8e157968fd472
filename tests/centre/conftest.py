"""Every test of the store runs on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run."""
    with postgres() as running:
        yield running


@pytest.fixture
def city(server: Postgres) -> Iterator[str]:
    """URL of an empty PostgreSQL database."""
    with server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store: a file, then a database of PostgreSQL."""
    return str(tmp_path / "centre.db") if request.param == "sqlite" else str(request.getfixturevalue("city"))
