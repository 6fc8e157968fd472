"""A new epoch: a new file with numbers from 1, the state taken over, the old file sent on; at every cut one ledger."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.files import Disk
from gateway.ledger.ledger import Ledger
from gateway.ledger.older import KEEP_OLDER_MS, remove
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict, LedgerError, NotReady
from gateway.stations.grants import GrantMade, GrantSettled
from tests.ledger.cuts import CutDisk, FailingDisk
from tests.ledger.epochs import GATEWAY, bodies, entry, opened, sources
from tests.ledger.test_ledger import Counter
from tests.support.clock import FakeClock


async def test_numbers_begin_anew_and_the_first_entry_says_why(ledger: Ledger) -> None:
    before = ledger.epoch
    await ledger.commit([entry('"old"'), entry('"old"')])
    epoch = await ledger.new_epoch(EpochReason.ORDERED, "copied card")
    assert (ledger.epoch, epoch != before) == (epoch, True)
    (stored,) = await ledger.commit([entry('"new"')])
    assert (stored.epoch, stored.seq) == (epoch, 1)
    (first,) = ledger.read(Stream.AUDIT, 0, 1)
    assert first.header.kind is EntryKind.EPOCH_BEGAN
    (body,) = bodies(ledger, EntryKind.EPOCH_BEGAN)
    assert (body["previous"], body["reason"], body["detail"]) == (before, "ordered", "copied card")
    assert body["last"] == {"receipt": 2, "identification": 0, "audit": 0, "document": 0, "telemetry": 0}


async def test_state_goes_along(ledger: Ledger) -> None:
    await ledger.commit([entry()], [Counter(7)])
    await ledger.new_epoch(EpochReason.ORDERED)
    assert ledger.query("SELECT digest, counter FROM sun_counter") == [(b"7", 7)]
    with pytest.raises(LedgerError):  # the row is there: the very same counter is refused by its key
        await ledger.commit([], [Counter(7)])


async def test_a_grant_outlives_its_epoch_and_is_not_taken_for_another(ledger: Ledger) -> None:
    (old,) = await ledger.commit([entry()], [GrantMade("gate-1")])
    await ledger.new_epoch(EpochReason.ORDERED)
    (new,) = await ledger.commit([entry()], [GrantMade("gate-1")])
    assert (old.seq, new.seq) == (1, 1)
    await ledger.commit([entry()], [GrantSettled(old.epoch, old.seq)])
    assert ledger.query("SELECT epoch, admission FROM grant_open") == [(new.epoch, 1)]


async def test_the_old_file_is_sent_on_and_its_watermark_moves(ledger: Ledger) -> None:
    before = ledger.epoch
    await ledger.commit([entry(f'"{number}"') for number in range(3)])
    ledger.ack(Stream.RECEIPT, 1)
    await ledger.new_epoch(EpochReason.ORDERED)
    (older,) = ledger.older
    assert (older.epoch, older.last(Stream.RECEIPT), older.acked(Stream.RECEIPT)) == (before, 3, 1)
    assert [e.body for e in older.read(Stream.RECEIPT, 1, 10)] == [b'"1"', b'"2"']
    older.ack(Stream.RECEIPT, 99)
    older.ack(Stream.RECEIPT, 2)
    older.quarantine(Stream.RECEIPT, [2], 5)
    assert (older.acked(Stream.RECEIPT), older.drained) == (3, True)
    db = sqlite3.connect(f"file:{older.path}?mode=ro", uri=True)
    assert db.execute("SELECT acked FROM stream WHERE name='receipt'").fetchone() == (3,)
    assert db.execute("SELECT stream, seq FROM quarantine").fetchall() == [("receipt", 2)]
    db.close()


async def test_a_restart_finds_all_epochs_in_order(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    epochs = []
    for _ in range(3):
        epochs.append(ledger.epoch)
        await ledger.commit([entry()])
        await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.stop()
    ledger = opened(path, clock)
    assert [older.epoch for older in ledger.older] == epochs
    assert ledger.repaired == ()
    await ledger.stop()
    assert all(verify(file).clean for file in [path, *path.parent.glob("ledger-*.db")])


async def test_jobs_wait_while_it_begins_and_none_is_lost(ledger: Ledger) -> None:
    told: dict[tuple[str, int], str] = {}

    async def taps(name: int) -> None:
        for number in range(20):
            text = f'"{name}-{number}"'
            (stored,) = await ledger.commit([entry(text)])
            assert (stored.epoch, stored.seq) not in told
            told[stored.epoch, stored.seq] = text

    async def turns() -> None:
        for _ in range(3):
            await ledger.commit([])
            await ledger.new_epoch(EpochReason.ORDERED)

    rider = ledger.ride(entry('"rider"'))
    await asyncio.gather(turns(), *(taps(name) for name in range(8)))
    (ridden,) = await rider
    told[ridden.epoch, ridden.seq] = '"rider"'
    found = {
        (e.header.id.epoch, e.header.id.seq): (e.body or b"").decode()
        for source in sources(ledger)
        for e in source.read(Stream.RECEIPT, 0, -1)
    }
    assert found == told
    assert len({epoch for epoch, _ in told}) > 1


async def test_who_watches_hears_of_it(ledger: Ledger) -> None:
    heard = asyncio.Event()
    ledger.on_epoch(heard.set)
    await ledger.new_epoch(EpochReason.ORDERED)
    await asyncio.wait_for(heard.wait(), 5)


async def test_a_repeated_order_begins_no_second_one(ledger: Ledger) -> None:
    before = ledger.epoch
    first, second = await asyncio.gather(
        ledger.new_epoch(EpochReason.ORDERED, instead_of=before),
        ledger.new_epoch(EpochReason.ORDERED, instead_of=before),
    )
    assert first == second == ledger.epoch
    assert len(ledger.older) == 1


async def test_a_file_that_another_program_reads_is_not_renamed(ledger: Ledger, path: Path) -> None:
    await ledger.commit([entry()])
    before = ledger.epoch
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM receipt").fetchone()
    with pytest.raises(NotReady, match="another program"):
        await ledger.new_epoch(EpochReason.ORDERED)
    reader.close()
    (stored,) = await ledger.commit([entry()])
    assert (stored.epoch, stored.seq) == (before, 2)
    assert await ledger.new_epoch(EpochReason.ORDERED) != before


@pytest.mark.parametrize("step", [1, 2, 3])
async def test_a_card_that_refuses_leaves_a_ledger_that_goes_on(path: Path, clock: FakeClock, step: int) -> None:
    disk = FailingDisk()
    ledger = Ledger(path, GATEWAY, clock, disk=disk)
    ledger.start()
    await ledger.commit([entry('"one"')])
    disk.fail_at = step
    with pytest.raises(LedgerError, match="Input/output"):
        await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.commit([entry('"two"')])
    stored = [e.body for source in sources(ledger) for e in source.read(Stream.RECEIPT, 0, -1)]
    assert stored == [b'"one"', b'"two"']
    await ledger.stop()
    assert all(verify(file).clean for file in path.parent.glob("ledger*.db"))


async def test_a_cut_at_any_step_leaves_one_ledger_and_loses_nothing(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "state" / "ledger.db"
    disk = CutDisk(path.parent, tmp_path / "images")
    ledger = Ledger(path, GATEWAY, clock, disk=disk)
    ledger.start()
    await ledger.commit([entry('"kept"'), entry(stream=Stream.AUDIT)], [Counter(5)])
    before = ledger.epoch
    disk.armed = True
    after = await ledger.new_epoch(EpochReason.ORDERED)
    disk.armed = False
    assert len(disk.taken) >= 8
    outcomes = set()
    for cut in disk.taken:
        again = opened(cut / "ledger.db", clock)
        outcomes.add(again.epoch)
        kept = [e.body for source in sources(again) for e in source.read(Stream.RECEIPT, 0, -1)]
        assert kept == [b'"kept"'], cut.name
        assert again.query("SELECT counter FROM sun_counter") == [(5,)]
        assert (again.epoch, len(again.older)) in {(before, 0), (after, 1)}
        await again.stop()
        assert sorted(file.name for file in cut.glob("*.db")) == sorted(
            ["ledger.db", *(f"ledger-{before}.db" for _ in range(again.epoch == after))]
        )
        assert all(verify(file).clean for file in cut.glob("*.db"))
    assert outcomes == {before, after}
    await ledger.stop()


async def test_a_drained_file_goes_when_it_is_old_and_no_other(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    await ledger.commit([entry()])
    first = await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.commit([entry()])
    await ledger.new_epoch(EpochReason.ORDERED)
    drained = ledger.older[0]
    drained.ack(Stream.RECEIPT, 1)
    await ledger.stop()
    clock.advance(KEEP_OLDER_MS / 1000 + 60)
    ledger = opened(path, clock)
    assert [older.epoch for older in ledger.older] == [first]
    assert not drained.path.exists()
    await ledger.stop()


async def test_what_the_centre_has_not_settled_is_never_deleted(ledger: Ledger) -> None:
    await ledger.commit([entry()])
    await ledger.new_epoch(EpochReason.ORDERED)
    (older,) = ledger.older
    with pytest.raises(Conflict, match="not acked"):
        remove(older, Disk())
    assert older.path.exists()
