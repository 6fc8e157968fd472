"""A file that is an older copy, or gone, is noticed and becomes a new epoch."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.ledger.files import Disk
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, Stream
from tests.ledger.cuts import image
from tests.ledger.epochs import Sql, bodies, entry, opened
from tests.ledger.test_ledger import Counter
from tests.support.clock import FakeClock


async def test_an_older_copy_in_its_place_is_noticed(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    await ledger.commit([entry('"one"')], [Counter(1)])
    await ledger.stop()
    shutil.copy(path, path.with_name("copy"))
    ledger = opened(path, clock)
    await ledger.commit([entry('"two"')])
    before = ledger.epoch
    await ledger.stop()
    shutil.copy(path.with_name("copy"), path)
    ledger = opened(path, clock)
    assert ledger.epoch != before
    assert "replaced by another copy: receipt ends at 1, it had 2" in ledger.repaired[0]
    (body,) = bodies(ledger, EntryKind.EPOCH_BEGAN)
    assert (body["reason"], body["alarm"], body["ask_centre"]) == ("older_copy", True, True)
    (older,) = ledger.older
    assert [e.body for e in older.read(Stream.RECEIPT, 0, -1)] == [b'"one"']
    assert ledger.query("SELECT counter FROM sun_counter") == [(1,)]
    await ledger.stop()


async def test_an_older_copy_brings_back_neither_an_old_bundle_nor_a_retired_key(path: Path, clock: FakeClock) -> None:
    """Also after a person went back to the bundle before: its number is smaller, and the highest never is."""
    names = "bundle (kind, number, sha256, applied_ms, highest, highest_sha256)"
    ledger = opened(path, clock)
    rules = f"INSERT INTO {names} VALUES ('rules', 5, 'five', 1, 5, 'five')"
    await ledger.commit([entry()], [Sql(rules, "INSERT INTO bundle_key VALUES (x'01', x'02', 0)")])
    await ledger.stop()
    shutil.copy(path, path.with_name("copy"))
    ledger = opened(path, clock)
    went_back = "UPDATE bundle SET number=3, sha256='three', highest=9, highest_sha256='nine'"
    keys = "UPDATE bundle_key SET retired=1", "INSERT INTO bundle_key VALUES (x'03', x'04', 0)"
    await ledger.commit([entry()], [Sql(went_back, *keys)])
    await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.stop()
    shutil.copy(path.with_name("copy"), path)
    ledger = opened(path, clock)
    assert ledger.query("SELECT number, highest, highest_sha256 FROM bundle") == [(3, 9, "nine")]
    assert ledger.query("SELECT public, retired FROM bundle_key ORDER BY public") == [(b"\x01", 1), (b"\x03", 0)]
    await ledger.stop()


async def test_a_copy_from_before_the_epoch_is_noticed(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    first = ledger.epoch
    await ledger.commit([entry('"one"')], [Counter(1)])
    await ledger.stop()
    shutil.copy(path, path.with_name("copy"))
    ledger = opened(path, clock)
    await ledger.commit([entry('"two"')], [Counter(9)])
    second = await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.commit([entry('"three"')])
    await ledger.stop()
    shutil.copy(path.with_name("copy"), path)
    ledger = opened(path, clock)
    assert ledger.epoch not in (first, second)
    (older,) = ledger.older  # one file of the first epoch: the one that has more
    assert [e.body for e in older.read(Stream.RECEIPT, 0, -1)] == [b'"one"', b'"two"']
    assert ledger.query("SELECT max(counter) FROM sun_counter") == [(9,)]
    await ledger.stop()
    assert all(verify(file).clean for file in path.parent.glob("ledger*.db"))


async def test_a_file_that_is_gone_is_a_new_epoch_and_an_alarm(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    gone = ledger.epoch
    await ledger.commit([entry(), entry()])
    await ledger.stop()
    Disk().remove(path)
    ledger = opened(path, clock)
    (lost,) = bodies(ledger, EntryKind.DROPPED)
    assert lost == {"stream": "receipt", "first": 1, "last": 2, "why": "missing", "epoch": gone, "alarm": True}
    await ledger.stop()


async def test_a_log_that_is_gone_is_a_new_epoch(tmp_path: Path, clock: FakeClock) -> None:
    ledger = opened(tmp_path / "state" / "ledger.db", clock)
    await ledger.commit([entry()])
    cut = image(tmp_path / "state", tmp_path / "cut")
    await ledger.stop()
    (cut / "ledger.db-wal").unlink()
    again = opened(cut / "ledger.db", clock)
    assert again.epoch != ledger.epoch
    await again.stop()


async def test_without_a_mark_nothing_is_suspected(path: Path, clock: FakeClock) -> None:
    ledger = opened(path, clock)
    await ledger.commit([entry()])
    await ledger.stop()
    path.with_name("ledger.mark").write_bytes(b"\xff not a mark")
    again = opened(path, clock)
    assert again.epoch == ledger.epoch
    await again.stop()
