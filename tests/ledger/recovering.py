"""A ledger that is made, damaged and opened again, for the tests of whatever a start puts right."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.schema import PAGE_BYTES
from gateway.ledger.verify import verify
from gateway.ledger.wal import frames
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.ledger.cuts import image
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


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def rot(path: Path, number: int) -> None:
    """One byte of an entry's body is another one, in place: as a card does it, also under who has the file open."""
    at = path.read_bytes().index(text(number)) + text(number).index(b"xxx")
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"y")


def root_of(path: Path, table: str) -> int:
    db = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return int(db.execute("SELECT rootpage FROM sqlite_schema WHERE name=?", (table,)).fetchone()[0])
    finally:
        db.close()


def mark_unclean(folder: Path, *, quietly: bool = False) -> None:
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
