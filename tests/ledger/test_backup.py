"""A backup is one moment of the ledger; restoring it never gives a number twice and loses nothing that is there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.backup import back_up, listed_backups, restore
from gateway.ledger.files import Disk, Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import InputRefused, NotFound
from tests.ledger.epochs import sources
from tests.ledger.test_ledger import Counter
from tests.support.clock import FakeClock

GATEWAY = "gw-test"


def entry(text: str) -> NewEntry:
    return NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, f'"{text}"'.encode())


async def lived(path: Path, clock: FakeClock, backup: Path) -> str:
    """Two receipts, a backup, two more. Returns the epoch."""
    ledger = Ledger(path, GATEWAY, clock)
    ledger.start()
    await ledger.commit([entry("one"), entry("two")], [Counter(2)])
    back_up(Names(path), backup, Disk())
    await ledger.commit([entry("three"), entry("four")], [Counter(4)])
    await ledger.stop()
    return ledger.epoch


async def after(path: Path, clock: FakeClock) -> tuple[Ledger, list[str]]:
    ledger = Ledger(path, GATEWAY, clock)
    ledger.start()
    entries = [entry for source in sources(ledger) for entry in source.read(Stream.RECEIPT, 0, -1)]
    return ledger, [(entry.body or b"").decode().strip('"') for entry in entries]


async def test_a_backup_of_a_running_ledger_is_whole(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    epoch = await lived(path, clock, tmp_path / "b.db")
    report = verify(tmp_path / "b.db")
    assert (report.clean, report.epoch) == (True, epoch)
    assert {s.stream: s.last for s in report.streams}[Stream.RECEIPT] == 2
    assert os.stat(tmp_path / "b.db").st_mode & 0o777 == 0o600
    assert listed_backups(Names(path)) == ([tmp_path / "b.db"], [])
    with pytest.raises(InputRefused, match="there already"):
        back_up(Names(path), tmp_path / "b.db", Disk())


async def test_on_a_new_card_it_is_a_new_epoch(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    epoch = await lived(path, clock, tmp_path / "b.db")
    new = tmp_path / "new" / "ledger.db"
    told = restore(Names(new), GATEWAY, tmp_path / "b.db", clock.stamp(), Disk())
    assert "was restored" in told[0]
    ledger, found = await after(new, clock)
    assert found == ["one", "two"]
    assert (ledger.epoch != epoch, [older.epoch for older in ledger.older]) == (True, [epoch])
    assert ledger.query("SELECT counter FROM sun_counter") == [(2,)]
    assert ledger.repaired == ()
    await ledger.stop()


async def test_over_a_ledger_that_is_there_nothing_of_it_is_lost(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    epoch = await lived(path, clock, tmp_path / "b.db")
    restore(Names(path), GATEWAY, tmp_path / "b.db", clock.stamp(), Disk())
    ledger, found = await after(path, clock)
    assert found == ["one", "two", "three", "four"]
    assert [older.epoch for older in ledger.older] == [epoch]
    assert ledger.query("SELECT counter FROM sun_counter ORDER BY counter") == [(2,), (4,)]
    await ledger.stop()
    assert len(list(Names(path).all_aside())) == 1


async def test_over_a_new_ledger_both_epochs_are_sent(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    epoch = await lived(path, clock, tmp_path / "b.db")
    new = tmp_path / "new" / "ledger.db"
    ledger, _ = await after(new, clock)
    await ledger.commit([entry("five")])
    fresh = ledger.epoch
    await ledger.stop()
    restore(Names(new), GATEWAY, tmp_path / "b.db", clock.stamp(), Disk())
    ledger, found = await after(new, clock)
    assert sorted(found) == ["five", "one", "two"]
    assert {older.epoch for older in ledger.older} == {epoch, fresh}
    assert ledger.query("SELECT counter FROM sun_counter") == [(2,)]
    await ledger.stop()


async def test_over_a_damaged_ledger_what_both_have_is_joined(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    epoch = await lived(path, clock, tmp_path / "b.db")
    Disk().write(path, bytes(8192))
    restore(Names(path), GATEWAY, tmp_path / "b.db", clock.stamp(), Disk())
    ledger, found = await after(path, clock)
    assert found == ["one", "two"]
    assert [older.epoch for older in ledger.older] == [epoch]
    assert ledger.query("SELECT counter FROM sun_counter") == [(2,)]
    await ledger.stop()


async def test_twice_is_no_harm(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    await lived(path, clock, tmp_path / "b.db")
    for _ in range(2):
        restore(Names(path), GATEWAY, tmp_path / "b.db", clock.stamp(), Disk())
    ledger, found = await after(path, clock)
    assert found == ["one", "two", "three", "four"]
    await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.stop()
    assert all(verify(file).clean for file in [path, *Names(path).all_older()])


async def test_what_is_no_sound_backup_of_this_gateway_is_refused(path: Path, clock: FakeClock, tmp_path: Path) -> None:
    await lived(path, clock, tmp_path / "b.db")
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    (tmp_path / "none.db").write_bytes(b"no database at all, but long enough" * 40)
    touched = tmp_path / "touched.db"
    touched.write_bytes((tmp_path / "b.db").read_bytes())
    db = sqlite3.connect(touched)
    with db:
        db.execute("UPDATE receipt SET body=X'7B7D' WHERE seq=1")
    db.close()
    for file, error in (("gone.db", NotFound), ("none.db", InputRefused), ("touched.db", InputRefused)):
        with pytest.raises(error):
            restore(Names(path), GATEWAY, tmp_path / file, clock.stamp(), Disk())
    with pytest.raises(InputRefused, match="of gateway"):
        restore(Names(path), "gw-other", tmp_path / "b.db", clock.stamp(), Disk())
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before
