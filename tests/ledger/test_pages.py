"""Pages and frames of any size, behind any end of a log, are read; rot in a log is told from a cut."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.pages import Pages
from gateway.ledger.verify import verify
from gateway.ledger.wal import frames, is_rotten
from gateway.model.errors import LedgerError
from tests.ledger.cuts import image
from tests.ledger.recovering import COUNT, PAGE, make, recovered, text, used
from tests.support.clock import FakeClock


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096, 16384])
@pytest.mark.parametrize("logged", [True, False])
def test_rows_are_found_without_a_header_whatever_the_page_size(tmp_path: Path, size: int, logged: bool) -> None:
    path = tmp_path / "any.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA page_size={size}")
    if logged:
        db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE receipt (seq INTEGER PRIMARY KEY, k, w, m, b, q, d, s, body, c)")
    for number in range(1, 61):
        row = (number, "receipt", 1, 2, "boot", "ntp", bytes(32), bytes(16), text(number), None)
        db.execute(f"INSERT INTO receipt VALUES ({','.join('?' * 10)})", row)
    copy = image(tmp_path, tmp_path / "copy") / "any.db"
    db.close()
    raw = copy.read_bytes()
    copy.write_bytes(b"" if logged else bytes(size) + raw[size:])
    if logged:
        log = copy.with_name("any.db-wal")
        log.write_bytes(bytes(32) + log.read_bytes()[32:] + bytes(3 * (size + 24)))  # the log's own header is gone too
    with Pages(copy) as pages:
        assert pages.page_size == size
        found = {row.seq: row.body for row in pages.rows() if row.whole}
    assert found == {number: text(number) for number in range(1, 61)}


async def test_frames_of_an_earlier_generation_are_no_rot_and_are_read(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    db = sqlite3.connect(folder / "ledger.db", isolation_level=None)
    db.execute("PRAGMA journal_size_limit=-1")
    db.execute("PRAGMA wal_checkpoint(RESTART)")
    db.execute("INSERT INTO meta VALUES ('new', 'generation')")
    cut = image(folder, tmp_path / "again")
    db.close()
    log = cut / "ledger.db-wal"
    generations = {frame.current for frame in frames(log, PAGE)}
    assert generations == {True, False}
    assert not is_rotten(log)
    (cut / "ledger.db").write_bytes((cut / "ledger.db").read_bytes()[: 2 * PAGE])
    _, found = await recovered(cut, clock)
    assert {seq for seq, body in found.items() if body == text(seq)} == set(range(1, COUNT + 1))


async def test_a_rotten_frame_in_the_log_is_not_taken_for_its_end(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    log = folder / "ledger.db-wal"
    raw = bytearray(log.read_bytes())
    raw[32 + (used(log) - 32) // (PAGE + 24) // 2 * (PAGE + 24) + 24 + 100] ^= 1
    log.write_bytes(raw)
    assert is_rotten(log)
    ledger, found = await recovered(folder, clock)
    whole = {seq for seq in found if found[seq] == text(seq)}
    assert len(set(range(1, COUNT + 1)) - whole) <= 1, "only what stood on the rotten page itself is gone"
    assert "log is damaged" in ledger.repaired[0]
    await ledger.stop()


async def test_a_transaction_that_a_cut_broke_off_is_no_damage(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=False)
    log = folder / "ledger.db-wal"
    whole = log.read_bytes()
    raw = whole[: used(log)]
    for behind in (b"", whole[len(raw) :]):
        for cut in (len(raw) - 1, len(raw) - PAGE - 24, len(raw) - PAGE - 24 - 7):
            log.write_bytes(raw[:cut] + bytes(len(raw) - cut if behind else 0) + behind)
            assert not is_rotten(log)
        log.write_bytes(raw[:-PAGE] + bytes(PAGE) + behind)
        assert not is_rotten(log)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=3 * 512), size=st.sampled_from([512, 4096]), log=st.binary(max_size=2000))
def test_any_bytes_are_read_without_a_fault(tmp_path: Path, raw: bytes, size: int, log: bytes) -> None:
    file = tmp_path / "any.db"
    header = b"SQLite format 3\0" + struct.pack(">H", size) + b"\1\1\0\x40\x20\x20"
    file.write_bytes(header.ljust(100, b"\0") + b"\x0d" + raw)
    (tmp_path / "any.db-wal").write_bytes(log)
    with Pages(file) as pages:
        list(pages.rows())
    is_rotten(tmp_path / "any.db-wal")


async def test_a_fault_that_quotes_what_is_no_text_is_a_fault_like_any_other(tmp_path: Path, clock: FakeClock) -> None:
    folder = await make(tmp_path, clock, stopped=True)
    raw = (folder / "ledger.db").read_bytes()
    for byte in (b"\x84", b"\xff", b"\xc3"):
        (folder / "ledger.db").write_bytes(raw.replace(b"CREATE TABLE quote", b"CREATE TABL" + byte + b" quote"))
        with pytest.raises(LedgerError, match="utf-8"):
            verify(folder / "ledger.db")
    ledger, found = await recovered(folder, clock)
    assert {seq for seq, body in found.items() if body == text(seq)} == set(range(1, COUNT + 1))
    await ledger.stop()
