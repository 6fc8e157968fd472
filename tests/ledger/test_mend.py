"""The file of an older epoch is mended: once, whatever is damaged beside it, and wherever a cut comes."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.files import Disk
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.ledger.cuts import CutDisk
from tests.ledger.recovering import COUNT, GATEWAY, PAGE, bodies, dropped, root_of, rot
from tests.ledger.test_older import change, check, make, older_file, receipts, salvaged, started
from tests.support.clock import FakeClock


async def test_a_cut_while_it_is_mended_tells_of_each_once_and_loses_nothing(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    root = root_of(older_file(folder, epoch), "receipt")
    rot(older_file(folder, epoch), 13)
    with older_file(folder, epoch).open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\x55" * PAGE)
    disk = CutDisk(folder, tmp_path / "images")
    disk.armed = True
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock, disk=disk)
    ledger.start()
    disk.armed = False
    outcome = receipts(ledger.older[0]), dropped(ledger), salvaged(ledger)
    assert (outcome[1], set(outcome[2])) == ({13}, {13})
    await ledger.stop()
    moments = set()
    for cut in disk.taken:
        moments.add(tuple(sorted(re_time(file.name) for file in cut.glob("*.db"))))
        again = started(cut, clock)
        assert (receipts(again.older[0]), dropped(again), salvaged(again)) == outcome, cut.name
        assert len(bodies(again, EntryKind.DROPPED)) == len(bodies(again, EntryKind.SALVAGED)) == 1
        await again.stop()
        assert sorted(re_time(file.name) for file in cut.glob("*.db")) == [
            f"ledger-{epoch}.db",
            "ledger.damaged-.db",
            "ledger.db",
        ]
        assert all(verify(file).clean for file in [cut / "ledger.db", older_file(cut, epoch)])
        assert _query(cut / "ledger.db", "SELECT key FROM meta WHERE key GLOB 'mended*'") == []
    assert len(moments) >= 5


def re_time(name: str) -> str:
    head, found, _ = name.partition("damaged-")
    return f"{head}{found}.db" if found else name


def _query(path: Path, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE meta SET value='gw-tesu' WHERE key='gateway'",
        "UPDATE meta SET value='0123456789abcdef' WHERE key='epoch'",
        "DELETE FROM meta WHERE key='clean'",
        "UPDATE stream SET acked=1000 WHERE name='receipt'",
        "UPDATE stream SET name='receipu' WHERE name='receipt'",
        "PRAGMA user_version=66",
        "PRAGMA user_version=0",
    ],
)
async def test_what_the_file_says_of_itself_may_be_rotten_too(tmp_path: Path, clock: FakeClock, sql: str) -> None:
    folder, epoch = await make(tmp_path, clock)
    change(older_file(folder, epoch), sql)
    sent, lost = await check(folder, clock, epoch)
    assert (set(sent), lost) == (set(range(1, COUNT + 1)), set())


async def test_another_gateway_s_file_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    made = older_file(folder, epoch)
    other = tmp_path / "other"
    other.mkdir()
    for file in (made, folder / "ledger.mark"):
        shutil.copy(file, other)
    ledger = Ledger(other / "ledger.db", "gw-other", clock)
    ledger.start()
    assert ledger.older == ()
    assert f"{made.name} cannot be read and is not sent: it belongs to gateway 'gw-test'" in ledger.repaired[-1]
    await ledger.stop()
    assert (other / made.name).read_bytes() == made.read_bytes()


async def test_a_file_that_a_person_has_renamed_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    renamed = older_file(folder, "0123456789abcdef")
    older_file(folder, epoch).rename(renamed)
    whole = renamed.read_bytes()
    ledger = started(folder, clock)
    assert "nothing in it is of the epoch in its name" in ledger.repaired[-1]
    await ledger.stop()
    assert renamed.read_bytes() == whole
    renamed.rename(older_file(folder, epoch))
    sent, _ = await check(folder, clock, epoch)
    assert set(sent) == set(range(1, COUNT + 1))


async def test_the_present_file_may_be_damaged_as_well(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    rot(older_file(folder, epoch), 13)
    with (folder / "ledger.db").open("r+b") as file:
        file.write(bytes(PAGE))
    ledger = started(folder, clock)
    assert [older.number for older in ledger.older] == [1, 2]
    assert receipts(ledger.older[0]).keys() == set(range(1, COUNT + 1)) - {13}
    assert [e.header.kind for e in ledger.older[1].read(Stream.RECEIPT, 0, 10)] == [EntryKind.VOID]
    assert set(salvaged(ledger)) == dropped(ledger) == {13}
    await ledger.stop()
    again = started(folder, clock)
    assert (again.repaired, len(again.older)) == ((), 2)
    await again.stop()


async def test_a_copy_of_an_older_epoch_is_put_in_the_present_s_place_and_that_epoch_s_file_is_damaged(
    tmp_path: Path, clock: FakeClock
) -> None:
    folder, epoch = await make(tmp_path, clock)
    shutil.copy(older_file(folder, epoch), folder / "ledger.db")
    change(folder / "ledger.db", "DELETE FROM receipt WHERE seq > 20")
    change(folder / "ledger.db", "UPDATE stream SET checked=0")
    root = root_of(older_file(folder, epoch), "receipt")
    with older_file(folder, epoch).open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\x55" * PAGE)
    damaged = older_file(folder, epoch).read_bytes()
    sent, _ = await check(folder, clock, epoch)
    assert set(sent) == set(range(1, COUNT + 1))
    assert damaged in [file.read_bytes() for file in folder.glob("ledger.damaged-*.db")]


async def test_what_was_mended_can_be_mended_again(tmp_path: Path, clock: FakeClock) -> None:
    """What follows a range that was lost before still proves itself."""
    folder, epoch = await make(tmp_path, clock)
    rot(older_file(folder, epoch), 13)
    await check(folder, clock, epoch)
    rot(older_file(folder, epoch), 20)
    sent, lost = await check(folder, clock, epoch)
    assert (set(sent), lost) == (set(range(1, COUNT + 1)) - {13, 20}, {13, 20})


async def test_what_retention_took_before_is_not_told_as_lost(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    file = older_file(folder, epoch)
    change(
        file, "UPDATE stream SET floor=4, floor_digest=(SELECT digest FROM receipt WHERE seq=4) WHERE name='receipt'"
    )
    change(file, "DELETE FROM receipt WHERE seq <= 4")
    rot(file, 13)
    ledger = started(folder, clock)
    assert dropped(ledger) == {13}
    assert set(receipts(ledger.older[0])) == set(range(5, COUNT + 1)) - {13}
    await ledger.stop()
    assert verify(file).clean


async def test_a_card_without_room_leaves_it_for_the_next_start(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    rot(older_file(folder, epoch), 13)
    damaged = older_file(folder, epoch).read_bytes()

    class Full(Disk):
        def sync_file(self, path: Path) -> None:
            raise OSError(28, "No space left on device", str(path))

    ledger = Ledger(folder / "ledger.db", GATEWAY, clock, disk=Full())
    ledger.start()
    assert (ledger.older, dropped(ledger)) == ((), set())
    assert "is not sent" in ledger.repaired[0]
    await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.VOID, b"{}")])
    await ledger.stop()
    assert older_file(folder, epoch).read_bytes() == damaged
    sent, lost = await check(folder, clock, epoch)
    assert (set(sent), lost) == (set(range(1, COUNT + 1)) - {13}, {13})
