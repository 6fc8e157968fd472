"""Voids: a receipt that was cancelled as a whole, with or without a paper of its own."""

from __future__ import annotations

import asyncio

from gateway.model.entry import EntryKind
from gateway.model.fiscal import ReceiptWork, ReversalReason
from gateway.stations.refund_words import RefundAnswer, VoidRequest
from tests.stations.till_rig import Pos, back, book, in_use, refused
from tests.support.place import Place, SlowDisk


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
