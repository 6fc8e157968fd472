"""Refunds and the printer of the till: on which paper something comes back, and what is done while that is in doubt."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import Conflict, InputRefused, NotReady
from gateway.model.fiscal import (
    Baseline,
    PrinterDescription,
    PrintOutcome,
    PrintResult,
    ReceiptWork,
    Reversal,
    ReversalReason,
)
from gateway.stations.answers import KEEP_MS
from gateway.stations.refund_words import Back, ReadFromPaper, RefundRequest, VoidRequest, WhyBack
from gateway.stations.sales import LOOK_AHEAD, came_back, id_of
from gateway.stations.till_ends import Ends
from tests.stations.till_rig import Pos, back, book, held, in_use, refused
from tests.support.outputs import Silence
from tests.support.place import Place

WHEN = "2026-11-27T10:02:41"


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
    assert await refused(counted.refund(RefundRequest(receipt=sold.entry, print=True))) == "paper_needed"
    assert (await counted.refund(back(sold.entry))).due_cents == 1000


# What the printer asks for ----------------------------------------------------------------------------------


ASKS = PrinterDescription(
    "datecs-v2", "Datecs", "FP-700X", reversals=True, reversal_needs=("device_time", "fiscal_memory")
)


async def ready(place: Place) -> None:
    place.outputs.description = ASKS
    place.services.printers.on_change(DeviceHealth("fiscal-1", "fiscal", Health.READY))
    while place.services.printers.description("fiscal-1") is None:
        await place.settle()


def reversed_last(place: Place) -> Reversal:
    work = place.outputs.jobs[-1]
    assert isinstance(work, ReceiptWork)
    assert work.reversal is not None
    return work.reversal


async def test_what_was_read_back_with_its_time_is_given_back_without_a_person(place: Place, counted: Pos) -> None:
    await ready(place)
    place.outputs.print_script.append("closing")
    found = PrintOutcome("?", PrintResult.PRINTED, "43", device_time=WHEN, fiscal_memory="02000600")
    place.outputs.settle_script.append(found)
    sold = await counted.sell(book(), print=True)
    while place.services.printers.doubts():
        await place.settle()
    given = await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert given.fiscal is not None
    assert given.fiscal.state == "printed"
    assert reversed_last(place) == Reversal("43", ReversalReason.REFUND, WHEN, "02000600")


async def test_what_a_person_has_settled_with_its_time_is_given_back_on_paper(place: Place, counted: Pos) -> None:
    await ready(place)
    place.outputs.baseline = Baseline("41", serial="DT000600", fiscal_memory="02000600")
    place.outputs.print_script.append("closing")
    place.outputs.settle_script.append(PrintOutcome("?", PrintResult.UNKNOWN))
    sold = await counted.sell(book(), print=True)
    await place.settle()
    (doubt,) = place.services.printers.doubts()
    await place.services.printers.settle_by_hand(doubt.key, "43", "Anna", WHEN)
    await counted.refund(RefundRequest(receipt=sold.entry, print=True))
    assert reversed_last(place) == Reversal("43", ReversalReason.REFUND, WHEN, "02000600")


async def test_what_is_not_known_is_asked_for_by_its_name_and_may_be_read_from_the_paper(
    place: Place, counted: Pos
) -> None:
    await ready(place)
    sold = await counted.sell(book(), print=True)
    request = RefundRequest(receipt=sold.entry, print=True)
    with pytest.raises(Conflict) as asked:
        await counted.refund(request)
    assert asked.value.code == "paper_needed"
    assert "its date and time as `paper.device_time`" in asked.value.advice
    assert "the number of its fiscal memory as `paper.fiscal_memory`" in asked.value.advice
    assert "paper.number" not in asked.value.advice, "that is known"
    assert place.bodies(EntryKind.REFUND) == [], "nothing was recorded"
    read = ReadFromPaper(device_time="2026-11-27T10:02", fiscal_memory="02000600")
    given = await counted.refund(msgspec.structs.replace(request, paper=read))
    assert given.fiscal is not None
    assert given.fiscal.state == "printed"
    assert reversed_last(place) == Reversal("42", ReversalReason.REFUND, WHEN[:17] + "00", "02000600")


@pytest.mark.parametrize("read", [ReadFromPaper(number="43"), ReadFromPaper(number="0000042", device_time=WHEN)])
async def test_what_is_read_from_another_paper_is_refused(place: Place, counted: Pos, read: ReadFromPaper) -> None:
    quote = (await counted.quote()).quote
    place.outputs.print_script.append(
        PrintOutcome(quote, PrintResult.PRINTED, "42", device_time="2026-11-27T10:02:42", fiscal_memory="02000600")
    )
    sold = await counted.commit(quote, print=True)
    request = RefundRequest(receipt=sold.entry, print=True, paper=read)
    assert await refused(counted.refund(request)) == "paper_differs"
    fits = ReadFromPaper(number="0000042", device_time="2026-11-27T10:02")
    await counted.refund(msgspec.structs.replace(request, paper=fits))
    assert reversed_last(place) == Reversal("42", ReversalReason.REFUND, "2026-11-27T10:02:42", "02000600")


async def test_what_is_read_from_a_paper_is_for_what_is_printed_here(pos: Pos) -> None:
    sold = await pos.sell(book())
    assert await refused(pos.refund(back(sold.entry, paper=ReadFromPaper(number="42")))) == "bad_refund"


# In doubt ---------------------------------------------------------------------------------------------------


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
