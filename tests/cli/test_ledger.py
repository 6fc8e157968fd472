"""The ledger's file, read without a daemon: sound, tampered, missing."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from gateway.config.types import LedgerSection
from gateway.ledger import schema
from gateway.ledger.ledger import Ledger
from gateway.ledger.stats import stats
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError, NotFound
from tests.cli.conftest import smartplace
from tests.support.clock import FakeClock


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Three receipts, the second a minute later, the first acked; one audit entry."""
    clock = FakeClock()
    ledger = Ledger(tmp_path / "state" / "ledger.db", "gw-test", clock)
    ledger.start()
    receipt = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b'{"receipt":1}')
    await ledger.commit([receipt])
    clock.advance(60)
    await ledger.commit([receipt, receipt])
    ledger.ack(Stream.RECEIPT, 1)
    await ledger.commit([NewEntry(Stream.AUDIT, EntryKind.STARTED, b"{}")])
    await ledger.stop()
    return ledger.path


def test_a_sound_ledger_verifies(file: Path) -> None:
    told = smartplace("ledger", "verify", file)
    assert told.returncode == 0, told.stderr
    assert "3 entries" in told.stdout


def test_its_folder_will_do(file: Path) -> None:
    assert smartplace("ledger", "verify", file.parent).returncode == 0


def test_verify_as_json(file: Path) -> None:
    told = json.loads(smartplace("ledger", "verify", "--json", file).stdout)
    assert (told["schema"], told["ledger_schema"], told["clean"]) == (1, schema.SCHEMA, True)
    assert {stream["stream"]: stream["entries"] for stream in told["streams"]}["receipt"] == 3


@pytest.mark.parametrize("tamper", ["UPDATE receipt SET body=x'7b7d' WHERE seq=2", "DELETE FROM receipt WHERE seq=2"])
def test_a_ledger_that_was_touched_is_1_and_names_the_stream(file: Path, tamper: str) -> None:
    with sqlite3.connect(file) as db:
        db.execute(tamper)
    db.close()
    told = smartplace("ledger", "verify", file)
    assert told.returncode == 1
    assert "the chain does not hold: receipt" in told.stderr
    assert json.loads(smartplace("ledger", "verify", "--json", file).stdout)["clean"] is False


def test_a_file_that_is_no_ledger_is_1(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database, but long enough to look at" * 50)
    for verb in ("verify", "stats"):
        told = smartplace("ledger", verb, tmp_path)
        assert told.returncode == 1
        assert told.stderr.startswith("error: ")
        assert "Traceback" not in told.stderr


@pytest.mark.parametrize("verb", ["verify", "stats"])
def test_no_ledger_is_4(config: Path, verb: str) -> None:
    told = smartplace("ledger", verb, "--config", config)
    assert told.returncode == 4
    assert "ledger.db" in told.stderr
    assert not (config.parent / "state").exists()


def test_stats_count_entries_ages_and_what_waits_for_the_centre(file: Path) -> None:
    found = stats(file)
    streams = {told.stream: told for told in found.streams}
    receipt, audit, document = streams[Stream.RECEIPT], streams[Stream.AUDIT], streams[Stream.DOCUMENT]
    assert (receipt.entries, receipt.first, receipt.last, receipt.acked, receipt.backlog) == (3, 1, 3, 1, 2)
    assert receipt.bytes == 3 * len(b'{"receipt":1}')
    assert receipt.oldest_ms is not None
    assert receipt.newest_ms == receipt.oldest_ms + 60_000
    assert (audit.entries, audit.backlog) == (1, 1)
    assert (document.entries, document.oldest_ms) == (0, None)
    assert found.clean_stop
    assert found.file_bytes == file.stat().st_size
    assert found.pages * found.page_bytes <= found.file_bytes + found.wal_bytes


def test_stats_count_what_was_forgotten(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("UPDATE receipt SET body=NULL, salt=NULL, commitment=x'00' WHERE seq=1")
    db.close()
    assert next(told for told in stats(file).streams if told.stream is Stream.RECEIPT).forgotten == 1


def test_stats_print_a_table(file: Path) -> None:
    told = smartplace("ledger", "stats", file)
    assert told.returncode == 0, told.stderr
    row = next(line.split() for line in told.stdout.splitlines() if line.startswith("receipt"))
    assert row[1:7] == ["3", "39", "B", "2", "0", "0"]


def test_stats_of_a_newer_schema_are_refused(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(LedgerError, match="schema 99"):
        stats(file)


def test_stats_without_a_file_make_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        stats(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
async def with_drops(tmp_path: Path) -> Path:
    """Telemetry of which the oldest were dropped, receipts of which the oldest are over; a ballast."""
    clock = FakeClock()
    limits = LedgerSection(telemetry_bytes=3200, keep_receipt_days=1, ballast_bytes=1_000_000)
    ledger = Ledger(tmp_path / "state" / "ledger.db", "gw-test", clock, limits)
    ledger.start()
    await ledger.commit([NewEntry(Stream.TELEMETRY, EntryKind.HEALTH, b'"' + b"x" * 48 + b'"')] * 17)
    await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b"{}")] * 5)
    ledger.ack(Stream.RECEIPT, 4)
    clock.advance(3 * 24 * 3600)
    ledger.tidy()
    while ledger._writer.is_tidying:
        await ledger.commit([])
    await ledger.stop()
    return ledger.path


def test_stats_tell_what_went_and_why_it_was_allowed(with_drops: Path) -> None:
    found = stats(with_drops)
    streams = {told.stream: told for told in found.streams}
    telemetry, receipt = streams[Stream.TELEMETRY], streams[Stream.RECEIPT]
    assert (telemetry.floor, telemetry.dropped, telemetry.entries, telemetry.backlog) == (2, 2, 15, 15)
    assert (receipt.floor, receipt.dropped, receipt.entries, receipt.backlog) == (4, 0, 1, 1)
    assert found.ballast_bytes == 1_000_000


def test_stats_of_the_configured_ledger_name_its_bounds(config: Path, with_drops: Path) -> None:
    shutil.copytree(with_drops.parent, config.parent / "state", dirs_exist_ok=True)
    told = smartplace("ledger", "stats", "--config", config)
    assert told.returncode == 0, told.stderr
    assert "identification 64.0 MB or 30 days, telemetry 16.0 MB unacked" in told.stdout
    assert json.loads(smartplace("ledger", "stats", "--json", "--config", config).stdout)["bounds"] == {
        "identification_days": 30,
        "identification_bytes": 64_000_000,
        "telemetry_bytes": 16_000_000,
        "keep_receipt_days": 35,
        "keep_identification_days": 7,
        "keep_audit_days": 90,
        "keep_document_days": 35,
        "keep_telemetry_days": 1,
        "min_free_bytes": 32_000_000,
        "ballast_bytes": 4_000_000,
    }
    assert json.loads(smartplace("ledger", "stats", "--json", with_drops).stdout)["bounds"] is None
