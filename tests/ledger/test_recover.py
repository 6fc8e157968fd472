"""A damaged file: set aside, everything that proves itself is sent on, what is lost is on record, and service goes
on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.cachefile import CacheFile
from gateway.ledger.ledger import Ledger
from gateway.ledger.mark import read_mark
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError
from tests.ledger.cuts import CutDisk, image
from tests.ledger.epochs import sources
from tests.ledger.recovering import (
    COUNT,
    GATEWAY,
    PAGE,
    bodies,
    check,
    dropped,
    legible,
    make,
    mark_unclean,
    recovered,
    root_of,
    rot,
    text,
    used,
    zeroed,
)
from tests.support.clock import FakeClock


@pytest.mark.timeout(180)  # a start for each page, of which each table of the schema brings some
@pytest.mark.parametrize("stopped", [True, False])
async def test_a_rotten_byte_in_any_page(tmp_path: Path, clock: FakeClock, stopped: bool) -> None:
    made = await make(tmp_path, clock, stopped=stopped)
    for name in ("ledger.db", "ledger.db-wal"):
        if not (made / name).exists():
            continue
        # Behind its last frame the log is zeros: of those a few are tried.
        size = (made / name).stat().st_size if name == "ledger.db" else used(made / name) + 3 * PAGE
        for at in range(0, size, PAGE):
            folder = image(made, tmp_path / f"{name}-{at}")
            mark_unclean(folder)
            raw = bytearray((folder / name).read_bytes())
            spot = at + (at // PAGE * 617) % min(PAGE, size - at)
            raw[spot] ^= 0x20
            (folder / name).write_bytes(raw)
            await check(folder, clock, set())
            shutil.rmtree(folder)


async def test_a_file_cut_off_at_any_page(tmp_path: Path, clock: FakeClock) -> None:
    made = await make(tmp_path, clock, stopped=True)
    size = (made / "ledger.db").stat().st_size
    for length in range(0, size, PAGE):
        folder = image(made, tmp_path / str(length))
        with (folder / "ledger.db").open("r+b") as file:
            file.truncate(length)
        whole = legible(folder)
        # What stands right after an unreadable one is told too; only what has lost its own bytes is gone.
        await check(folder, clock, whole)
        shutil.rmtree(folder)


def _garbage(path: Path) -> None:
    path.write_bytes(b"this was a ledger once " * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _first_page(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(bytes(PAGE) + raw[PAGE:])


@pytest.mark.parametrize("harm", [zeroed, _garbage, _empty, _first_page, Path.unlink])
@pytest.mark.parametrize("stopped", [True, False])
async def test_a_file_that_is_none_any_more(
    tmp_path: Path, clock: FakeClock, harm: Callable[[Path], None], stopped: bool
) -> None:
    folder = await make(tmp_path, clock, stopped=stopped)
    harm(folder / "ledger.db")
    ledger = await check(folder, clock, legible(folder))
    if not stopped and harm in (zeroed, _garbage, _first_page):
        assert ledger.repaired == ()  # the log still had every page of it
    else:
        assert json.loads(_audit(folder, "epoch_began")[0])["alarm"] is True
        assert ledger.repaired


async def test_the_damaged_file_is_kept_as_it_was(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    _first_page(folder / "ledger.db")
    damaged = (folder / "ledger.db").read_bytes()
    await check(folder, clock, legible(folder))
    (aside,) = folder.glob("ledger.damaged-*.db")
    assert aside.read_bytes() == damaged


async def test_counters_come_along_and_what_could_not_be_read_is_named(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    raw = bytearray((folder / "ledger.db").read_bytes())
    root = root_of(folder / "ledger.db", "receipt")
    raw[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    (folder / "ledger.db").write_bytes(raw)
    mark_unclean(folder, quietly=True)
    ledger, found = await recovered(folder, clock)
    assert {seq for seq in found if found[seq] == text(seq)} == set(range(1, COUNT + 1))
    assert [c for (c,) in ledger.query("SELECT counter FROM sun_counter ORDER BY counter")] == [10, 20]
    await ledger.stop()


async def test_a_counter_table_that_cannot_be_read_is_said(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    raw = bytearray((folder / "ledger.db").read_bytes())
    for table in ("sun_counter", "audit"):
        root = root_of(folder / "ledger.db", table)
        raw[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    (folder / "ledger.db").write_bytes(raw)
    ledger, _ = await recovered(folder, clock)
    assert ledger.repaired[-1] == "not read: sun_counter"
    (began,) = bodies(ledger, EntryKind.EPOCH_BEGAN)
    assert began["unread"] == ["sun_counter"]
    await ledger.stop()


async def test_rot_that_shows_when_an_entry_is_to_be_sent(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    assert ledger.repaired == ()
    rot(folder / "ledger.db", 3)
    assert len(ledger.read(Stream.RECEIPT, 3, -1)) == COUNT - 3
    with pytest.raises(LedgerError, match="not the entry that was stored"):
        ledger.read(Stream.RECEIPT, 0, -1)
    assert ledger.damaged
    await ledger.stop()
    ledger, found = await recovered(folder, clock)
    assert {seq for seq, body in found.items() if body == text(seq)} == set(range(1, COUNT + 1)) - {3}
    assert dropped(ledger) == {3}  # its digest still stands, so 4 proves itself
    assert [body["seq"] for body in bodies(ledger, EntryKind.SALVAGED)] == [3]
    await ledger.stop()


async def test_a_start_after_a_clean_stop_sees_rot_in_an_entry(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    rot(folder / "ledger.db", 3)
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    assert "not the entry that was stored" in ledger.repaired[0]
    assert dropped(ledger) == {3}
    await ledger.stop()


async def test_an_ack_beyond_the_end_is_damage(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    db = sqlite3.connect(folder / "ledger.db")
    with db:
        db.execute("UPDATE stream SET acked=1000 WHERE name='receipt'")
    db.close()
    ledger, found = await recovered(folder, clock)
    assert "acked to 1000" in ledger.repaired[0]
    assert {seq for seq, body in found.items() if body == text(seq)} == set(range(1, COUNT + 1))
    await ledger.stop()


@given(raw=st.binary(max_size=300))
def test_a_mark_may_hold_anything(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.mark"
    file.write_bytes(raw)
    assert read_mark(file) is None


async def test_a_cut_while_it_is_put_right_loses_nothing(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    raw = bytearray((folder / "ledger.db-wal").read_bytes())
    raw[32 + 24 + 3000] ^= 1
    (folder / "ledger.db-wal").write_bytes(raw)
    whole = legible(folder)
    disk = CutDisk(folder, tmp_path / "images")
    disk.armed = True
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock, disk=disk)
    ledger.start()
    await ledger.stop()
    assert len(disk.taken) > 10
    for cut in disk.taken:
        ledger = Ledger(cut / "ledger.db", GATEWAY, clock)
        ledger.start()
        found = {
            e.header.id.seq
            for source in sources(ledger)
            for e in source.read(Stream.RECEIPT, 0, -1)
            if e.body == text(e.header.id.seq)
        }
        told = {body["seq"] for body in bodies(ledger, EntryKind.SALVAGED)}
        assert whole <= found | told, cut.name
        assert len(ledger.older) == 1
        await ledger.stop()


def _audit(folder: Path, kind: str) -> list[bytes]:
    db = sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT body FROM audit WHERE kind=?", (kind,))]
    finally:
        db.close()


async def test_bundles_that_cannot_be_read_are_known_from_the_cache_and_never_go_back(
    tmp_path: Path, clock: FakeClock
) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    cache = CacheFile(folder / "cache.db")
    cache.start()
    cache.stop()
    db = sqlite3.connect(folder / "cache.db")
    with db:
        db.execute("INSERT INTO content VALUES ('rules', 7, x'00')")
    db.close()
    root = root_of(folder / "ledger.db", "bundle")
    with (folder / "ledger.db").open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    ledger, _ = await recovered(folder, clock)
    assert ledger.query("SELECT kind, number, max(highest, number) FROM bundle") == [("rules", 7, 7)]
    await ledger.stop()
