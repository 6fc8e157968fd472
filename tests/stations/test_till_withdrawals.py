"""Quotes that are withdrawn or replaced: what they held is free, and of a commit at the same time one counts."""

from __future__ import annotations

import asyncio

from tests.stations.till_rig import Pos, book, held, in_use, refused
from tests.support.place import Place, SlowDisk


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
