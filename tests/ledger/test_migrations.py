"""Files of every earlier schema come through to the present one, whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.ledger import migrations, schema
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.support.clock import FakeClock

DATA = Path(__file__).parent.parent / "data"
VERSIONS = range(1, schema.SCHEMA)


def file_of(version: int, folder: Path) -> Path:
    """A ledger that the program of this schema wrote: three receipts, two audit entries, rows in its state tables."""
    path = folder / "ledger.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript((DATA / f"ledger-schema-{version}.sql").read_text(encoding="utf-8"))
    db.close()
    return path


def tables(path: Path) -> dict[str, str]:
    db = sqlite3.connect(path)
    found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type='table'").fetchall())
    db.close()
    return found


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_file_is_brought_here_and_goes_on(version: int, tmp_path: Path) -> None:
    path = file_of(version, tmp_path)
    ledger = Ledger(path, "museum-1", FakeClock())
    ledger.start()
    (stored,) = await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")])
    await ledger.stop()
    assert stored.seq == 4
    report = verify(path)
    assert (report.clean, report.schema) == (True, schema.SCHEMA)
    assert {s.stream: s.last for s in report.streams if s.last} == {Stream.RECEIPT: 4, Stream.AUDIT: 2}
    db = sqlite3.connect(path)
    assert db.execute("SELECT kind, number FROM bundle").fetchall() == [("rules", 7)]
    assert db.execute("SELECT acked FROM stream WHERE name='receipt'").fetchone() == (2,)
    db.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_older_file_ends_with_the_tables_of_a_new_one(version: int, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    for path in (file_of(version, old), new / "ledger.db"):
        ledger = Ledger(path, "museum-1", FakeClock())
        ledger.start()
        await ledger.stop()
    assert tables(old / "ledger.db") == tables(new / "ledger.db")


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(1, tmp_path)
    monkeypatch.setitem(migrations.STEPS, 1, ("CREATE TABLE fine (a)", "no SQL at all"))
    db = schema.connect(path)
    with pytest.raises(sqlite3.OperationalError):
        schema.prepare(db, path)
    assert schema.schema_of(db) == 1
    assert db.execute("SELECT 1 FROM sqlite_master WHERE name='fine'").fetchone() is None
    db.close()
