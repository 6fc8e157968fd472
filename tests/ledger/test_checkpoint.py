"""A checkpoint is signed by this gateway's own key; who rewrites what it speaks of cannot make it fit."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from gateway.ledger.checkpoint import load_signer, public_of, signed_bytes
from gateway.ledger.files import Disk
from gateway.ledger.ledger import Ledger
from gateway.ledger.verify import verify
from gateway.model import chain
from gateway.model.bodies import EpochReason
from gateway.model.clock import ClockQuality, Stamp
from gateway.model.entry import EntryId, EntryKind, Header, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.support.clock import FakeClock

RECEIPT = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, b'{"due":100}')


def signing(path: Path, clock: FakeClock) -> Ledger:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    ledger = Ledger(path, "gw-test", clock, signer=load_signer(path.parent / "ledger.key", Disk()))
    ledger.start()
    return ledger


def checkpoints(ledger: Ledger) -> list[dict[str, object]]:
    kind = EntryKind.CHECKPOINT
    return [json.loads(e.body or b"") for e in ledger.read(Stream.AUDIT, 0, -1) if e.header.kind is kind]


async def test_it_is_made_when_the_ledger_has_grown_and_at_a_clean_stop(path: Path, clock: FakeClock) -> None:
    ledger = signing(path, clock)
    ledger.checkpoint()
    await ledger.commit([RECEIPT])
    assert checkpoints(ledger) == []  # nothing was there when it was asked for
    for _ in range(3):
        ledger.checkpoint()
        await ledger.commit([])
        await ledger.commit([])
    (made,) = checkpoints(ledger)
    digest = ledger.read(Stream.RECEIPT, 0, 1)[0].digest.hex()
    assert made["heads"]["receipt"] == [1, digest]  # type: ignore[index]
    await ledger.commit([RECEIPT])
    await ledger.stop()
    report = verify(path)
    assert (report.clean, report.checkpoints) == (True, 2)


async def test_the_end_of_an_epoch_is_signed(path: Path, clock: FakeClock) -> None:
    ledger = signing(path, clock)
    before = ledger.epoch
    await ledger.commit([RECEIPT])
    await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.stop()
    assert verify(path.with_name(f"ledger-{before}.db")).checkpoints == 1


def rewrite(path: Path, gateway: str, epoch: str) -> None:
    """What an owner of the box can do without the key: change a receipt and compute the whole chain anew."""
    db = sqlite3.connect(path, isolation_level=None)
    previous = chain.genesis(gateway, epoch, Stream.RECEIPT)
    for seq, wall, mono, boot, quality, salt in db.execute(
        "SELECT seq, wall_ms, mono_ns, boot, quality, salt FROM receipt ORDER BY seq"
    ).fetchall():
        at = Stamp(wall, mono, boot, ClockQuality(quality))
        header = Header(EntryId(gateway, epoch, Stream.RECEIPT, seq), EntryKind.RECEIPT, at)
        previous = chain.digest(previous, header, chain.commitment(salt, b'{"due":1}'))
        db.execute("UPDATE receipt SET body=?, digest=? WHERE seq=?", (b'{"due":1}', previous, seq))
    db.execute("UPDATE stream SET checked_digest=? WHERE name='receipt'", (previous,))
    db.close()


async def test_a_chain_that_was_computed_anew_does_not_fit_it(path: Path, clock: FakeClock) -> None:
    ledger = signing(path, clock)
    await ledger.commit([RECEIPT, RECEIPT])
    await ledger.stop()
    rewrite(path, "gw-test", ledger.epoch)
    report = verify(path)
    assert [s.fault for s in report.streams if s.fault] == []
    assert "another entry than the one that was signed" in report.checkpoint_fault
    assert not report.clean


async def test_another_key_is_noticed(path: Path, clock: FakeClock) -> None:
    ledger = signing(path, clock)
    await ledger.commit([RECEIPT])
    await ledger.stop()
    Disk().write(path.parent / "ledger.key", bytes(32))
    assert "another key" in verify(path).checkpoint_fault


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "ledger.key"
    made = load_signer(file, Disk())
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_signer(file, Disk()).public == made.public == public_of(file)
    file.chmod(0o644)
    with pytest.raises(LedgerError, match="others may read"):
        load_signer(file, Disk())
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(LedgerError, match="32 bytes"):
        load_signer(file, Disk())


def test_what_is_signed_is_text_that_anybody_can_write() -> None:
    told = signed_bytes("museum-1", "a1", {"receipt": (2, "ff"), "audit": (1, "00")})
    assert told == b"smartplace-checkpoint 1\nmuseum-1\na1\naudit 1 00\nreceipt 2 ff\n"
