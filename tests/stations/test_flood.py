"""A flood of readings that are refused: the card does not fill, and the station goes on serving."""

from __future__ import annotations

from pathlib import Path

from gateway.config.types import DeskStation, LedgerSection
from gateway.ledger.verify import verify
from gateway.model.entry import EntryKind, Stream
from gateway.model.reading import CardReading, CodeReading
from gateway.model.shown import Show
from gateway.stations.desk import Desk
from gateway.stations.services import REFUSALS_A_MINUTE
from tests.support.place import Card, Place

A_MINUTE = 150
"""Readings of each sort in a minute: cards that nobody knows, codes that are nothing, the same used message again."""
SORTS = 3


async def flood(place: Place, desk: Desk, minutes: int) -> None:
    used = Card("berta").tap(place)
    for minute in range(minutes):
        for number in range(A_MINUTE):
            now = place.clock.mono_ns()
            await desk.on_reading(CardReading("nfc-1", now, bytes([4, minute % 256, number, 9, 9, 9, 9]), b""))
            await desk.on_reading(CodeReading("cam-1", now, "QRCode", b"nonsense %d %d" % (minute, number)))
            await desk.on_reading(CardReading("nfc-1", now, used.uid, used.ndef))
        place.clock.advance(60)
        place.services.flush_floods()


async def test_each_minute_leaves_a_bounded_number_of_entries(place: Place) -> None:
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1", "cam-1")), place.services)
    await desk.start()
    await flood(place, desk, 5)
    await desk.on_reading(Card("anna").tap(place))
    shown = place.board.last("desk-1")
    assert shown is not None
    assert shown.show is Show.ACCEPTED
    await place.settle()
    kinds = place.kinds(Stream.IDENTIFICATION)
    assert len(kinds) <= 5 * SORTS * (REFUSALS_A_MINUTE + 1) + 2
    refused = kinds.count(EntryKind.REFUSAL)
    counted = sum(body["count"] for body in place.bodies(EntryKind.FLOOD))
    assert refused + counted == 5 * SORTS * A_MINUTE - 1  # Berta's first tap was good


async def test_what_a_flood_leaves_stays_within_the_bound(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.limits = LedgerSection(identification_bytes=50_000)
    place.start()
    desk = Desk(DeskStation(id="desk-1", readers=("nfc-1", "cam-1")), place.services)
    await desk.start()
    pages = []
    for _ in range(6):
        await flood(place, desk, 5)
        place.ledger.tidy()
        await place.settle()
        pages.append(place.ledger.query("PRAGMA page_count")[0][0])
    waiting = sum(len(entry.body or b"") for entry in place.entries(Stream.IDENTIFICATION))
    assert waiting <= 50_000
    assert pages[-1] < 1.5 * pages[1], f"the file grows: {pages}"
    ranges = [(body["first"], body["last"]) for body in place.bodies(EntryKind.DROPPED)]
    assert len(ranges) < place.ledger.last(Stream.IDENTIFICATION) / 5
    await place.stop()
    assert verify(place.ledger_path).clean
