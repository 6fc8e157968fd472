"""A desk says who may be served, and only once it is recorded."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config.types import DeskStation
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import LedgerError
from gateway.model.reading import CardReading, CodeReading, Unproved
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.services import REFUSALS_A_MINUTE
from tests.support.place import BARCODE, Card, Place, SlowDisk


@pytest.fixture
async def desk(place: Place) -> Desk:
    station = Desk(DeskStation(id="desk-1", readers=("nfc-1", "cam-1")), place.services)
    await station.start()
    return station


async def test_a_genuine_card_is_accepted_and_recorded(place: Place, desk: Desk) -> None:
    await desk.on_reading(Card("anna").tap(place))
    (body,) = place.bodies(EntryKind.IDENTIFICATION)
    assert body["station"] == "desk-1"
    assert body["identification"]["holder"] == "h-anna"
    assert body["identification"]["credential"]["strength"] == "genuine"
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.entry) == (Show.ACCEPTED, str(place.entries()[0].header.id))


async def test_the_page_shows_no_holder_and_no_more_than_six_digits_of_a_digest(place: Place, desk: Desk) -> None:
    await desk.on_reading(Card("anna").tap(place))
    shown = repr(place.board.last("desk-1"))
    digest = place.bodies(EntryKind.IDENTIFICATION)[0]["identification"]["credential"]["digest"]
    assert digest[:6] in shown
    assert digest[:7] not in shown
    assert "h-anna" not in shown


async def test_nothing_is_shown_before_the_commit_has_ended(place: Place, desk: Desk) -> None:
    idle = place.board.last_number
    with SlowDisk(place):
        tap = asyncio.create_task(desk.on_reading(Card("anna").tap(place)))
        done, _ = await asyncio.wait([tap], timeout=0.2)
        assert not done
        assert place.board.last_number == idle
    await tap
    assert place.board.last_number == idle + 1
    assert place.on_disk(Stream.IDENTIFICATION) == 1


async def test_a_disk_that_refuses_shows_no_green(place: Place, desk: Desk) -> None:
    writer = place.ledger._writer
    writer.stop()
    with pytest.raises(LedgerError):
        await desk.on_reading(Card("anna").tap(place))
    assert [event.show for event in place.board.after(0)] == [Show.IDLE]


@pytest.mark.parametrize(("name", "reason"), [("carl", "blocked"), ("dora", "unknown")])
async def test_a_refused_card_is_recorded_with_its_reason(place: Place, desk: Desk, name: str, reason: str) -> None:
    await desk.on_reading(Card(name).tap(place))
    (body,) = place.bodies(EntryKind.REFUSAL)
    assert body["identification"]["refusal"] == reason
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.reason) == (Show.REFUSED, reason)


async def test_a_clone_with_a_recorded_message_is_replayed(place: Place, desk: Desk) -> None:
    genuine = Card("anna")
    await desk.on_reading(genuine.tap(place))
    clone = genuine.clone()
    await desk.on_reading(CardReading("nfc-1", place.clock.mono_ns(), clone.uid, clone.message()))
    (body,) = place.bodies(EntryKind.REFUSAL)
    assert body["identification"]["refusal"] == "replayed"


async def test_a_message_of_another_card_is_forged(place: Place, desk: Desk) -> None:
    stolen = Card("anna").message()
    await desk.on_reading(CardReading("nfc-1", place.clock.mono_ns(), Card("dora").uid, stolen))
    (body,) = place.bodies(EntryKind.REFUSAL)
    assert body["identification"] == {"refusal": "forged"}


async def test_a_copy_that_could_not_prove_itself_is_recorded_and_told_as_that(place: Place, desk: Desk) -> None:
    copy = CardReading("nfc-1", place.clock.mono_ns(), Card("anna").uid, b"", Unproved(bytes.fromhex("3042F5")))
    await desk.on_reading(copy)
    (body,) = place.bodies(EntryKind.REFUSAL)
    assert body["identification"] == {"refusal": "unproved"}
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.reason) == (Show.REFUSED, "unproved")


async def test_a_pass_is_accepted_until_it_expires(place: Place, desk: Desk) -> None:
    expires_s = place.clock.wall_ms() // 1000 + 60
    await desk.on_reading(place.pass_reading(expires_s=expires_s))
    place.clock.advance(60)
    await desk.on_reading(place.pass_reading(expires_s=expires_s))
    assert place.kinds() == [EntryKind.IDENTIFICATION, EntryKind.REFUSAL]
    assert place.bodies(EntryKind.REFUSAL)[0]["identification"]["refusal"] == "expired"


@pytest.mark.parametrize(
    ("issuer", "key", "reason"),
    [
        ("siauliai", Ed25519PrivateKey.generate(), "unknown_issuer"),
        ("jelgava", Ed25519PrivateKey.generate(), "forged"),
    ],
)
async def test_a_pass_that_its_issuer_has_not_signed_is_refused(
    place: Place, desk: Desk, issuer: str, key: Ed25519PrivateKey, reason: str
) -> None:
    await desk.on_reading(place.pass_reading(issuer=issuer, key=key))
    assert place.bodies(EntryKind.REFUSAL)[0]["identification"]["refusal"] == reason


async def test_a_library_barcode_is_a_weak_credential(place: Place, desk: Desk) -> None:
    await desk.on_reading(CodeReading("cam-1", place.clock.mono_ns(), "Code39", b" " + BARCODE + b"\r\n"))
    (body,) = place.bodies(EntryKind.IDENTIFICATION)
    assert body["identification"]["credential"]["strength"] == "weak"


async def test_a_reading_older_than_two_seconds_means_nothing(place: Place, desk: Desk) -> None:
    reading = Card("anna").tap(place)
    place.clock.advance(2.001)
    await desk.on_reading(reading)
    assert place.kinds() == []
    shown = place.board.last("desk-1")
    assert shown is not None
    assert (shown.show, shown.reason) == (Show.REFUSED, "stale")


async def test_a_reading_of_two_seconds_still_counts(place: Place, desk: Desk) -> None:
    reading = Card("anna").tap(place)
    place.clock.advance(2)
    await desk.on_reading(reading)
    assert place.kinds() == [EntryKind.IDENTIFICATION]


async def test_one_message_at_two_desks_at_once_is_accepted_once(place: Place, desk: Desk) -> None:
    other = Desk(DeskStation(id="desk-2", readers=("nfc-2",)), place.services)
    reading = Card("anna").tap(place)
    await asyncio.gather(desk.on_reading(reading), other.on_reading(reading))
    assert sorted(place.kinds()) == [EntryKind.IDENTIFICATION, EntryKind.REFUSAL]
    assert place.bodies(EntryKind.REFUSAL)[0]["identification"]["refusal"] == "replayed"


async def test_a_refused_cards_message_opens_nothing_later(place: Place, desk: Desk) -> None:
    card = Card("carl")
    await desk.on_reading(card.tap(place))
    assert place.ledger.query("SELECT counter FROM sun_counter") == [(1,)]


async def test_a_flood_of_refusals_is_one_entry_a_minute_with_a_count(place: Place, desk: Desk) -> None:
    card = Card("dora")
    for _ in range(REFUSALS_A_MINUTE + 30):
        await desk.on_reading(card.tap(place))
    assert place.kinds() == [EntryKind.REFUSAL] * REFUSALS_A_MINUTE
    place.clock.advance(60)
    place.services.flush_floods()
    place.services.flush_floods()
    await place.settle()
    (body,) = place.bodies(EntryKind.FLOOD)
    assert (body["source"], body["reason"], body["count"]) == ("desk-1", "unknown", 30)


async def test_each_stale_reading_is_counted(place: Place, desk: Desk) -> None:
    reading = Card("anna").tap(place)
    place.clock.advance(3)
    await desk.on_reading(reading)
    await desk.on_reading(reading)
    place.services.flush_floods(all_of_them=True)
    await place.settle()
    (body,) = place.bodies(EntryKind.FLOOD)
    assert (body["reason"], body["count"]) == ("stale", 2)


async def test_a_tap_that_is_cancelled_in_its_commit_leaves_the_ledger_alive(place: Place, desk: Desk) -> None:
    with SlowDisk(place):
        tap = asyncio.create_task(desk.on_reading(Card("anna").tap(place)))
        await asyncio.wait([tap], timeout=0.1)
        tap.cancel()
        await asyncio.wait([tap])
    await desk.on_reading(Card("berta").tap(place))
    assert place.kinds() == [EntryKind.IDENTIFICATION] * 2
