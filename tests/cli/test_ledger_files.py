"""Verbs on the ledger's files: backup, restore, drop, forget, export; with and without a running gateway."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.ledger import Ledger
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, NewEntry, Stream
from tests.cli.conftest import Gateway, Running, smartplace
from tests.support.clock import FakeClock

BODY = b'{"station":"desk-1","identification":{"holder":"h-1","credential":{"digest":"%s"}}}' % (b"ab" * 32)


@pytest.fixture
def config(config: Path) -> Path:
    """A stopped gateway with two epochs; in each an identification of h-1 and one of h-12."""

    async def fill() -> None:
        ledger = Ledger(config.parent / "state" / "ledger.db", "gw-test", FakeClock())
        ledger.start()
        for turn in range(2):
            for body in (BODY, BODY.replace(b"h-1", b"h-12").replace(b"ab", b"cd")):
                await ledger.commit([NewEntry(Stream.IDENTIFICATION, EntryKind.IDENTIFICATION, body)])
            if not turn:
                await ledger.new_epoch(EpochReason.ORDERED)
        await ledger.stop()

    asyncio.run(fill())
    return config


def older(config: Path) -> Path:
    (file,) = (config.parent / "state").glob("ledger-*.db")
    return file


def test_a_backup_is_made_and_verified_with_the_rest(config: Path, tmp_path: Path) -> None:
    made = smartplace("ledger", "backup", tmp_path / "b.db", "--json", "--config", config)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["gateway"] == "gw-test"
    told = json.loads(smartplace("ledger", "verify", "--json", "--config", config).stdout)
    assert told["clean"]
    assert [other["path"] for other in told["others"]] == [str(older(config)), str(tmp_path / "b.db")]
    assert smartplace("ledger", "backup", tmp_path / "b.db", "--config", config).returncode == 5


def test_damage_in_an_older_epoch_is_1(config: Path) -> None:
    db = sqlite3.connect(older(config))
    with db:
        db.execute("UPDATE identification SET body=X'7B7D' WHERE seq=1")
    db.close()
    told = smartplace("ledger", "verify", "--config", config)
    assert told.returncode == 1
    assert older(config).name in told.stderr


def test_a_backup_is_restored_when_the_gateway_is_stopped(config: Path, tmp_path: Path) -> None:
    smartplace("ledger", "backup", tmp_path / "b.db", "--config", config)
    lock = os.open(config.parent / "state" / "gateway.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    refused = smartplace("ledger", "restore", tmp_path / "b.db", "--config", config)
    assert (refused.returncode, "the gateway runs" in refused.stderr) == (5, True)
    os.close(lock)
    done = smartplace("ledger", "restore", tmp_path / "b.db", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    assert "was restored" in json.loads(done.stdout)["done"][0]
    assert smartplace("ledger", "verify", "--config", config).returncode == 0


def test_only_a_drained_epoch_is_dropped(config: Path) -> None:
    epoch = older(config).stem.removeprefix("ledger-")
    told = smartplace("ledger", "drop", epoch, "--config", config)
    assert (told.returncode, "not acked" in told.stderr) == (5, True)
    db = sqlite3.connect(older(config))
    with db:
        for (stream,) in db.execute("SELECT name FROM stream").fetchall():
            db.execute(f"UPDATE stream SET acked=(SELECT coalesce(max(seq), 0) FROM {stream}) WHERE name=?", (stream,))
    db.close()
    assert smartplace("ledger", "drop", epoch, "--config", config).returncode == 0
    assert list((config.parent / "state").glob("ledger-*")) == []
    assert smartplace("ledger", "drop", epoch, "--config", config).returncode == 4


def test_a_holder_is_exported_then_forgotten(config: Path) -> None:
    told = json.loads(smartplace("ledger", "export", "h-1", "--config", config).stdout)
    assert [entry["body"]["identification"]["holder"] for entry in told["entries"]] == ["h-1", "h-1"]
    assert told["credentials"] == ["ab" * 32]
    done = smartplace("ledger", "forget", "h-1", "--yes", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout)["entries"].values()) == 2
    files = [file.read_bytes() for file in (config.parent / "state").iterdir()]
    assert not any(b'"h-1"' in raw or b"ab" * 32 in raw for raw in files)
    assert json.loads(smartplace("ledger", "export", "h-1", "--config", config).stdout)["entries"] == []
    assert len(json.loads(smartplace("ledger", "export", "h-12", "--config", config).stdout)["entries"]) == 2
    assert smartplace("ledger", "verify", "--config", config).returncode == 0


def test_nobody_is_forgotten_by_mistake(config: Path) -> None:
    assert smartplace("ledger", "forget", "h-1", "--config", config).returncode == 1  # nobody answers the question
    assert smartplace("ledger", "forget", "h 1", "--yes", "--config", config).returncode == 5
    assert len(json.loads(smartplace("ledger", "export", "h-1", "--config", config).stdout)["entries"]) == 2


def test_a_gateway_with_a_damaged_file_serves_and_says_so(config: Path) -> None:
    file = config.parent / "state" / "ledger.db"
    file.write_bytes(bytes(4096) + file.read_bytes()[4096:])
    with Running("run", "--config", config) as process:
        process.until("ready: http://")
        assert "is damaged" in process.err
        told = json.loads(smartplace("status", "--json", "--config", config).stdout)["ledger"]
        assert "is damaged" in told["repaired"][0]
        assert list(told["older"].values()) == [2, 3]  # two identifications each, the damaged one with `epoch_began`
        doctor = json.loads(smartplace("doctor", "--json", "--config", config).stdout)
        assert [check["level"] for check in doctor["checks"] if check["check"] == "set aside"] == ["warn"]
        process.process.terminate()
        assert process.end() == 0
    assert smartplace("ledger", "verify", "--config", config).returncode == 0


def test_a_running_gateway_forgets_and_is_backed_up(gateway: Gateway, tmp_path: Path) -> None:
    done = gateway.ask("ledger", "forget", "h-nobody", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 0
    assert gateway.ask("ledger", "backup", str(tmp_path / "b.db")).returncode == 0
    assert smartplace("ledger", "verify", tmp_path / "b.db").returncode == 0
