"""The report of a till's day, from the ledger: over midnight in the place's zone, over epochs, in small pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.ledger.erase import Traces, erase_entries
from gateway.model.bodies import EpochReason
from gateway.model.clock import ClockQuality
from gateway.model.decision import FiscalForm, NoBenefits, Reason
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import NotReady
from gateway.model.fiscal import PrintOutcome, PrintResult, VatSum
from gateway.model.receipt import Means
from gateway.stations.answers import Tidy
from gateway.stations.day_words import MeansSum, Overspent, PayerSum, Sums, UnmappedArticle
from gateway.stations.refund_words import Back, RefundRequest, VoidRequest
from gateway.stations.sales import SalesTidied
from gateway.stations.till_day import PIECE
from tests.stations.till_rig import Pos, book, refused, with_quotas
from tests.support.place import Place

RIGA = ZoneInfo("Europe/Riga")


@pytest.fixture
async def pos(place: Place, tmp_path: Path) -> AsyncIterator[Pos]:
    authority = await with_quotas(place, tmp_path)
    yield await Pos(place, printer="fiscal-1").start()
    await authority.stop()


def clock_at(place: Place, text: str) -> None:
    place.clock.set_wall(round(datetime.fromisoformat(text).replace(tzinfo=RIGA).timestamp() * 1000))


async def test_a_day_adds_up_what_was_sold_and_who_pays(pos: Pos) -> None:
    await pos.tap("anna")
    await pos.sell(book(quantity=2000), means=Means.CASH)
    await pos.tap("berta")
    sold = await pos.sell(book(), book("2", category="pens", cents=200), means=Means.CARD)
    await pos.refund(RefundRequest(receipt=sold.entry, lines=(Back("2", 1000),), fiscal_number="R-1"))
    await pos.void(VoidRequest(receipt=(await pos.sell(book(cents=700))).entry))
    told = await pos.till.day("")
    assert told.sold == Sums(3, 3900, 2600, 1300, 0)
    assert told.refunded == Sums(1, 200, 100, 100, 0)
    assert told.voided == Sums(1, 700, 0, 700, 0)
    assert told.means == (MeansSum("card", 1300, 800), MeansSum("cash", 0, 0))
    assert told.payers == (
        PayerSum("city", "books", FiscalForm.TENDER, 1400, 0),
        PayerSum("merchant", "half", FiscalForm.DISCOUNT, 600, 100),
        PayerSum("shop", "books", FiscalForm.DISCOUNT, 600, 0),
    )
    (vat,) = told.vat
    assert vat.letter == "A"
    assert vat.gross_cents == 1400 + 600 + 700 - 100 - 700
    assert (told.late, told.not_printed, told.erased, told.undated, told.partial) == (0, 0, 0, 0, False)


async def test_a_day_ends_at_midnight_in_the_places_zone(place: Place, pos: Pos) -> None:
    for at in ("2026-11-26T23:59:59.999", "2026-11-27T00:00:00.000", "2026-11-27T23:59:59.999"):
        clock_at(place, at)
        await pos.sell(book())
    assert [(await pos.till.day(day)).sold.count for day in ("2026-11-26", "2026-11-27", "2026-11-28")] == [1, 2, 0]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-27", 24)])
async def test_a_day_is_as_long_as_the_calendar_says(pos: Pos, day: str, hours: int) -> None:
    told = await pos.till.day(day)
    assert told.until_ms - told.from_ms == hours * 3_600_000
    assert told.time_zone == "Europe/Riga"


@pytest.mark.parametrize("day", ["27.11.2026", "2026-02-30", "1970-01-01", "9999-12-31", "x" * 500, "9000-01-01"])
async def test_what_is_no_day_is_refused(pos: Pos, day: str) -> None:
    assert await refused(pos.till.day(day)) == "bad_date"


async def test_it_reads_on_in_the_file_of_an_older_epoch(place: Place, pos: Pos) -> None:
    await pos.sell(book())
    await place.ledger.new_epoch(EpochReason.ORDERED)
    await pos.sell(book(cents=500))
    assert (await pos.till.day("")).sold == Sums(2, 1500, 0, 1500, 0)


async def test_each_till_has_its_own(place: Place, pos: Pos) -> None:
    other = await Pos(place, "till-2").start()
    await pos.sell(book())
    await other.sell(book(cents=300))
    assert (await other.till.day("")).sold.list_cents == 300


async def test_more_than_a_piece_is_read_in_pieces_and_nobody_waits(place: Place, pos: Pos) -> None:
    for _ in range(2 * PIECE + 1):
        await pos.sell(book())
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    told = await pos.till.day("")
    counting.cancel()
    assert told.sold.count == 2 * PIECE + 1
    assert turns >= 2


async def test_what_was_not_printed_is_in_no_sum(place: Place, pos: Pos) -> None:
    place.outputs.print_script.append(NotReady("no paper"))
    await pos.sell(book(), print=True)
    sold = await pos.sell(book(), print=True)
    place.outputs.print_script.append(NotReady("no paper"))
    await pos.refund(RefundRequest(receipt=sold.entry, print=True))
    told = await pos.till.day("")
    assert (told.sold.count, told.refunded.count, told.not_printed) == (1, 0, 2)


async def test_what_may_have_been_printed_is_counted_apart(place: Place, pos: Pos) -> None:
    place.outputs.print_script.append("paying")
    await pos.sell(book(), print=True)
    told = await pos.till.day("")
    assert (told.sold.count, told.print_unknown) == (1, 1)


async def test_a_printed_refund_is_one(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(), print=True)
    await pos.refund(RefundRequest(receipt=sold.entry, print=True))
    told = await pos.till.day("")
    assert (told.refunded.count, told.print_unknown) == (1, 0)


async def test_late_receipts_and_what_they_overspent(place: Place, pos: Pos) -> None:
    await pos.tap("anna")
    late = await pos.quote(book(quantity=5000))
    place.clock.advance(301)
    await pos.tap("anna", counter=5)
    await pos.sell(book(quantity=6000))
    await pos.commit(late)
    told = await pos.till.day("")
    assert (told.late, told.overspent) == (1, (Overspent("book-units", 5),))


async def test_articles_that_nobody_knows_are_listed(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    quote = await pos.quote(
        book("1", text="Thing", category="", quantity=2000),
        book("2", text="Thing", category="", quantity=500),
        book("3", text="Rope", category="ropes", sku="r-1"),
        book("4"),
    )
    assert quote.unmapped == ("1", "2", "3"), "no rule names ropes; berta gets half of anything that has a category"
    assert [line.discount_cents for line in quote.lines] == [0, 0, 500, 500]
    assert {(one.reason, one.line) for one in quote.trace} >= {(Reason.UNMAPPED, "1"), (Reason.UNMAPPED, "2")}
    await pos.commit(quote)
    assert place.bodies(EntryKind.RECEIPT)[0]["unmapped"] == ["1", "2", "3"], "the city sees it"
    assert (await pos.till.day("")).unmapped == (
        UnmappedArticle("Rope", "r-1", "ropes", 1, 1000),
        UnmappedArticle("Thing", "", "", 2, 2500),
    )


async def test_erased_and_undated_entries_are_told(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    await pos.sell(book())
    place.clock.quality = ClockQuality.GUESS
    await pos.sell(book())
    async with place.ledger.pause():
        assert erase_entries(place.ledger_path, Traces("h-berta"))
    told = await pos.till.day("")
    assert (told.sold.count, told.erased, told.undated) == (1, 1, 1)


async def test_a_day_whose_entries_have_gone_is_told_so(place: Place, pos: Pos) -> None:
    await pos.sell(book())
    day = (await pos.till.day("")).date
    place.ledger.ack(Stream.RECEIPT, 1)
    place.clock.advance(36 * 24 * 3600)
    await pos.sell(book())
    place.ledger.tidy()
    while place.ledger.floor(Stream.RECEIPT) < 1:
        await place.ledger.commit([])
    gone = await pos.till.day(day)
    assert (gone.sold.count, gone.erased, gone.partial) == (0, 1, True)
    await place.ledger.commit([], [SalesTidied()])
    gone = await pos.till.day(day)
    assert (gone.sold.count, gone.erased, gone.partial) == (0, 0, True)


async def test_a_till_names_its_devices(pos: Pos) -> None:
    assert pos.till.devices() == ("nfc-1", "fiscal-1")


# Nine days offline ------------------------------------------------------------------------------------------


async def test_nine_days_offline_it_sells_on_and_says_when_benefits_end(place: Place) -> None:
    pos = await Pos(place).start()
    end_ms = place.clock.wall_ms() + 7 * 24 * 3600 * 1000
    place.benefits.use(place.benefits._rules, end_ms)
    for day in range(7):
        await pos.tap("berta", counter=10 * day)
        quote = await pos.quote()
        assert (quote.due_cents, quote.benefits_until_ms, quote.no_benefits) == (500, end_ms, None)
        await pos.commit(quote)
        place.clock.advance(24 * 3600)
    for day in (7, 8, 9):
        await pos.tap("berta", counter=10 * day)
        quote = await pos.quote()
        assert (quote.identified, quote.due_cents, quote.bundle) == (True, 1000, 0)
        assert (quote.benefits_until_ms, quote.no_benefits) == (end_ms, NoBenefits.RULES_ENDED)
        await pos.commit(quote)
        place.clock.advance(24 * 3600)
    assert len(place.bodies(EntryKind.RECEIPT)) == 10


async def test_before_any_rules_have_come_it_says_so(place: Place) -> None:
    pos = await Pos(place).start()
    place.benefits.use(place.benefits._none, 0)
    quote = await pos.quote(book("1"), book("2", category=""))
    assert (quote.no_benefits, quote.benefits_until_ms, quote.unmapped) == (NoBenefits.NO_RULES, 0, ("2",))


async def test_vat_is_what_the_printer_has_told_of_its_paper(place: Place, pos: Pos) -> None:
    on_paper = (VatSum("A", 1000, 2100, 174), VatSum("C", 200, 500, 10))
    place.outputs.print_script.append(PrintOutcome("?", PrintResult.PRINTED, "42", 1000, vat=on_paper))
    await pos.sell(book(), print=True)
    told = await pos.till.day("")
    assert [(one.letter, one.gross_cents, one.tax_cents) for one in told.vat] == [("A", 1000, 174), ("C", 200, 10)]
    assert told.untaxed == 0
    place.clock.advance(15 * 24 * 3600)
    await place.ledger.commit([], [Tidy()])
    assert place.ledger.query("SELECT count(*) FROM fiscal") == [(0,)]
    assert (await pos.till.day(told.date)).vat == told.vat


async def test_vat_of_what_came_back_is_taken_off_as_its_own_paper_says(place: Place, pos: Pos) -> None:
    for cents, tax in ((1000, 174), (400, 70)):
        vat = (VatSum("A", cents, 2100, tax),)
        place.outputs.print_script.append(PrintOutcome("?", PrintResult.PRINTED, "42", cents, vat=vat))
    sold = await pos.sell(book(quantity=2000, cents=500), print=True)
    await pos.refund(RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), print=True))
    (vat_a,) = (await pos.till.day("")).vat
    assert (vat_a.gross_cents, vat_a.tax_cents) == (600, 104)


async def test_what_nobody_knows_the_vat_of_is_counted(pos: Pos) -> None:
    await pos.sell(book(vat="B"))
    told = await pos.till.day("")
    assert (told.untaxed, told.vat) == (1, ())
