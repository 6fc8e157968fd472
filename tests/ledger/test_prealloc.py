"""The log has its size from the start, and keeps it; whoever reads it finds no entry in its zeros."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from gateway.config.types import LedgerSection
from gateway.ledger.ledger import Ledger
from gateway.ledger.prealloc import LOG_BYTES
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.support.clock import FakeClock

ENTRY = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b'"' + b"x" * 700 + b'"')


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def size(path: Path) -> int:
    return path.stat().st_size


async def test_the_log_has_real_blocks_before_the_first_commit(ledger: Ledger, path: Path) -> None:
    told = log_of(path).stat()
    assert told.st_size >= LOG_BYTES
    assert told.st_blocks * 512 >= LOG_BYTES


async def test_the_log_neither_grows_nor_shrinks_while_it_goes_round(ledger: Ledger, path: Path) -> None:
    log, before = size(log_of(path)), size(path)
    for _ in range(1200):
        await ledger.commit([ENTRY])
    await asyncio.gather(*(ledger.commit([ENTRY]) for _ in range(512)))
    assert size(path) > before, "the log never moved into the file: this shows nothing"
    assert size(log_of(path)) == log


async def test_what_is_in_the_log_is_there_after_a_crash(ledger: Ledger, path: Path, clock: FakeClock) -> None:
    for _ in range(10):
        await ledger.commit([ENTRY])
    copy = path.parent.parent / "crashed"
    copy.mkdir()
    for file in (path, log_of(path)):
        shutil.copy(file, copy / file.name)
    assert verify(copy / path.name).clean
    after = Ledger(copy / path.name, "gw-test", clock)
    after.start()
    assert after.last(Stream.RECEIPT) == 10
    await after.commit([ENTRY])
    await after.stop()
    assert not log_of(copy / path.name).exists()  # after a clean stop the file is whole


async def test_without_room_for_a_log_of_that_size_it_works_all_the_same(path: Path, clock: FakeClock) -> None:
    ledger = Ledger(path, "gw-test", clock, LedgerSection(ballast_bytes=0), lambda _folder: LOG_BYTES // 2)
    ledger.start()
    assert size(log_of(path)) < LOG_BYTES
    await ledger.commit([ENTRY])
    await ledger.stop()
    assert verify(path).clean
