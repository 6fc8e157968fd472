"""A damaged file of an older epoch: nothing that is not true is sent, what still proves itself is, and the rest is on
record."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.ledger import verify as verify_module
from gateway.ledger.files import Names
from gateway.ledger.ledger import Ledger
from gateway.ledger.older import OlderEpoch
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.errors import LedgerError
from tests.ledger.cuts import image
from tests.ledger.recovering import COUNT, GATEWAY, PAGE, bodies, dropped, rot, text, zeroed
from tests.support.clock import FakeClock

ACKED = 5


async def make(folder: Path, clock: FakeClock) -> tuple[Path, str]:
    """A state folder after a clean stop, with an older epoch of 24 receipts, 5 of them acked; and that epoch's id."""
    ledger = Ledger(folder / "made" / "ledger.db", GATEWAY, clock)
    ledger.start()
    for number in range(1, COUNT + 1):
        await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, text(number))])
        if number % 9 == 0:
            await ledger.commit([NewEntry(Stream.AUDIT, EntryKind.STARTED, b'{"version":"1"}')])
    ledger.ack(Stream.RECEIPT, ACKED)
    epoch = ledger.epoch
    await ledger.new_epoch(EpochReason.ORDERED)
    await ledger.commit([NewEntry(Stream.RECEIPT, EntryKind.VOID, b"{}")])
    await ledger.stop()
    return folder / "made", epoch


def started(folder: Path, clock: FakeClock) -> Ledger:
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    return ledger


def older_file(folder: Path, epoch: str) -> Path:
    return Names(folder / "ledger.db").older(epoch)


def receipts(older: OlderEpoch) -> dict[int, bytes]:
    """All that would be sent of it, in batches as sync asks for them."""
    found: dict[int, bytes] = {}
    after = 0
    while batch := older.read(Stream.RECEIPT, after, 7):
        found |= {e.header.id.seq: e.body or b"" for e in batch}
        after = batch[-1].header.id.seq
    return found


def salvaged(ledger: Ledger) -> dict[int, bytes]:
    return {b["seq"]: b["body"].encode() for b in bodies(ledger, EntryKind.SALVAGED) if b["stream"] == "receipt"}


async def check(folder: Path, clock: FakeClock, epoch: str) -> tuple[dict[int, bytes], set[int]]:
    """Whatever was done to the older file: the gateway starts, sends of it only what was stored, and every entry is
    sent or named. Returns what is sent, and what is named as lost."""
    ledger = started(folder, clock)
    (older,) = ledger.older
    assert older.epoch == epoch
    sent, lost = receipts(older), dropped(ledger)
    assert {seq: body for seq, body in sent.items() if body != text(seq)} == {}
    acked = set(range(1, ACKED + 1))  # the centre has those, whatever is left of them here
    assert set(range(1, COUNT + 1)) <= set(sent) | lost | acked
    assert older.last(Stream.RECEIPT) == COUNT
    told = len(bodies(ledger, EntryKind.DROPPED)), len(bodies(ledger, EntryKind.SALVAGED))
    await ledger.stop()
    again = started(folder, clock)
    assert again.repaired == ()
    assert told == (len(bodies(again, EntryKind.DROPPED)), len(bodies(again, EntryKind.SALVAGED)))
    assert receipts(again.older[0]) == sent
    await again.stop()
    assert all(verify(file).clean for file in [folder / "ledger.db", *Names(folder / "ledger.db").all_older()])
    return sent, lost


def change(path: Path, sql: str) -> None:
    db = sqlite3.connect(path)
    with db:
        db.execute(sql)
    db.close()


async def test_a_rotten_byte_in_any_page(tmp_path: Path, clock: FakeClock) -> None:
    made, epoch = await make(tmp_path, clock)
    size = older_file(made, epoch).stat().st_size
    mended = 0
    for at in range(0, size, PAGE):
        folder = image(made, tmp_path / str(at))
        file = older_file(folder, epoch)
        raw = bytearray(file.read_bytes())
        raw[at + (at // PAGE * 617) % PAGE] ^= 0x20
        file.write_bytes(raw)
        sent, _ = await check(folder, clock, epoch)
        assert len(sent) >= COUNT - 8
        mended += len(list(folder.glob("ledger.damaged-*.db")))
        shutil.rmtree(folder)
    assert mended > 10


async def test_a_file_cut_off_at_any_page(tmp_path: Path, clock: FakeClock) -> None:
    made, epoch = await make(tmp_path, clock)
    whole = older_file(made, epoch).read_bytes()
    for length in range(0, len(whole), PAGE):
        folder = image(made, tmp_path / str(length))
        older_file(folder, epoch).write_bytes(whole[:length])
        await check(folder, clock, epoch)
        (aside,) = folder.glob("ledger.damaged-*.db")
        assert aside.read_bytes() == whole[:length]
        shutil.rmtree(folder)


def _garbage(path: Path) -> None:
    path.write_bytes(b"this was a ledger once " * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [zeroed, _garbage, _empty])
async def test_where_nothing_is_left_the_end_is_known_from_the_epoch_after(
    tmp_path: Path, clock: FakeClock, harm: Callable[[Path], None]
) -> None:
    folder, epoch = await make(tmp_path, clock)
    harm(older_file(folder, epoch))
    sent, lost = await check(folder, clock, epoch)
    assert (sent, lost) == ({}, set(range(1, COUNT + 1)))
    ledger = started(folder, clock)
    told = bodies(ledger, EntryKind.DROPPED)
    assert {(body["epoch"], body["why"], body["alarm"], body.get("open", False)) for body in told} == {
        (epoch, "damaged", True, False)
    }
    assert ledger.older[0].number == 1
    await ledger.stop()


async def test_a_number_that_is_rotten_itself_does_not_move_the_end(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    change(older_file(folder, epoch), f"UPDATE receipt SET seq=120 WHERE seq={COUNT}")
    sent, lost = await check(folder, clock, epoch)
    assert (set(sent), lost) == (set(range(1, COUNT)), {COUNT})


async def test_an_end_that_nobody_knows_is_named_as_open(tmp_path: Path, clock: FakeClock) -> None:
    """The entry that knew the end has gone with the present file's audit stream."""
    folder, epoch = await make(tmp_path, clock)
    db = sqlite3.connect(folder / "ledger.db")
    with db:
        db.execute("UPDATE audit SET digest=zeroblob(32) WHERE seq=1")
    db.close()
    older_file(folder, epoch).write_bytes(older_file(folder, epoch).read_bytes()[: 2 * PAGE])
    ledger = started(folder, clock)
    open_ended = {b["stream"] for b in bodies(ledger, EntryKind.DROPPED) if b["epoch"] == epoch and b.get("open")}
    assert open_ended == {stream.value for stream in Stream}
    assert any("more may be missing" in said for said in ledger.repaired)
    await ledger.stop()


async def test_what_a_lost_tail_had_waits_until_the_centre_knows_that_it_is_lost(
    tmp_path: Path, clock: FakeClock
) -> None:
    folder, epoch = await make(tmp_path, clock)
    older_file(folder, epoch).write_bytes(older_file(folder, epoch).read_bytes()[: -4 * PAGE])
    sent, lost = await check(folder, clock, epoch)
    ledger = started(folder, clock)
    (older,) = ledger.older
    assert max(sent) < COUNT == older.last(Stream.RECEIPT) == max(lost)
    older.ack(Stream.AUDIT, older.last(Stream.AUDIT))
    older.ack(Stream.RECEIPT, max(sent))
    assert older.waiting == COUNT - max(sent)
    older.ack(Stream.RECEIPT, COUNT)
    assert older.drained
    await ledger.stop()
    again = started(folder, clock)
    assert (again.repaired, again.older[0].drained) == ((), True)
    await again.stop()


async def test_rot_before_the_newest_entries_shows_when_one_is_to_be_sent(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, epoch = await make(tmp_path, clock)
    monkeypatch.setattr(verify_module, "NEWEST", 5)
    rot(older_file(folder, epoch), 13)
    ledger = started(folder, clock)
    assert ledger.repaired == ()
    (older,) = ledger.older
    assert set(receipts_until_damage(older)) == set(range(1, 8))  # the batch with it is not sent
    assert ledger.damaged
    await ledger.stop()
    sent, lost = await check(folder, clock, epoch)
    assert (set(sent), lost) == (set(range(1, COUNT + 1)) - {13}, {13})
    ledger = started(folder, clock)
    assert set(salvaged(ledger)) == {13}
    assert b"y" in salvaged(ledger)[13]
    assert not ledger.damaged
    await ledger.stop()


async def test_of_a_drained_file_nothing_is_looked_at_until_the_centre_asks(tmp_path: Path, clock: FakeClock) -> None:
    folder, epoch = await make(tmp_path, clock)
    ledger = started(folder, clock)
    for stream in Stream:
        ledger.older[0].ack(stream, COUNT)
    assert ledger.older[0].drained
    await ledger.stop()
    rot(older_file(folder, epoch), 13)
    ledger = started(folder, clock)
    assert (ledger.repaired, ledger.older[0].drained) == ((), True)
    receipts_until_damage(ledger.older[0])
    await ledger.stop()
    again = started(folder, clock)
    assert dropped(again) == set(), "the centre has it"
    assert set(receipts(again.older[0])) == set(range(1, COUNT + 1)) - {13}
    await again.stop()


def receipts_until_damage(older: OlderEpoch) -> dict[int, bytes]:
    """What is read until the card's fault shows; that it does is part of it."""
    found: dict[int, bytes] = {}
    after, fault = 0, ""
    try:
        while batch := older.read(Stream.RECEIPT, after, 7):
            found |= {e.header.id.seq: e.body or b"" for e in batch}
            after = batch[-1].header.id.seq
    except LedgerError as error:
        fault = error.code
    assert (fault, older.damaged) == ("ledger_damaged", True)
    return found


async def test_rows_that_vanish_while_it_is_open_are_noticed(tmp_path: Path, clock: FakeClock) -> None:
    folder, _ = await make(tmp_path, clock)
    ledger = started(folder, clock)
    (older,) = ledger.older
    db = sqlite3.connect(older.path)
    with db:
        db.execute("DELETE FROM receipt WHERE seq > 20")
    db.close()
    assert len(older.read(Stream.RECEIPT, 0, 10)) == 10
    with pytest.raises(LedgerError, match="ends at 20, it had 24"):
        older.read(Stream.RECEIPT, 10, 100)
    await ledger.stop()
    again = started(folder, clock)
    assert dropped(again) == {21, 22, 23, 24}
    await again.stop()
