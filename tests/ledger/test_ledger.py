"""The ledger's promises: stored means on disk, one job's conflict is its own, the chain tells any change."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger import schema
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model import chain
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict, LedgerError
from tests.support.clock import FakeClock


def entry(text: str = "{}", stream: Stream = Stream.RECEIPT) -> NewEntry:
    return NewEntry(stream, EntryKind.RECEIPT, text.encode())


class Counter:
    """An effect as identity has one: a counter that must rise."""

    def __init__(self, value: int) -> None:
        self.value = value

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        if self.value < 0:
            raise Conflict("replayed")
        db.execute("INSERT INTO sun_counter VALUES (?, ?)", (str(self.value).encode(), self.value))


async def test_entries_are_numbered_from_one_per_stream(ledger: Ledger) -> None:
    first = await ledger.commit([entry(), entry(stream=Stream.AUDIT)])
    second = await ledger.commit([entry()])
    assert [(e.stream, e.seq) for e in (*first, *second)] == [("receipt", 1), ("audit", 1), ("receipt", 2)]


async def test_what_was_committed_is_read_back_byte_for_byte(ledger: Ledger) -> None:
    await ledger.commit([entry('{"a": 1 }')])
    (stored,) = ledger.read(Stream.RECEIPT, 0, 10)
    assert stored.body == b'{"a": 1 }'
    assert stored.salt is not None
    committed = chain.commitment(stored.salt, stored.body)
    assert stored.digest == chain.digest(stored.previous, stored.header, committed)


async def test_a_conflict_undoes_its_own_job_alone(ledger: Ledger) -> None:
    jobs = [
        ledger.commit([entry('"one"')], [Counter(1)]),
        ledger.commit([entry('"two"')], [Counter(2), Counter(-1)]),
        ledger.commit([entry('"three"')], [Counter(3)]),
    ]
    one, two, three = await asyncio.gather(*jobs, return_exceptions=True)
    assert isinstance(two, Conflict)
    assert not isinstance(one, BaseException)
    assert not isinstance(three, BaseException)
    assert [one[0].seq, three[0].seq] == [1, 2]
    assert ledger.query("SELECT counter FROM sun_counter ORDER BY counter") == [(1,), (3,)]
    assert [e.body for e in ledger.read(Stream.RECEIPT, 0, 10)] == [b'"one"', b'"three"']


async def test_a_crowd_shares_commits(ledger: Ledger) -> None:
    before = ledger.commits
    await asyncio.gather(*(ledger.commit([entry()]) for _ in range(200)))
    assert ledger.last(Stream.RECEIPT) == 200
    assert ledger.commits - before < 100


async def test_a_rider_goes_with_the_next_commit(ledger: Ledger) -> None:
    rider = ledger.ride(entry('"rider"'))
    await ledger.commit([entry('"driver"')])
    (ridden,) = await rider
    assert ridden.seq == 2


async def test_a_rider_alone_is_stored_soon(ledger: Ledger) -> None:
    (ridden,) = await asyncio.wait_for(ledger.ride(entry()), 10)
    assert ledger.last(Stream.RECEIPT) == ridden.seq == 1


async def test_numbers_go_on_after_a_restart(path: Path, clock: FakeClock) -> None:
    for expected in (1, 2, 3):
        opened = Ledger(path, "gw-test", clock)
        opened.start()
        assert opened.was_clean
        (stored,) = await opened.commit([entry()])
        await opened.stop()
        assert stored.seq == expected
    report = verify(path)
    assert report.clean
    assert {s.stream: s.entries for s in report.streams}[Stream.RECEIPT] == 3


async def test_the_watermark_moves_and_never_past_the_newest(ledger: Ledger, path: Path) -> None:
    await ledger.commit([entry(), entry(), entry()])
    ledger.ack(Stream.RECEIPT, 2)
    ledger.ack(Stream.RECEIPT, 1)
    assert ledger.acked(Stream.RECEIPT) == 2
    ledger.ack(Stream.RECEIPT, 99)
    assert ledger.acked(Stream.RECEIPT) == 3
    await ledger.commit([entry()])
    assert ledger.query("SELECT acked FROM stream WHERE name='receipt'") == [(3,)]


async def test_listeners_hear_which_streams_grew(ledger: Ledger) -> None:
    heard: asyncio.Queue[frozenset[Stream]] = asyncio.Queue()
    ledger.on_stored(heard.put_nowait)
    await ledger.commit([entry(stream=Stream.AUDIT)])
    assert await asyncio.wait_for(heard.get(), 5) == {Stream.AUDIT}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE receipt SET body=X'7B7D20' WHERE seq=2",
        "DELETE FROM receipt WHERE seq=2",
        "DELETE FROM receipt WHERE seq=3",
        "UPDATE receipt SET wall_ms=wall_ms+1 WHERE seq=1",
        "UPDATE receipt SET kind='void' WHERE seq=3",
        "INSERT INTO receipt SELECT 4, kind, wall_ms, mono_ns, boot, quality, digest, salt, body, NULL "
        "FROM receipt WHERE seq=3",
    ],
)
async def test_verify_finds_any_change(path: Path, clock: FakeClock, change: str) -> None:
    opened = Ledger(path, "gw-test", clock)
    opened.start()
    await opened.commit([entry() for _ in range(3)])
    await opened.stop()
    assert verify(path).clean
    db = sqlite3.connect(path)
    with db:
        db.execute(change)
    db.close()
    report = verify(path)
    assert not report.clean
    assert [s.stream for s in report.streams if s.fault] == [Stream.RECEIPT]


async def test_a_changed_file_gives_way_to_a_new_epoch_at_the_start(path: Path, clock: FakeClock) -> None:
    opened = Ledger(path, "gw-test", clock)
    opened.start()
    await opened.commit([entry() for _ in range(3)])
    await opened.stop()
    db = sqlite3.connect(path)
    with db:
        start = chain.genesis("gw-test", opened.epoch, Stream.RECEIPT)
        db.execute("UPDATE stream SET checked=0, checked_digest=? WHERE name='receipt'", (start,))
        db.execute("UPDATE receipt SET body=X'78' WHERE seq=2")
    db.close()
    again = Ledger(path, "gw-test", clock)
    again.start()
    assert again.epoch != opened.epoch
    assert "not the entry that was stored" in again.repaired[0]
    (older,) = again.older
    assert [e.header.id.seq for e in older.read(Stream.RECEIPT, 0, -1)] == [1, 3]
    kinds = [e.header.kind for e in again.read(Stream.AUDIT, 0, -1)]
    assert kinds == [EntryKind.EPOCH_BEGAN, EntryKind.DROPPED, EntryKind.SALVAGED]
    await again.stop()
    assert verify(path).clean
    assert verify(path.with_name(f"ledger-{opened.epoch}.db")).clean


async def test_a_newer_schema_is_refused(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={schema.SCHEMA + 1}")
    db.close()
    with pytest.raises(LedgerError, match="downgrade"):
        Ledger(path, "gw-test", clock).start()


async def test_a_file_whose_making_was_cut_is_made_to_the_end(path: Path, clock: FakeClock) -> None:
    """Power went after the tables were there and before the gateway's name was."""
    path.parent.mkdir()
    db = schema.connect(path)
    schema.prepare(db, path)
    db.close()
    ledger = Ledger(path, "gw-test", clock)
    ledger.start()
    (stored,) = await ledger.commit([entry()])
    await ledger.stop()
    assert (stored.gateway, stored.epoch, stored.seq) == ("gw-test", ledger.epoch, 1)
    assert verify(path).clean


async def test_another_gateways_file_is_refused(path: Path, clock: FakeClock) -> None:
    first = Ledger(path, "gw-test", clock)
    first.start()
    await first.stop()
    with pytest.raises(LedgerError, match="belongs to gateway 'gw-test'"):
        Ledger(path, "gw-other", clock).start()


async def test_the_file_is_for_its_owner_only(ledger: Ledger) -> None:
    assert os.stat(ledger.path).st_mode & 0o077 == 0


async def test_a_full_disk_fails_the_commit_and_the_next_one_works(ledger: Ledger) -> None:
    await ledger.commit([entry()])
    db = ledger._writer._db  # the very connection: its page limit stands for a full card
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LedgerError, match="full"):
        await ledger.commit([entry('"' + "x" * 50_000 + '"')])
    assert ledger.problem is not None
    assert "free space" in ledger.problem.advice
    db.execute("PRAGMA max_page_count=1000000")
    (stored,) = await ledger.commit([entry()])
    assert stored.seq == 2
    assert ledger.problem is None
