"""`forget` leaves no byte of the holder in any file of the state folder; the chain still holds, the centre still gets a
header and a commitment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.config.types import DeskStation, GateStation, TillStation
from gateway.ledger import erase
from gateway.ledger.backup import back_up
from gateway.ledger.erase import Traces, blank, check_id, has_trace
from gateway.ledger.export import export
from gateway.ledger.files import Disk
from gateway.ledger.forget import forget
from gateway.ledger.verify import verify
from gateway.model.bodies import EpochReason
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.model.receipt import Line, Receipt
from gateway.stations.desk import Desk
from gateway.stations.gate import Gate
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteRequest
from gateway.sync.bundles_record import BlocksInForce
from gateway.wire.contents import Blocks
from gateway.wire.envelope import decode_batch, encode_entry, join_batch
from tests.support.place import UIDS, Card, Place, digest

ANNA = "h-anna"
DIGESTS = frozenset(bytes.fromhex(digest(CredentialKind.SUN_CARD, UIDS["anna"])) for _ in range(1))
RECEIPT = Receipt(lines=(Line(id="1", text="A book", category="books", unit_cents=500, vat="A"),))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    folder = tmp_path / "state"
    folder.mkdir()
    made = Place(folder).start()
    yield made
    await made.stop()


async def lived_in(place: Place) -> Place:
    """Anna and Berta at a desk and a till, in two epochs; a quote of Anna's is open; a backup was made; some lie
    aside."""
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1",)), place.services)
    till = Till(TillStation(id="till-1", readers=("nfc-1",)), place.services)
    await desk.start()
    await till.start()
    cards = {name: Card(name) for name in ("berta", "anna")}  # hers stays open, beside which nobody else is asked
    for turn in range(2):
        for name, card in cards.items():
            await desk.on_reading(card.tap(place))
            await till.on_reading(card.tap(place))
            quote = await till.quote(QuoteRequest(RECEIPT), f"q-{name}-{turn}")
            if not (turn and name == "anna"):
                number = quote.decode().split('"quote":"')[1][:16]
                await till.commit(CommitRequest(quote=number, fiscal_number="1"), f"r-{name}-{turn}")
        if turn == 0:
            back_up(place.ledger.names, place.folder.parent / "backup.db", Disk())
            await place.ledger.new_epoch(EpochReason.ORDERED)
    junk = b"\x00junk" + ANNA.encode() + b"/junk" + next(iter(DIGESTS)) + b"\x00"
    Disk().write(place.ledger.names.aside("damaged", 0), junk)
    return place


def traces_in(folder: Path) -> list[str]:
    needles = Traces(ANNA, DIGESTS).needles
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [f"{file.name}: {needle!r}" for file in files for needle in needles if needle in file.read_bytes()]


async def test_no_byte_of_the_holder_is_left_and_the_chain_holds(place: Place) -> None:
    await lived_in(place)
    assert traces_in(place.folder.parent)
    done = await forget(place.ledger, place.folder / "cache.db", ANNA)
    assert traces_in(place.folder.parent) == []
    assert sum(done.entries.values()) == 5
    assert done.rows >= 4  # the open quote, the counter, her row in the registry, her credential
    assert (done.copies, done.beyond_reach) == (2, ())
    await place.stop()
    names = place.ledger.names
    sound = [names.present, *names.all_older(), place.folder.parent / "backup.db"]
    assert len(sound) == 3
    for file in sound:
        report = verify(file)
        assert report.clean, report
    assert traces_in(place.folder.parent) == []


async def test_what_went_through_a_gate_is_forgotten_too(place: Place) -> None:
    section = GateStation(id="gate-1", readers=("nfc-1",), relay="relay-1", anti_passback_s=3600)
    gate = Gate(section, place.services)
    await gate.on_reading(Card("anna").tap(place))
    assert place.ledger.query("SELECT digest FROM passage") == [(next(iter(DIGESTS)),)]
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    assert place.ledger.query("SELECT digest FROM passage") == []
    assert traces_in(place.folder.parent) == []


async def test_others_keep_everything(place: Place) -> None:
    await lived_in(place)
    before = export([place.ledger_path, *(o.path for o in place.ledger.older)], place.folder / "cache.db", "h-berta")
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    after = export([place.ledger_path, *(o.path for o in place.ledger.older)], place.folder / "cache.db", "h-berta")
    assert after == before
    assert len(before.entries) >= 6


async def test_the_others_on_the_list_of_blocked_cards_stay_blocked(place: Place) -> None:
    hers, others = digest(CredentialKind.SUN_CARD, UIDS["anna"]), ("ab" * 32, "cd" * 32)
    await lived_in(place)
    listed = msgspec.json.encode(Blocks("k1", (others[0], hers, others[1])))
    await place.ledger.commit([], [BlocksInForce(listed)])
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    ((left,),) = place.ledger.query("SELECT content FROM bundle_blocks")
    assert msgspec.json.decode(left, type=Blocks) == Blocks("k1", others)
    assert traces_in(place.folder.parent) == []


async def test_it_is_on_record_without_a_name_and_twice_is_once(place: Place) -> None:
    await lived_in(place)
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    again = await forget(place.ledger, place.folder / "cache.db", ANNA)
    assert not again.anything
    assert len(place.bodies(EntryKind.ERASURE)) == 1
    assert set(place.bodies(EntryKind.ERASURE)[0]["entries"]) == {place.ledger.epoch, place.ledger.older[0].epoch}


async def test_what_is_forgotten_before_the_ack_goes_up_as_header_and_commitment(place: Place) -> None:
    await lived_in(place)
    kept = {e.header.id.seq: e.commitment for e in place.ledger.older[0].read(Stream.RECEIPT, 0, -1)}
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    entries = place.ledger.older[0].read(Stream.RECEIPT, 0, -1)
    assert {e.header.id.seq: e.commitment for e in entries} == kept
    sent = join_batch([encode_entry("jelgava", entry) for entry in entries])
    taken = decode_batch("jelgava", "gw-test", Stream.RECEIPT, sent)
    assert [e.body is None for e in taken] == [e.body is None for e in entries]
    assert any(e.body is None for e in taken)


async def test_taps_go_on_meanwhile(place: Place) -> None:
    await lived_in(place)
    desk = Desk(DeskStation(id="desk-2", readers=("nfc-2",)), place.services)
    berta = Card("berta", counter=100)
    before = place.ledger.last(Stream.IDENTIFICATION)

    async def taps() -> None:
        for _ in range(20):
            await desk.on_reading(berta.tap(place, "nfc-2"))

    await asyncio.gather(forget(place.ledger, place.folder / "cache.db", ANNA), taps())
    assert place.ledger.last(Stream.IDENTIFICATION) == before + 20


async def test_what_a_file_keeps_between_its_rows_goes_too(place: Place) -> None:
    await lived_in(place)
    db = sqlite3.connect(place.ledger_path, isolation_level=None)
    db.execute("PRAGMA secure_delete=OFF")
    db.execute("INSERT INTO quote VALUES ('gone', 'till-1', ?, 0)", (ANNA.encode() * 2000,))
    db.execute("DELETE FROM quote WHERE id='gone'")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    assert any("ledger.db: b'h-anna'" in trace for trace in traces_in(place.folder))
    await forget(place.ledger, place.folder / "cache.db", ANNA)
    assert traces_in(place.folder) == []


async def test_a_backup_that_is_away_is_told(place: Place) -> None:
    await lived_in(place)
    Disk().rename(place.folder.parent / "backup.db", place.folder.parent / "elsewhere.db")
    done = await forget(place.ledger, place.folder / "cache.db", ANNA)
    assert done.beyond_reach == (str(place.folder.parent / "backup.db"),)


def test_traces_are_found_wherever_pieces_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "PIECE", 16)
    file = tmp_path / "aside"
    for at in range(40):
        file.write_bytes(b"." * at + ANNA.encode() + b"." * (40 - at))
        assert has_trace(file, Traces(ANNA))
        assert blank(file, Traces(ANNA)) == 1
        assert file.read_bytes() == b"." * at + bytes(len(ANNA)) + b"." * (40 - at)
    assert not has_trace(file, Traces(ANNA))


@pytest.mark.parametrize("bad", ["", "h", "a b", "'; DROP TABLE receipt", "x" * 65, "ä-1"])
def test_what_is_no_id_is_refused(bad: str) -> None:
    with pytest.raises(InputRefused, match="no holder"):
        check_id(bad)


async def test_an_id_is_a_whole_word(place: Place) -> None:
    await lived_in(place)
    done = await forget(place.ledger, place.folder / "cache.db", "h-ann")
    assert (sum(done.entries.values()), done.rows) == (0, 0)


async def test_export_gives_everything_of_the_holder_and_of_nobody_else(place: Place) -> None:
    await lived_in(place)
    told = export([place.ledger_path, *(o.path for o in place.ledger.older)], place.folder / "cache.db", ANNA)
    assert {entry.stream for entry in told.entries} == {Stream.RECEIPT, Stream.IDENTIFICATION}
    assert len({entry.epoch for entry in told.entries}) == 2
    assert {table for table, _ in told.state} >= {"quote"}
    assert told.registry[0]["id"] == ANNA
    assert "h-berta" not in str(told)
