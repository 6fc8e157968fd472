"""A damaged file: set aside, everything that proves itself is sent on, what is lost is on record, and service goes
on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.cachefile import CacheFile
from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.mark import read_mark
from gateway.ledger.schema import PAGE_BYTES
from gateway.ledger.verify import verify
from gateway.ledger.wal import frames
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.ledger.cuts import CutDisk, image
from tests.ledger.epochs import sources
from tests.ledger.test_ledger import Counter
from tests.support.clock import FakeClock

GATEWAY = "gw-test"
PAGE = PAGE_BYTES
COUNT = 24


def text(number: int) -> bytes:
    """Some entries are longer than a page: their bodies are chains of overflow pages."""
    return json.dumps({"number": number, "more": "x" * (9000 if number % 7 == 0 else 300)}).encode()


async def make(folder: Path, clock: FakeClock, *, stopped: bool) -> Path:
    """A state folder with 40 receipts, as it is after a clean stop, or as a power cut leaves it (all in the log)."""
    ledger = Ledger(folder / "made" / "ledger.db", GATEWAY, clock)
    ledger.start()
    for number in range(1, COUNT + 1):
        effects = [Counter(number)] if number % 10 == 0 else []
        await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, text(number))], effects)
        if number % 9 == 0:
            await ledger.commit([NewEntry(Stream.AUDIT, EntryKind.STARTED, b'{"version":"1"}')])
    cut = image(folder / "made", folder / "cut")
    await ledger.stop()
    return folder / "made" if stopped else cut


async def recovered(folder: Path, clock: FakeClock) -> tuple[Ledger, dict[int, bytes]]:
    """A started ledger, and all receipts that are still told of, by number of the old epoch."""
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.VOID, b"{}")])
    try:
        ledger.read(Stream.RECEIPT, 0, -1)
    except LedgerError:  # the daemon ends, and systemd starts it again
        await ledger.stop()
        ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
        ledger.start()
    found = {
        e.header.id.seq: e.body or b""
        for source in sources(ledger)
        for e in source.read(Stream.RECEIPT, 0, -1)
        if e.header.kind is EntryKind.RECEIPT
    }
    for body in bodies(ledger, EntryKind.SALVAGED):
        if body["stream"] == "receipt":
            found.setdefault(body["seq"], str(body.get("body", "")).encode())
    return ledger, found


def bodies(ledger: Ledger, kind: EntryKind) -> list[dict[str, Any]]:
    return [json.loads(e.body or b"null") for e in ledger.read(Stream.AUDIT, 0, -1) if e.header.kind is kind]


def dropped(ledger: Ledger) -> set[int]:
    return {
        seq
        for body in bodies(ledger, EntryKind.DROPPED)
        if body["stream"] == "receipt"
        for seq in range(body["first"], body["last"] + 1)
    }


async def check(folder: Path, clock: FakeClock, legible: set[int]) -> Ledger:
    """Whatever was done to the folder: it starts, every legible entry is told as it was, and the rest is on record."""
    ledger, found = await recovered(folder, clock)
    true = {seq for seq, body in found.items() if body == text(seq)}
    assert legible <= true, sorted(legible - true)
    if ledger.older:
        assert set(range(1, COUNT + 1)) - true <= dropped(ledger)
    await ledger.stop()
    again = Ledger(folder / "ledger.db", GATEWAY, clock)
    again.start()
    assert again.repaired == ()
    await again.stop()
    # What rots before the checked point, without the file's structure suffering, is for `verify` to find.
    assert verify(folder / "ledger.db").clean or not ledger.repaired
    assert all(verify(file).clean for file in Names(folder / "ledger.db").all_older())
    return ledger


def used(log: Path) -> int:
    """Bytes of the log up to the end of its last frame: behind it are zeros."""
    return 32 + sum(1 for _ in frames(log, PAGE)) * (PAGE + 24)


def legible(folder: Path) -> set[int]:
    """Numbers whose body still stands in one piece in the file or its log. Only short bodies: they lie on one page."""
    raw = b"".join(file.read_bytes() for file in folder.iterdir() if file.name in ("ledger.db", "ledger.db-wal"))
    return {number for number in range(1, COUNT + 1) if len(text(number)) < 1000 and text(number) in raw}


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
            _mark_unclean(folder)
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


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _garbage(path: Path) -> None:
    path.write_bytes(b"this was a ledger once " * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _first_page(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(bytes(PAGE) + raw[PAGE:])


@pytest.mark.parametrize("harm", [_zeros, _garbage, _empty, _first_page, Path.unlink])
@pytest.mark.parametrize("stopped", [True, False])
async def test_a_file_that_is_none_any_more(
    tmp_path: Path, clock: FakeClock, harm: Callable[[Path], None], stopped: bool
) -> None:
    folder = await make(tmp_path, clock, stopped=stopped)
    harm(folder / "ledger.db")
    ledger = await check(folder, clock, legible(folder))
    if not stopped and harm in (_zeros, _garbage, _first_page):
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
    root = _root(folder / "ledger.db", "receipt")
    raw[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    (folder / "ledger.db").write_bytes(raw)
    _mark_unclean(folder, quietly=True)
    ledger, found = await recovered(folder, clock)
    assert {seq for seq in found if found[seq] == text(seq)} == set(range(1, COUNT + 1))
    assert [c for (c,) in ledger.query("SELECT counter FROM sun_counter ORDER BY counter")] == [10, 20]
    await ledger.stop()


async def test_a_counter_table_that_cannot_be_read_is_said(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    raw = bytearray((folder / "ledger.db").read_bytes())
    for table in ("sun_counter", "audit"):
        root = _root(folder / "ledger.db", table)
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
    _rot(folder / "ledger.db", 3)
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
    _rot(folder / "ledger.db", 3)
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


def _rot(path: Path, number: int) -> None:
    """One byte of an entry's body is another one, in place: as a card does it, also under who has the file open."""
    at = path.read_bytes().index(text(number)) + text(number).index(b"xxx")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"y")


def _root(path: Path, table: str) -> int:
    db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return int(db.execute("SELECT rootpage FROM sqlite_schema WHERE name=?", (table,)).fetchone()[0])
    finally:
        db.close()


def _mark_unclean(folder: Path, *, quietly: bool = False) -> None:
    """As after a kill: the start looks at the whole file. The log stays, as a kill leaves it."""
    path = folder / "ledger.db"
    log = path.with_name("ledger.db-wal")
    if log.exists():
        return
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE meta SET value='0' WHERE key='clean'")
    kept = log.read_bytes()
    held = image(folder, folder.with_name(folder.name + "-held"))
    db.close()
    if not quietly:
        assert kept
    shutil.copy(held / "ledger.db", path)
    shutil.copy(held / "ledger.db-wal", log)
    shutil.rmtree(held)


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
    root = _root(folder / "ledger.db", "bundle")
    with (folder / "ledger.db").open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    ledger, _ = await recovered(folder, clock)
    assert ledger.query("SELECT kind, number, max(highest, number) FROM bundle") == [("rules", 7, 7)]
    await ledger.stop()
