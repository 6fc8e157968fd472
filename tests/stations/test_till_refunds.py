"""What comes back of a receipt: as its own decision says, never more than was sold, at any till of the place."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger.erase import Traces, erase_entries
from gateway.model.bodies import EpochReason
from gateway.model.clock import ClockQuality
from gateway.model.decision import FiscalForm, Share, Use
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import InputRefused, NotReady
from gateway.model.fiscal import PrintOutcome, PrintResult, ReceiptWork, ReversalReason
from gateway.model.receipt import Means
from gateway.model.shown import Show
from gateway.stations.answers import KEEP_MS
from gateway.stations.refund_words import Back, RefundAnswer, RefundRequest, VoidRequest, WhyBack
from gateway.stations.sales import KEEP_SALES_MS, LOOK_AHEAD, SalesTidied, came_back, id_of
from gateway.stations.till_ends import Ends
from tests.stations.till_rig import Pos, book, held, in_use, refused, with_quotas
from tests.support.outputs import Silence
from tests.support.place import Place, SlowDisk


@pytest.fixture
async def pos(place: Place) -> Pos:
    return await Pos(place).start()


@pytest.fixture
async def counted(place: Place, tmp_path: Path) -> AsyncIterator[Pos]:
    authority = await with_quotas(place, tmp_path)
    yield await Pos(place, printer="fiscal-1").start()
    await authority.stop()


def back(receipt: str, *lines: tuple[str, int], number: str = "R-1", **more: object) -> RefundRequest:
    fields = {"fiscal_number": number, **more}
    return RefundRequest(receipt=receipt, lines=tuple(Back(*one) for one in lines), **fields)  # type: ignore[arg-type]


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


# Paper ------------------------------------------------------------------------------------------------------


async def test_a_refund_of_the_pos_names_its_paper(pos: Pos) -> None:
    sold = await pos.sell(book())
    assert await refused(pos.refund(RefundRequest(receipt=sold.entry))) == "bad_refund"
    assert await refused(pos.refund(RefundRequest(receipt=sold.entry, print=True))) == "bad_refund"
    preview = RefundRequest(receipt=sold.entry, preview=True, fiscal_number="R-1")
    assert await refused(pos.refund(preview)) == "bad_refund"


async def test_what_was_printed_here_is_given_back_on_paper_here(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=2000), print=True)
    given = await counted.refund(
        RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), print=True, reason=WhyBack.MISTAKE), "back"
    )
    assert given.fiscal is not None
    assert (given.fiscal.state, given.fiscal.number) == ("printed", "42")
    work = place.outputs.jobs[-1]
    assert isinstance(work, ReceiptWork)
    assert work.reversal is not None
    assert (work.reversal.number, work.reversal.reason) == ("42", ReversalReason.ERROR)
    assert in_use(place) == 1, "units are free with the paper"
    assert place.bodies(EntryKind.REFUND)[0]["work"] == work.key
    assert await counted.refund(
        RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), print=True, reason=WhyBack.MISTAKE), "back"
    ) == given  # fmt: skip
    await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert in_use(place) == 0


async def test_a_refund_whose_paper_was_refused_did_not_take_place(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=2000), print=True)
    place.outputs.print_script.append(NotReady("no paper"))
    given = await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert given.fiscal is not None
    assert given.fiscal.state == "refused"
    assert (came_back(place.ledger.query, id_of(sold.entry)), in_use(place)) == ({}, 2)
    again = await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert again.fiscal is not None
    assert (again.fiscal.state, in_use(place)) == ("printed", 0)


BAD_TEXT = PrintOutcome("", PrintResult.REFUSED, reason="it is long", code="bad_text", where="items[0].text")


@pytest.mark.parametrize("voids", [False, True])
async def test_a_refund_that_the_driver_would_refuse_is_not_recorded(place: Place, counted: Pos, voids: bool) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(), book("2", quantity=2000), print=True)
    recorded, jobs, used = place.kinds(), list(place.outputs.jobs), in_use(place)
    place.outputs.refuses.append(BAD_TEXT)
    second = RefundRequest(receipt=sold.entry, lines=(Back("2", 1000),), print=True)
    void = VoidRequest(receipt=sold.entry, print=True)
    with pytest.raises(InputRefused) as caught:
        await (counted.void(void, "back") if voids else counted.refund(second, "back"))
    line = 0 if voids else 1  # of the receipt, not of the paper
    assert (caught.value.code, caught.value.what) == ("bad_text", f"it is long - at `$.receipt.lines[{line}].text`")
    assert (place.kinds(), place.outputs.jobs, in_use(place)) == (recorded, jobs, used)
    assert came_back(place.ledger.query, id_of(sold.entry)) == {}
    given = await (counted.void(void, "back") if voids else counted.refund(second, "back"))  # the same key
    assert given.fiscal is not None
    assert (given.fiscal.state, in_use(place)) == ("printed", 0 if voids else used - 1)


async def test_a_sale_that_the_driver_would_refuse_leaves_its_quote_with_what_it_holds(
    place: Place, counted: Pos
) -> None:
    await counted.tap("anna")
    quote = await counted.quote(book(quantity=2000))
    place.outputs.refuses.append(BAD_TEXT)
    assert await refused(counted.commit(quote, "sale", print=True)) == "bad_text"
    assert (held(place), in_use(place), place.kinds(Stream.RECEIPT)) == (2, 0, [])
    sold = await counted.commit(quote, "sale", print=True)
    assert sold.fiscal is not None
    assert (sold.fiscal.state, held(place), in_use(place)) == ("printed", 0, 2)


async def test_a_sale_whose_paper_was_refused_did_not_take_place(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    place.outputs.print_script.append(NotReady("no paper"))
    sold = await counted.sell(book(quantity=2000), print=True)
    assert in_use(place) == 0
    assert await refused(counted.refund(RefundRequest(receipt=sold.entry, print=True))) == "not_printed"
    assert await refused(counted.void(VoidRequest(receipt=sold.entry, print=True))) == "not_printed"


async def test_what_may_be_on_paper_is_settled_first(place: Place, counted: Pos) -> None:
    place.outputs.print_script.append("paying")
    sold = await counted.sell(book(), print=True)
    assert await refused(counted.refund(RefundRequest(receipt=sold.entry, print=True))) == "print_unknown"


async def test_what_is_being_printed_is_waited_for(place: Place, counted: Pos) -> None:
    silence = Silence()
    place.outputs.print_script.append(silence)
    quote = await counted.quote()
    work = asyncio.create_task(counted.commit(quote, "sale-1", print=True))
    await silence.asked.wait()
    assert await refused(counted.refund(RefundRequest(key="sale-1", print=True))) == "in_progress"
    work.cancel()
    for task in [*counted.till._once.busy.values(), *place.services.printers._running]:
        task.cancel()
        await asyncio.wait([task])


async def test_a_till_without_a_printer_prints_no_refund(place: Place, counted: Pos) -> None:
    sold = await counted.sell(book(), print=True)
    other = await Pos(place, "till-2").start()
    assert await refused(other.refund(RefundRequest(receipt=sold.entry, print=True))) == "no_printer"


async def test_when_the_journal_has_forgotten_a_print_its_entries_know(place: Place, counted: Pos) -> None:
    sold = await counted.sell(book(), print=True)
    place.clock.advance(KEEP_MS / 1000 + 2 * 24 * 3600)
    await counted.quote()
    assert place.ledger.query("SELECT count(*) FROM fiscal") == [(0,)]
    given = await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert given.fiscal is not None
    assert given.fiscal.state == "printed"


@pytest.mark.parametrize(("seen", "says"), [("43", ""), (None, "not_printed")])
async def test_a_receipt_that_was_settled_long_after_it_was_sold_is_given_back_all_the_same(
    place: Place, counted: Pos, seen: str | None, says: str
) -> None:
    place.outputs.print_script.append("closing")
    sold = await counted.sell(book(), print=True)
    (doubt,) = place.services.printers.doubts()
    for _ in range(LOOK_AHEAD):
        await counted.sell(book(category="pens"))
    await place.services.printers.settle_by_hand(doubt.key, seen, "Anna")
    place.clock.advance(KEEP_MS / 1000 + 2 * 24 * 3600)
    await counted.quote()
    assert place.ledger.query("SELECT count(*) FROM fiscal") == [(0,)]
    if says:
        assert await refused(counted.refund(back(sold.entry))) == says
    else:
        assert (await counted.refund(back(sold.entry))).due_cents == 1000


async def test_a_receipt_whose_number_nobody_told_is_given_back_by_hand(place: Place, counted: Pos) -> None:
    key = (await counted.quote()).quote
    place.outputs.print_script.append(PrintOutcome(key, PrintResult.PRINTED))
    sold = await counted.commit(key, print=True)
    assert await refused(counted.refund(RefundRequest(receipt=sold.entry, print=True))) == "print_unknown"
    assert (await counted.refund(back(sold.entry))).due_cents == 1000


async def test_while_a_refund_is_in_doubt_nothing_else_of_its_receipt_comes_back(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=3000), print=True)
    part = RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), print=True)
    silence = Silence()
    place.outputs.print_script.append(silence)
    work = asyncio.create_task(counted.refund(part))
    await silence.asked.wait()
    assert await refused(counted.refund(back(sold.entry))) == "in_progress"
    after = await place.crash()
    work.cancel()
    for task in [*counted.till._once.busy.values(), *place.services.printers._running]:
        task.cancel()
        await asyncio.wait([task])
    again = await Pos(after, printer="fiscal-1").start()
    assert came_back(after.ledger.query, id_of(sold.entry)) == {}, "nothing had been sent to the printer"
    after.outputs.print_script.append("closing")
    given = await again.refund(part, "b-1")
    assert given.fiscal is not None
    assert given.fiscal.state == "unknown"
    assert await refused(again.refund(back(sold.entry))) == "print_unknown"
    printers = after.services.printers
    printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.READY))
    while printers.doubts():
        await after.settle()
    told = await again.refund(part, "b-1")
    assert told.fiscal is not None
    assert told.fiscal.state == "printed"
    assert (await again.refund(back(sold.entry))).lines[0].quantity == 2000
    await printers.stop()
    await after.stop()


@pytest.mark.parametrize("seen", [None, "43"])
async def test_a_till_that_has_no_printer_any_more_still_hears_how_its_refund_ended(
    place: Place, counted: Pos, seen: str | None
) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=3000), print=True)
    place.outputs.print_script.append("closing")
    part = RefundRequest(receipt=sold.entry, lines=(Back("1", 1000),), print=True)
    assert (await counted.refund(part, "b-1")).fiscal is not None
    after = await place.crash()
    again = await Pos(after).start()
    printers = after.services.printers
    await printers.start(Ends(after.services))
    (doubt,) = printers.doubts()
    await printers.settle_by_hand(doubt.key, seen, "Anna")
    assert came_back(after.ledger.query, id_of(sold.entry)) == ({"1": 1000} if seen else {})
    assert (await again.refund(back(sold.entry))).lines[0].quantity == (2000 if seen else 3000)
    told = await again.refund(part, "b-1")
    assert told.fiscal is not None
    assert told.fiscal.state == ("printed" if seen else "cancelled")
    await after.stop()


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


# Voids ------------------------------------------------------------------------------------------------------


async def test_a_void_is_all_of_it_without_a_paper_of_its_own(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    sold = await counted.sell(book(quantity=2000), key="sale-1")
    request = VoidRequest(key="sale-1")
    given = await counted.void(request, "void-1")
    assert (given.discount_cents, given.rest, in_use(place)) == (2000, False, 0)
    assert await counted.void(request, "void-1") == given
    assert await refused(counted.void(request, "void-2")) == "nothing_left"
    (body,) = place.bodies(EntryKind.REFUND)
    assert (body["reason"], body["receipt"], body.get("printed_by")) == ("void", sold.entry, None)


async def test_what_has_come_back_in_part_cannot_be_voided(pos: Pos) -> None:
    sold = await pos.sell(book(quantity=2000))
    await pos.refund(back(sold.entry, ("1", 1000)))
    assert await refused(pos.void(VoidRequest(receipt=sold.entry))) == "partly_returned"


async def test_a_void_and_a_refund_at_once_give_it_back_once(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book())
    with SlowDisk(place):
        work: list[asyncio.Task[RefundAnswer]] = [
            asyncio.create_task(pos.refund(back(sold.entry))),
            asyncio.create_task(pos.void(VoidRequest(receipt=sold.entry))),
        ]
        await asyncio.wait(work, timeout=0.1)
    results = await asyncio.gather(*work, return_exceptions=True)
    assert [getattr(result, "code", "") for result in results] == ["", "nothing_left"]


async def test_what_was_printed_here_is_voided_with_a_paper(place: Place, counted: Pos) -> None:
    sold = await counted.sell(book(), print=True)
    assert await refused(counted.void(VoidRequest(receipt=sold.entry))) == "bad_refund"
    given = await counted.void(VoidRequest(receipt=sold.entry, print=True))
    assert given.fiscal is not None
    assert given.fiscal.state == "printed"
    work = place.outputs.jobs[-1]
    assert isinstance(work, ReceiptWork)
    assert work.reversal is not None
    assert work.reversal.reason is ReversalReason.ERROR


# Withdrawn quotes -------------------------------------------------------------------------------------------


async def test_a_withdrawn_quote_holds_nothing_and_cannot_be_committed(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    quote = await counted.quote(book(quantity=4000))
    assert held(place) == 4
    first = await counted.till.withdraw(quote.quote)
    assert await counted.till.withdraw(quote.quote) == first
    assert held(place) == 0
    assert await refused(counted.commit(quote)) == "no_such_quote"
    assert not (await counted.quote()).identified, "the tap went with its receipt"


async def test_a_withdrawal_is_the_same_after_a_restart(place: Place, pos: Pos) -> None:
    quote = await pos.quote()
    first = await pos.till.withdraw(quote.quote)
    after = await place.crash()
    assert await (await Pos(after).start()).till.withdraw(quote.quote) == first
    await after.stop()


async def test_a_committed_quote_cannot_be_withdrawn(pos: Pos) -> None:
    quote = await pos.quote()
    await pos.commit(quote)
    assert await refused(pos.till.withdraw(quote.quote)) == "no_such_quote"


async def test_of_a_commit_and_a_withdrawal_at_once_one_counts(place: Place, pos: Pos) -> None:
    quote = await pos.quote()
    with SlowDisk(place):
        commit = asyncio.create_task(pos.commit(quote))
        withdrawn = asyncio.create_task(pos.till.withdraw(quote.quote))
        await asyncio.wait([commit, withdrawn], timeout=0.1)
    results = await asyncio.gather(commit, withdrawn, return_exceptions=True)
    assert [getattr(result, "code", "") for result in results] == ["", "quote_used"]


async def test_a_replaced_quote_frees_what_it_held_for_the_new_one(place: Place, counted: Pos) -> None:
    await counted.tap("anna")
    first = await counted.quote(book(quantity=5000))
    second = await counted.quote(book(quantity=6000), replaces=first.quote)
    assert (second.due_cents, held(place)) == (0, 6)
    await counted.commit(second)
    assert (in_use(place), held(place)) == (6, 0)


async def test_means_of_payment_are_those_of_the_sale(place: Place, pos: Pos) -> None:
    sold = await pos.sell(book(), means=Means.CASH)
    await pos.refund(back(sold.entry))
    assert place.bodies(EntryKind.REFUND)[0]["means"] == "cash"
