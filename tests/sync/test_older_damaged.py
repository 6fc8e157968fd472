"""An older epoch's file is damaged while the centre lacks a part of it: the rest arrives, under its own numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ledger import verify
from gateway.model.bodies import DroppedBody, EpochReason
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError
from tests.sync.ends import fill
from tests.sync.house import RECEIPT, House, alarms, stored, until
from tests.sync.test_epochs import hooks

PAGE = 1024


async def test_what_an_older_file_still_proves_reaches_the_centre_and_the_rest_is_named(house: House) -> None:
    ledger = house.ledger
    await fill(ledger, 40, size=300)
    with house.centre() as centre:
        async with house.syncing(**hooks(ledger)):
            await until(lambda: house.acked())
        await fill(ledger, 60, size=300)
        first = ledger.epoch
        await ledger.new_epoch(EpochReason.ORDERED)
        await fill(ledger, 3)
        (older,) = ledger.older
        assert (older.acked(RECEIPT), older.last(RECEIPT)) == (40, 100)
        before = {row.seq: row.digest for row in centre.query.events(stream=RECEIPT, limit=100_000)}
        await ledger.stop()
        _cut_tail(older.path, 6)
        ledger.start()
        assert "cannot be read" not in str(ledger.repaired)
        (older,) = ledger.older
        async with house.syncing(**hooks(ledger)):
            await until(lambda: older.drained and house.acked() and house.acked(Stream.AUDIT))
        lost = _lost(house, first)
        assert lost
        assert min(lost) > 40
        assert stored(centre, first) == sorted(set(range(1, 101)) - lost)
        rows = centre.query.events(stream=RECEIPT, limit=100_000)
        assert {row.seq: row.digest for row in rows if row.epoch == first}.items() >= before.items()
        assert stored(centre, ledger.epoch) == [1, 2, 3]
        assert alarms(centre) == set()
        assert "entries lost" in {alarm.what for alarm in centre.query.alarms()}


async def test_a_byte_that_turned_over_in_the_old_file_is_never_sent(house: House) -> None:
    ledger = house.ledger
    await fill(ledger, 50, size=300)
    first = ledger.epoch
    await ledger.new_epoch(EpochReason.ORDERED)
    (older,) = ledger.older
    await ledger.stop()
    raw = bytearray(older.path.read_bytes())
    raw[raw.index(b"x" * 300) + 100] ^= 1
    older.path.write_bytes(raw)
    ledger.start()
    (older,) = ledger.older
    with house.centre() as centre:
        async with house.syncing(**hooks(ledger)):
            await until(lambda: older.drained and house.acked(Stream.AUDIT))
        (lost,) = _lost(house, first)
        assert stored(centre, first) == sorted(set(range(1, 51)) - {lost})
        assert alarms(centre) == set()
        assert all(
            bytes(row.body or b"") == b'{"x":"%s"}' % (b"x" * 300) for row in centre.query.events(stream=RECEIPT)
        )
        assert len(house.told(EntryKind.SALVAGED)) == 1


async def test_rot_that_shows_on_the_way_ends_the_gateway_and_the_next_start_sends_the_rest(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "NEWEST", 10)  # a start looks at no more of a long backlog
    ledger = house.ledger
    for _ in range(10):
        await fill(ledger, 100, size=300)
    first = ledger.epoch
    await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.stop()
    path = ledger.names.older(first)
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"x" * 300, len(raw) // 2) + 100] ^= 1
    path.write_bytes(raw)
    ledger.start()
    assert ledger.repaired == ()
    faults: list[BaseException] = []
    with house.centre() as centre:
        async with house.syncing(**hooks(ledger), on_fault=faults.append):
            await until(lambda: faults or ledger.damaged)
        await ledger.stop()
        ledger.start()
        (older,) = ledger.older
        async with house.syncing(**hooks(ledger)):
            await until(lambda: older.drained and house.acked(Stream.AUDIT))
        (lost,) = _lost(house, first)
        assert stored(centre, first) == sorted(set(range(1, 1001)) - {lost})
        assert alarms(centre) == set()
    assert all(isinstance(fault, LedgerError) and fault.code == "ledger_damaged" for fault in faults)


def _cut_tail(path: Path, pages: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: -pages * PAGE])


def _lost(house: House, epoch: str) -> set[int]:
    told = [body for body in house.told(EntryKind.DROPPED) if isinstance(body, DroppedBody)]
    assert all((body.epoch, body.alarm) == (epoch, True) for body in told)
    return {seq for body in told if body.stream == RECEIPT for seq in range(body.first, body.last + 1)}
