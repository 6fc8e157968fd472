"""What comes back of a receipt: as its own decision says, never more than was sold, at any till of the place."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from gateway.ledger.erase import Traces, erase_entries
from gateway.model.bodies import EpochReason
from gateway.model.clock import ClockQuality
from gateway.model.decision import FiscalForm, Share, Use
from gateway.model.entry import EntryKind, Stream
from gateway.model.receipt import Means
from gateway.model.shown import Show
from gateway.stations.refund_words import Back, RefundAnswer, RefundRequest
from gateway.stations.sales import KEEP_SALES_MS, SalesTidied, came_back, id_of
from tests.stations.till_rig import Pos, back, book, in_use, refused
from tests.support.place import Place, SlowDisk

# As it was sold ---------------------------------------------------------------------------------------------


async def test_all_of_it_is_the_receipt_backwards(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=3000), book("2", category="pens", cents=333))
    assert (sold.due_cents, in_use(place)) == (333, 3)
    given = await counted.refund(back(sold.entry))
    assert (given.list_cents, given.discount_cents, given.due_cents, given.rest) == (3333, 3000, 333, False)
    assert given.lines[0].shares == (
        Share("city", "books", 2100, FiscalForm.TENDER),
        Share("shop", "books", 900, FiscalForm.DISCOUNT),
    )
    assert in_use(place) == 0
    (body,) = place.bodies(EntryKind.REFUND)
    assert (body["receipt"], body["reason"], body["fiscal_number"], body["printed_by"]) == (
        sold.entry,
        "returned",
        "R-1",
        "pos",
    )
    assert body["refund"]["uses"] == [{"key": "book-units", "period": "2026-11-23", "units": 3}]
    assert place.board.counts[Show.REFUNDED] == 1


async def test_piece_by_piece_units_and_cents_add_up(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=3000, cents=999))
    parts = [await counted.refund(back(sold.entry, ("1", 1000))) for _ in range(3)]
    assert [part.rest for part in parts] == [True, True, False]
    assert sum(part.discount_cents for part in parts) == 2997
    assert [in_use(place)] == [0]
    assert await refused(counted.refund(back(sold.entry, ("1", 1)))) == "more_than_sold"
    assert await refused(counted.refund(back(sold.entry))) == "nothing_left"


async def test_units_come_back_with_each_part(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=3000))
    assert (await counted.refund(back(sold.entry, ("1", 1000)))).uses == (Use("book-units", "2026-11-23", 1),)
    assert in_use(place) == 2
    await counted.tap("anna", counter=5)
    assert (await counted.quote(book(quantity=4000))).due_cents == 0, "six a day, two used: four are left"


async def test_the_rules_of_today_change_nothing(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    sold = await pos.sell(book())
    place.benefits.use(place.benefits._none, 0)
    assert (await pos.refund(back(sold.entry))).due_cents == 500


async def test_at_another_till_by_the_key_of_the_first(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(), key="shift-1-sale-9")
    other = await Pos(place, "till-2").start()
    request = RefundRequest(key="shift-1-sale-9", station="till-1", fiscal_number="R-1")
    assert (await other.refund(request)).receipt == sold.entry
    assert place.bodies(EntryKind.REFUND)[0]["station"] == "till-2"
    assert await refused(other.refund(RefundRequest(key="shift-1-sale-9", fiscal_number="R"))) == "no_such_receipt"


async def test_a_preview_says_the_same_and_books_nothing(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    sold = await pos.sell(book(quantity=3000))
    request = RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), preview=True)
    seen = await pos.refund(request)
    assert (seen.entry, seen.due_cents, seen.rest) == ("", 500, True)
    assert place.kinds(Stream.RECEIPT) == [EntryKind.RECEIPT]
    done = await pos.refund(back(sold.entry, ("1", 1000), due_cents=seen.due_cents))
    assert done.due_cents == seen.due_cents


async def test_another_amount_than_is_due_back_is_refused(pos: Pos) -> None:
    sold = await pos.sell(book())
    assert await refused(pos.refund(back(sold.entry, due_cents=999))) == "refund_differs"
    assert (await pos.refund(back(sold.entry, due_cents=1000))).due_cents == 1000


async def test_the_same_line_twice_in_a_request_is_once_as_much(pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000))
    assert (await pos.refund(back(sold.entry, ("1", 500), ("1", 500)))).lines[0].quantity == 1000


async def test_means_of_payment_are_those_of_the_sale(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(), means=Means.CASH)
    await pos.refund(back(sold.entry))
    assert place.bodies(EntryKind.REFUND)[0]["means"] == "cash"


# Never more than was sold -----------------------------------------------------------------------------------


async def test_two_tills_at_once_give_it_back_once(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book())
    other = await Pos(place, "till-2").start()
    with SlowDisk(place):
        work = [asyncio.create_task(one.refund(back(sold.entry))) for one in (pos, other)]
        done, _ = await asyncio.wait(work, timeout=0.1)
        assert not done, "both have found that nothing has come back"
    results = await asyncio.gather(*work, return_exceptions=True)
    assert sum(isinstance(result, RefundAnswer) for result in results) == 1
    assert [getattr(result, "code", "") for result in results if not isinstance(result, RefundAnswer)] == [
        "nothing_left"
    ]


async def test_two_parts_at_once_are_both_given(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000, cents=333))
    with SlowDisk(place):
        work = [asyncio.create_task(pos.refund(back(sold.entry, ("1", 1000)))) for _ in range(2)]
        await asyncio.wait(work, timeout=0.1)
    given = await asyncio.gather(*work)
    assert sum(one.due_cents for one in given) == 666
    assert sorted(one.rest for one in given) == [False, True]


async def test_the_same_key_gets_the_same_answer_over_a_restart(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book())
    first = await pos.refund(back(sold.entry), "back-1")
    after = await place.crash()
    again = await Pos(after).start()
    assert await again.refund(back(sold.entry), "back-1") == first
    assert await refused(again.refund(back(sold.entry, number="R-2"), "back-1")) == "key_reused"
    assert await refused(again.refund(back(sold.entry), "back-2")) == "nothing_left"
    await after.stop()


async def test_after_a_new_epoch_the_receipt_is_found_in_the_older_file(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000))
    await pos.refund(back(sold.entry, ("1", 1000)))
    await place.ledger.new_epoch(EpochReason.ORDERED)
    assert (await pos.refund(back(sold.entry))).lines[0].quantity == 1000
    assert await refused(pos.refund(back(sold.entry))) == "nothing_left"


async def test_parts_that_come_back_again_and_again_meanwhile_are_told_to_ask_again(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(quantity=10_000))
    others = [await Pos(place, f"till-{n}").start() for n in range(2, 9)]
    with SlowDisk(place):
        work = [asyncio.create_task(one.refund(back(sold.entry, ("1", 1000)))) for one in (pos, *others)]
        await asyncio.wait(work, timeout=0.1)
    results = await asyncio.gather(*work, return_exceptions=True)
    given = sum(isinstance(result, RefundAnswer) for result in results)
    codes = {getattr(result, "code", "") for result in results if not isinstance(result, RefundAnswer)}
    assert codes <= {"in_progress"}
    assert came_back(place.ledger.query, id_of(sold.entry)) == {"1": 1000 * given}
    assert given >= 1


# Which receipt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"receipt": "gw-other/e/receipt/1"}, "receipt_elsewhere"),
        ({"receipt": "gw-test/0000/receipt/1"}, "receipt_gone"),
        ({"receipt": "gw-test/{epoch}/receipt/99"}, "no_such_receipt"),
        ({"receipt": "gw-test/{epoch}/receipt/0"}, "receipt_gone"),
        ({"receipt": "gw-test/{epoch}/audit/1"}, "no_such_receipt"),
        ({"receipt": "gw-test/{epoch}/receipt/²"}, "no_such_receipt"),
        ({"receipt": "gw-test/{epoch}/receipt/" + "9" * 60}, "no_such_receipt"),
        ({"receipt": "F-1"}, "no_such_receipt"),
        ({"key": "never"}, "no_such_receipt"),
        ({}, "bad_refund"),
        ({"receipt": "gw-test/{epoch}/receipt/1", "key": "k"}, "bad_refund"),
    ],
)
async def test_a_receipt_that_cannot_be_given_back_says_why(
    place: Place, pos: Pos, named: dict[str, Any], code: str
) -> None:
    await pos.sell(book())
    fields: dict[str, Any] = {name: text.replace("{epoch}", place.ledger.epoch) for name, text in named.items()}
    assert await refused(pos.refund(RefundRequest(fiscal_number="R-1", **fields))) == code


async def test_what_is_no_receipt_is_none(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book())
    given = await pos.refund(back(sold.entry))
    assert await refused(pos.refund(back(given.entry))) == "no_such_receipt"


async def test_a_receipt_whose_holder_was_forgotten_is_given_back_by_the_paper(place: Place, pos: Pos) -> None:
    await pos.tap("berta")
    sold = await pos.sell(book())
    async with place.ledger.pause():
        assert erase_entries(place.ledger_path, Traces("h-berta"))
    assert await refused(pos.refund(back(sold.entry))) == "receipt_erased"


async def test_a_receipt_that_is_kept_no_longer_is_told_so_and_so_are_its_rows(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000))
    await pos.refund(back(sold.entry, ("1", 1000)))
    await pos.sell(book())
    place.ledger.ack(Stream.RECEIPT, 2)
    await place.ledger.commit([])
    place.clock.advance(36 * 24 * 3600)
    place.ledger.tidy()
    while place.ledger.floor(Stream.RECEIPT) < 2:
        await place.ledger.commit([])
    await place.ledger.commit([], [SalesTidied()])
    assert await refused(pos.refund(back(sold.entry))) == "receipt_gone"
    assert place.ledger.query("SELECT seq FROM sale") == [(3,)]
    assert place.ledger.query("SELECT count(*) FROM returned") == [(0,)]


async def test_rows_of_older_epochs_stay_for_their_time_and_while_the_clock_is_not_trusted(
    place: Place, pos: Pos
) -> None:
    await pos.sell(book())
    await place.ledger.new_epoch(EpochReason.ORDERED)
    place.clock.advance(KEEP_SALES_MS / 1000 + 1)
    place.clock.quality = ClockQuality.GUESS
    await place.ledger.commit([], [SalesTidied()])
    assert place.ledger.query("SELECT count(*) FROM sale") == [(1,)]
    place.clock.quality = ClockQuality.NTP
    await place.ledger.commit([], [SalesTidied()])
    assert place.ledger.query("SELECT count(*) FROM sale") == [(0,)]


async def test_what_had_come_back_before_a_file_was_salvaged_never_comes_back_again(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000))
    await pos.refund(back(sold.entry, ("1", 1000)))
    await place.ledger.new_epoch(EpochReason.ORDERED)
    of = id_of(sold.entry)

    class Salvaged:
        """As it is read out of the entries of a damaged file, which say no time that can be trusted."""

        def apply(self, db: sqlite3.Connection, *_: object) -> None:
            db.execute("UPDATE returned SET at_ms=0, quantity=2000 WHERE epoch=? AND seq=?", (of.epoch, of.seq))

    await place.ledger.commit([], [Salvaged(), SalesTidied()])
    assert await refused(pos.refund(back(sold.entry))) == "nothing_left"
