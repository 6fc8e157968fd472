"""Tried before it is in force, and the way back: by itself when content rots, by a person otherwise."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind
from gateway.model.errors import InputRefused, NotFound
from gateway.wire.bundle import BundleKind
from tests.support.clock import FakeClock
from tests.sync.taking import BLOCKS, REGISTRY, RULES, Taker, registry, rules


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


async def test_a_registry_that_shrinks_beyond_reason_is_refused_unless_it_is_meant(taker: Taker) -> None:
    people = [f"h{n:03d}" for n in range(100)]
    await taker.take(REGISTRY, 1, registry(*people))
    await taker.take(REGISTRY, 2, registry(*people[:20]))
    assert "self-test: 20 holders where 100" in taker.refusals[0]
    assert (taker.cache.holders(), taker.bundles.numbers) == (100, {"registry": 1})
    await taker.take(REGISTRY, 3, registry(*people[:20]), resized=True)
    assert (taker.cache.holders(), taker.bundles.numbers) == (20, {"registry": 3})


async def test_rules_that_grow_beyond_reason_are_refused_and_the_old_ones_stay(taker: Taker) -> None:
    few = [f"r{n}" for n in range(60)]
    await taker.take(RULES, 1, rules(*few))
    await taker.hand_over(RULES, 2, rules(*few, *(f"s{n}" for n in range(300))), resized=True)
    await taker.take(RULES, 3, rules(*few))
    assert "self-test: 60 rules where 360" in taker.refusals[0]
    assert taker.in_force[-1].rules.number == 2


async def test_rules_whose_examples_come_out_otherwise_are_refused_and_the_old_ones_stay(taker: Taker) -> None:
    await taker.take(RULES, 1, rules("r1"))
    document = json.loads(rules("r1"))
    example = {
        "what": "a tenth less",
        "at": "2026-05-10",
        "receipt": {"lines": [{"id": "1", "text": "Book", "category": "c0", "unit_cents": 1000}]},
    }
    for number, due in ((2, 910), (3, 900)):
        tried = {**document, "examples": [{**example, "expect": {"totals": {"due_cents": due}}}]}
        await taker.take(RULES, number, json.dumps(tried).encode())
    (refused,) = taker.refusals
    assert "self-test: example 1 (a tenth less): $.totals.due_cents: 900 instead of 910" in refused
    assert "correct the rules or the examples and publish them anew" in refused
    assert [one.rules.number for one in taker.in_force] == [1, 3]


@pytest.mark.parametrize("kind", [RULES, REGISTRY])
async def test_a_person_goes_back_and_the_number_does_not(taker: Taker, kind: BundleKind) -> None:
    contents: Callable[[str], bytes] = registry if kind is REGISTRY else rules
    for number in (1, 2):
        await taker.take(kind, number, contents(f"c{number}"))
    told = await taker.bundles.rollback(kind)
    assert (told.number, taker.bundles.numbers) == (1, {kind: 1})
    assert taker.holder == "c1" if kind is REGISTRY else taker.in_force[-1].rules.number == 1
    await taker.take(kind, 2, contents("c2"))
    assert taker.bundles.numbers == {kind: 1}, "what a person has taken back does not come again by itself"
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.bundles.numbers == {kind: 1}
    await again.take(kind, 3, contents("c3"))
    assert again.bundles.numbers == {kind: 3}
    (entry,) = taker.entries(EntryKind.BUNDLE_RETURNED)
    assert (entry["number"], entry["reason"]) == (1, "a person went back from 2")
    assert [(one.number, one.how) for one in again.bundles.history] == [
        (3, "applied"),
        (1, "rolled_back"),
        (2, "applied"),
        (1, "applied"),
    ]


async def test_there_must_be_something_to_go_back_to(taker: Taker) -> None:
    with pytest.raises(NotFound):
        await taker.bundles.rollback(RULES)
    await taker.take(RULES, 1, rules("a"))
    with pytest.raises(NotFound):
        await taker.bundles.rollback(RULES)
    await taker.take(RULES, 2, rules("b"))
    await taker.bundles.rollback(RULES)
    with pytest.raises(NotFound):
        await taker.bundles.rollback(RULES)
    with pytest.raises(InputRefused, match="never taken back"):
        await taker.bundles.rollback(BLOCKS)


async def test_a_new_bundle_that_rots_gives_way_to_the_one_before(taker: Taker) -> None:
    for number in (1, 2):
        await taker.take(RULES, number, rules(f"c{number}"))
        await taker.take(REGISTRY, number, registry(f"c{number}"))
    taker.cache.staging.put_content("rules", 2, b"{")
    taker.cache.unstage(2)
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.bundles.numbers == {"rules": 1, "registry": 1}
    assert (again.holder, again.in_force[-1].rules.number) == ("c1", 1)
    await taker.settled()
    assert {entry["bundle"] for entry in again.entries(EntryKind.BUNDLE_RETURNED)} == {"rules", "registry"}
    await again.take(RULES, 2, rules("c2"))
    await again.take(REGISTRY, 2, registry("c2"))
    assert again.bundles.numbers == {"rules": 2, "registry": 2}


async def test_history_keeps_the_newest_fifty(taker: Taker) -> None:
    for number in range(1, 61):
        await taker.take(RULES, number, rules(f"r{number}"))
    assert [one.number for one in taker.bundles.history] == list(range(60, 10, -1))


async def test_a_ledger_that_came_from_the_schema_before_fetches_its_bundles_again(taker: Taker) -> None:
    """It knows the number and the content's hash, and nothing of expiry: the number still never goes back."""
    await taker.take(RULES, 7, rules("a"))
    db = sqlite3.connect(taker.ledger.path)
    db.executescript("UPDATE bundle SET highest=0, highest_sha256='', previous=0; DELETE FROM bundle_past;")
    db.close()
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.bundles.numbers == {}
    await again.take(RULES, 6, rules("b"))
    await again.take(RULES, 7, rules("b"))
    assert again.bundles.numbers == {}
    await again.take(RULES, 7, rules("a"))
    assert again.bundles.numbers == {"rules": 7}
