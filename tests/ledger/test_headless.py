"""The first page of a file is gone, and with it where its tables are: they are found all the same, or named."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.ledger import schema
from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.pages import Pages
from gateway.ledger.wal import frames
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.ledger.cuts import image
from tests.ledger.epochs import Sql
from tests.ledger.recovering import GATEWAY, bodies, root_of
from tests.ledger.test_ledger import Counter
from tests.ledger.test_migrations import file_of
from tests.support.clock import FakeClock

QUOTES, ANSWERS, COMMANDS = 40, 60, 25
TABLES = ("answer", "anchor", "bundle_past", "command", "grant_open", "quote", "sun_counter")


async def make(folder: Path, clock: FakeClock, *, stopped: bool) -> tuple[Path, dict[str, list[tuple[object, ...]]]]:
    """A state folder with rows in many tables, some longer than a page, after a clean stop or as a power cut leaves it;
    and what the tables hold."""
    ledger = Ledger(folder / "made" / "ledger.db", GATEWAY, clock)
    ledger.start()
    for number in range(QUOTES):
        await ledger.commit(
            [NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b'{"number":%d}' % number)],
            [
                Counter(number),
                Sql(f"INSERT INTO quote VALUES ('q-{number}', 'till', zeroblob({number * 90}), {number})"),
            ],
        )
    many = [f"INSERT INTO answer VALUES ('a-{n}', x'0{n % 10}', 200, zeroblob({n * 40}), {n})" for n in range(ANSWERS)]
    many += [f"INSERT INTO command VALUES ('c-{n}', x'aa', {n})" for n in range(COMMANDS)]
    many += [
        "INSERT INTO anchor VALUES (1, 'boot', 5, 6)",
        "INSERT INTO grant_open VALUES ('e', 7, 'gate', 1, 30, 12, 'tower')",
    ]
    many += ["INSERT INTO bundle_past VALUES (1, 'rules', 2, 'ab', 3, 4, 5, 6, 'applied')"]
    await ledger.commit([], [Sql(*many)])
    held = {table: ledger.query(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
    cut = image(folder / "made", folder / "cut")
    await ledger.stop()
    return (folder / "made" if stopped else cut), held


def blank(path: Path, *pages: int, size: int = schema.PAGE_BYTES) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(bytes(size))


def headless(folder: Path) -> Path:
    """Without its first page, wherever it stands: what the log has is moved into the file before."""
    db = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    blank(folder / "ledger.db", 1)
    return folder


async def held_by(folder: Path, clock: FakeClock) -> tuple[dict[str, list[tuple[object, ...]]], Sequence[str]]:
    """What a start takes over, and what it says that it could not."""
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    assert ledger.repaired
    (began,) = bodies(ledger, EntryKind.EPOCH_BEGAN)
    held = {table: ledger.query(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
    assert not [body for body in bodies(ledger, EntryKind.DROPPED) if body["last"] >= body["first"]]
    await ledger.stop()
    assert Names(folder / "ledger.db").all_building() == []
    return held, began.get("unread", ())


async def test_every_table_is_taken_over_without_the_first_page(tmp_path: Path, clock: FakeClock) -> None:
    made, held = await make(tmp_path, clock, stopped=True)
    assert await held_by(headless(made), clock) == (held, ())


async def test_also_after_the_file_was_written_anew(tmp_path: Path, clock: FakeClock) -> None:
    """As `forget` does."""
    made, held = await make(tmp_path, clock, stopped=True)
    db = sqlite3.connect(made / "ledger.db", isolation_level=None)
    db.execute("VACUUM")
    db.close()
    assert await held_by(headless(made), clock) == (held, ())


async def test_a_table_of_which_a_page_is_gone_too_is_named_and_the_others_are_taken(
    tmp_path: Path, clock: FakeClock
) -> None:
    made, held = await make(tmp_path, clock, stopped=True)
    root = root_of(made / "ledger.db", "answer")
    blank(headless(made) / "ledger.db", root)
    found, unread = await held_by(made, clock)
    assert list(unread) == ["answer"]
    assert found == {**held, "answer": []}


async def test_tables_that_nothing_tells_of_any_more_are_named(tmp_path: Path, clock: FakeClock) -> None:
    made, held = await make(tmp_path, clock, stopped=True)
    with Pages(made / "ledger.db") as pages:
        leaves = [n for n in range(2, pages.count + 1) if b"CREATE TABLE answer" in (pages.page(n) or b"")]
    assert leaves
    blank(headless(made) / "ledger.db", *leaves)
    found, unread = await held_by(made, clock)
    assert "answer" in unread
    assert all(found[table] == ([] if table in unread else held[table]) for table in TABLES if table != "sun_counter")


async def test_what_was_in_the_log_counts_as_far_as_it_was_committed(tmp_path: Path, clock: FakeClock) -> None:
    made, held = await make(tmp_path, clock, stopped=True)
    db = sqlite3.connect(made / "ledger.db", isolation_level=None)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("UPDATE meta SET value='0' WHERE key='clean'")
    db.execute("UPDATE command SET at_ms=at_ms + 1000")
    held["command"] = db.execute("SELECT * FROM command ORDER BY 1").fetchall()
    db.execute("PRAGMA cache_size=1")
    db.execute("BEGIN")
    db.execute("UPDATE answer SET at_ms=at_ms + 1000")  # more than the cache holds: it goes to the log before its time
    cut = image(made, tmp_path / "again")
    db.execute("ROLLBACK")
    db.close()
    blank(cut / "ledger.db", 1)
    with Pages(cut / "ledger.db") as pages:
        last = list(frames(cut / "ledger.db-wal", pages.page_size))[-1]
    assert not last.commit
    assert await held_by(cut, clock) == (held, ())


async def test_a_file_that_an_older_program_made(tmp_path: Path, clock: FakeClock) -> None:
    """Its tables are in another order."""
    path = file_of(1, tmp_path)
    ledger = Ledger(path, "museum-1", clock)
    ledger.start()
    grant = "INSERT INTO grant_open VALUES ('e', 7, 'gate', 1, 30, 12, 'tower')"
    await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")], [Counter(5), Sql(grant)])
    held = [ledger.query(f"SELECT * FROM {table}") for table in (*TABLES, "bundle")]
    await ledger.stop()
    blank(path, 1)
    ledger = Ledger(path, "museum-1", clock)
    ledger.start()
    (began,) = bodies(ledger, EntryKind.EPOCH_BEGAN)
    assert "unread" not in began or not began["unread"]
    assert [ledger.query(f"SELECT * FROM {table}") for table in (*TABLES, "bundle")] == held
    await ledger.stop()


async def test_a_page_that_says_another_place_for_a_table_makes_it_doubtful(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing is taken on a guess, even where one of the two is right."""
    made, _ = await make(tmp_path, clock, stopped=True)
    with Pages(made / "ledger.db") as pages:
        (leaf,) = [n for n in range(2, pages.count + 1) if b"CREATE TABLE quote" in (pages.page(n) or b"")]
        raw = bytearray(pages.page(leaf) or b"")
    root = root_of(made / "ledger.db", "quote")
    at = raw.index(bytes([root]) + b"CREATE TABLE quote")
    raw[at] = root_of(made / "ledger.db", "command")
    headless(made)
    with (made / "ledger.db").open("ab") as file:
        file.write(raw)
    found, unread = await held_by(made, clock)
    assert (list(unread), found["quote"]) == (["quote"], [])


@pytest.mark.parametrize(("size", "found"), [(512, True), (4096, True), (32768, False)])
async def test_pages_of_another_size(tmp_path: Path, clock: FakeClock, size: int, found: bool) -> None:
    """Files that were made before keep theirs. With large pages the whole list of tables is on the first one."""
    path = tmp_path / "made" / "ledger.db"
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA page_size={size}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("VACUUM")
    db.close()
    made, held = await make(tmp_path, clock, stopped=True)
    blank(made / "ledger.db", 1, size=size)
    there, unread = await held_by(made, clock)
    if found:
        # A statement longer than a page runs over into others, where it is not looked for: such a table is named.
        assert (there, set(unread) & set(TABLES)) == (held, set())
    else:
        assert set(TABLES) <= set(unread)
        assert there == {table: [] for table in TABLES}
