"""However a file is damaged, `verify` gives a report or says that it cannot be read: no other error."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.support.clock import FakeClock


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with a few entries of every stream, without its log."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"

    async def fill() -> None:
        ledger = Ledger(path, "gw-test", FakeClock())
        ledger.start()
        for stream in Stream:
            await ledger.commit([NewEntry(stream, EntryKind.STARTED, b"{}") for _ in range(3)])
        await ledger.stop()

    asyncio.run(fill())
    assert verify(path).clean
    return path.read_bytes()


_places = st.lists(st.tuples(st.integers(0, 2**31), st.integers(1, 255)), min_size=1, max_size=8)


@settings(max_examples=300)
@given(_places)
def test_turned_bytes(whole: bytes, tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]) -> None:
    broken = bytearray(whole)
    for place, turned in places:
        broken[place % len(broken)] ^= turned
    path = tmp_path_factory.mktemp("broken") / "ledger.db"
    path.write_bytes(broken)
    look(path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM stream WHERE name='telemetry'",
        "UPDATE stream SET name='telemetrx' WHERE name='telemetry'",
        "DELETE FROM meta WHERE key='epoch'",
        "UPDATE receipt SET boot='somewhere else' WHERE seq=1",
        "DROP TABLE gap",
    ],
)
def test_rows_that_were_never_stored(whole: bytes, tmp_path: Path, change: str) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(whole)
    db = sqlite3.connect(path)
    with db:
        db.execute(change)
    db.close()
    assert not look(path)


def look(path: Path) -> bool:
    """Whether it verifies."""
    try:
        return verify(path).clean
    except LedgerError:
        return False
