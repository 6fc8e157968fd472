"""Slips after a sale: what is left and what the rules say, once the receipt stands."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.config.types import TillStation
from gateway.model.entry import EntryKind
from gateway.model.errors import DeadlineMissed, GatewayError, InputRefused, NotReady
from gateway.model.shown import Show
from gateway.model.slip import SlipState
from gateway.stations.slips import NOT_PRINTED
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest
from tests.stations.slip_counter import COUPON, Counter, answer
from tests.support.place import FREE, Card


async def test_after_a_sale_what_is_left_and_the_message_are_printed(counter: Counter) -> None:
    await counter.sold()
    title, message, left, _when = await counter.slip_of_sale()
    assert (title, message) == ("Jūsu atlikums", "Labu braucienu")
    assert left == "Atlicis vismaz 2 līdz 23.11.2026.", "of what is leased here"
    assert counter.printer.on_disk == [1]
    assert counter.shown()[-1] == (Show.RECORDED, "")


async def test_the_slip_names_nobody_and_nothing_that_entitles(counter: Counter) -> None:
    await counter.sold()
    await counter.slip_of_sale()
    said = msgspec.json.encode(counter.printer.jobs[0].parts).decode()
    who = counter.place.bodies(EntryKind.RECEIPT)[0]["identification"]
    for secret in (who["holder"], FREE, who["credential"]["digest"], "rides", "museum", *who["entitlements"]):
        assert secret not in said


async def test_a_stranger_gets_none_and_neither_does_who_has_nothing_counted(counter: Counter) -> None:
    quote = await counter.quoted()
    await counter.till.commit(CommitRequest(quote.quote, fiscal_number="1"), "r1")
    await counter.sold("2", card="berta")
    await counter.till.stop()
    assert counter.printer.jobs == []


async def test_a_till_that_names_no_printer_of_slips_prints_none(counter: Counter) -> None:
    section = TillStation(id="till-1", readers=("nfc-1",))
    counter.till = Till(section, counter.place.services, counter.printer)
    await counter.sold()
    await counter.till.stop()
    assert counter.printer.jobs == []
    with pytest.raises(NotReady) as refused:
        await counter.till.slip(COUPON, "k1")
    assert refused.value.code == "no_slip_printer"


async def test_the_answer_to_the_pos_does_not_wait_for_the_slip(counter: Counter) -> None:
    counter.printer.gate = asyncio.Event()
    await counter.sold()
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    assert counter.shown()[-1] == (Show.RECORDED, "")
    counter.printer.gate.set()


@pytest.mark.parametrize(
    "error", [NotReady("unplugged"), InputRefused("no paper", code="no_paper"), DeadlineMissed("broken off")]
)
async def test_a_sale_stands_without_its_slip_and_the_page_says_so(counter: Counter, error: GatewayError) -> None:
    counter.printer.script = [error]
    await counter.sold()
    await counter.till.stop()
    assert counter.shown()[-1] == (Show.RECORDED, NOT_PRINTED)
    assert counter.place.board.last("till-1").due_cents == 0  # type: ignore[union-attr]
    assert len(counter.place.bodies(EntryKind.RECEIPT)) == 1
    assert len(counter.printer.jobs) == 1, "never again by itself"


async def test_the_next_person_does_not_see_what_became_of_another_s_slip(counter: Counter) -> None:
    counter.printer.gate, counter.printer.script = asyncio.Event(), [NotReady("unplugged")]
    await counter.sold()
    await asyncio.wait_for(counter.printer.asked.wait(), 10)
    await counter.till.on_reading(Card("berta").tap(counter.place))
    counter.printer.gate.set()
    await counter.till.stop()
    assert counter.shown()[-1] == (Show.ACCEPTED, "")


async def test_a_receipt_of_the_gateways_own_printer_comes_first(counter: Counter) -> None:
    await counter.sold(print=True)
    await counter.slip_of_sale()
    assert len(counter.place.outputs.paper) == 1
    assert counter.printer.on_disk[0] > 1, "after the receipt's end is on disk"


async def test_after_a_receipt_that_was_not_printed_there_is_no_slip(counter: Counter) -> None:
    counter.place.outputs.print_script.append(InputRefused("no paper", code="no_paper"))
    await counter.sold(print=True)
    await counter.till.stop()
    assert counter.printer.jobs == []
    assert counter.shown()[-1][0] is Show.ATTENTION


async def test_on_a_fiscal_printer_in_doubt_no_slip_is_begun(counter: Counter) -> None:
    """How a receipt ended is read back from its counters, and a slip may count in them."""
    services = counter.place.services
    section = TillStation(id="till-1", readers=("nfc-1",), printer="slips-1", slips="slips-1")
    await counter.till.stop()
    counter.till = Till(section, services, counter.printer)
    await counter.till.start()
    counter.place.outputs.print_script.append("closing")
    await counter.sold(print=True)
    assert services.printers.doubts("slips-1")
    told = answer(await counter.till.slip(COUPON, "k1"))
    assert (told.state, told.reason) == (SlipState.NOT_PRINTED, "printer_in_doubt")
    assert counter.printer.jobs == []
