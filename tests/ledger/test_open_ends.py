"""Where a stream ended is known, or it is said that nobody knows: nothing is lost in silence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway.ledger.ledger import Ledger
from gateway.ledger.mark import read_mark
from gateway.model.entry import EntryKind, Stream
from tests.ledger.recovering import COUNT, PAGE, bodies, dropped, make, recovered
from tests.support.clock import FakeClock


def open_ended(ledger: Ledger) -> dict[str, tuple[int, int]]:
    """Streams that may have had more entries than anybody knows of: what is named of them."""
    told = [body for body in bodies(ledger, EntryKind.DROPPED) if body.get("open")]
    assert all(body["alarm"] for body in told)
    assert len({body["stream"] for body in told}) == len(told)
    return {body["stream"]: (body["first"], body["last"]) for body in told}


async def test_what_was_stored_after_the_mark_and_is_gone_is_named_with_an_open_end(
    tmp_path: Path, clock: FakeClock
) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    db = sqlite3.connect(folder / "ledger.db")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    mark = read_mark(folder / "ledger.mark")
    assert mark is not None
    assert not mark.end
    assert mark.streams[Stream.RECEIPT].seq == 0  # it knows of none of them
    with (folder / "ledger.db").open("r+b") as file:
        file.truncate(2 * PAGE)
    ledger, found = await recovered(folder, clock)
    assert not found
    assert open_ended(ledger) == dict.fromkeys(Stream, (1, 0))
    assert any("may be missing" in said for said in ledger.repaired)
    await ledger.stop()


async def test_the_mark_of_a_clean_stop_knows_the_end(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    (folder / "ledger.db").write_bytes(b"")
    ledger, _ = await recovered(folder, clock)
    assert dropped(ledger) == set(range(1, COUNT + 1))
    assert not open_ended(ledger)
    await ledger.stop()


async def test_a_table_that_is_whole_ends_where_it_ends(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    db = sqlite3.connect(folder / "ledger.db")
    root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name='sun_counter'").fetchone()[0]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with (folder / "ledger.db").open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\x55" * PAGE)
    ledger, found = await recovered(folder, clock)
    assert set(found) == set(range(1, COUNT + 1))
    assert not dropped(ledger)
    assert not open_ended(ledger)
    await ledger.stop()


async def test_a_log_that_is_gone_is_named_with_an_open_end(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    db = sqlite3.connect(folder / "ledger.db")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    (folder / "ledger.db-wal").unlink(missing_ok=True)
    ledger, found = await recovered(folder, clock)
    assert set(found) == set(range(1, COUNT + 1))
    assert open_ended(ledger)["receipt"] == (COUNT + 1, COUNT)
    await ledger.stop()
