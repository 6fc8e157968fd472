"""Large bundles: asked for chunk by chunk, kept over restarts and broken links, judged as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from gateway.centre.sign import SigningKey, public_text
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.errors import LedgerError
from gateway.sync.bundles import Pace
from gateway.sync.bundles_fetch import IN_FLIGHT
from gateway.wire.chunks import CHUNK_BYTES, count, encode_chunk
from gateway.wire.registry import encode
from tests.support.clock import FakeClock
from tests.sync.ends import KEY, announced, bundle
from tests.sync.taking import KEYS, REGISTRY, RULES, Cut, Taker, card, city, keep, registry, rules, until

CITY = encode(city(2000))
"""Three chunks."""
SHA = hashlib.sha256(CITY).hexdigest()


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def part(index: int, content: bytes = CITY) -> bytes:
    return content[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]


async def test_a_large_registry_is_asked_for_and_put_in_force_when_it_is_whole(taker: Taker) -> None:
    assert count(len(CITY)) == 3
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: taker.bundles.numbers == {"registry": 5})
    assert taker.cache.find(card(1999)) is not None
    await until(lambda: taker.bundles.status.fetching == ())
    assert taker.cache.staging.chunks(SHA) == set(), "chunks that are of no use any more are kept"
    taker.bundles.lost()


async def test_large_rules_are_fetched_the_same_way(taker: Taker) -> None:
    taker.connect()
    signed = bundle(RULES, 2, rules(*(f"r{n}" for n in range(800))))
    await taker.announce(signed)
    await taker.serve(signed, lambda: taker.bundles.numbers == {"rules": 2})
    assert len(taker.in_force[-1].rules) == 800
    taker.bundles.lost()


async def test_only_a_few_chunks_are_on_their_way_at_a_time(taker: Taker) -> None:
    taker.connect()
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await until(lambda: len(taker.asked) > 0)
    assert taker.asked == [(SHA, index) for index in range(IN_FLIGHT)]
    await taker.bundles.take_chunk(encode_chunk(SHA, 0, part(0)))
    await until(lambda: len(taker.asked) > IN_FLIGHT)
    assert taker.asked[IN_FLIGHT:] == [(SHA, 2)]
    taker.bundles.lost()


async def test_nothing_is_asked_for_while_the_centre_is_not_reached(taker: Taker) -> None:
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await asyncio.sleep(0)
    assert taker.wishes == []
    assert [(one.have, one.of) for one in taker.bundles.status.fetching] == [(0, 3)]


async def test_after_a_broken_link_only_the_rest_is_asked_for(taker: Taker) -> None:
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: False, most=2)
    taker.bundles.lost()
    taker.forget_wishes()
    taker.connect()
    await taker.serve(signed, lambda: "registry" in taker.bundles.numbers)
    assert taker.asked == [(SHA, 2)]
    taker.bundles.lost()


async def test_after_a_power_cut_only_the_rest_is_asked_for(taker: Taker, tmp_path: Path) -> None:
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: False, most=2)
    taker.bundles.lost()
    for name in ("cache", "ledger"):
        keep(tmp_path, name, tmp_path / "cut")
    after = Cut(tmp_path / "cut", taker.clock)
    after.taker.connect()
    await after.taker.serve(signed, lambda: "registry" in after.taker.bundles.numbers)
    assert after.taker.asked == [(SHA, 2)]
    await after.stop()


async def test_what_came_whole_before_a_power_cut_is_put_in_force_after_it(taker: Taker, tmp_path: Path) -> None:
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: False, most=2)
    taker.bundles.lost()
    taker.cache.staging.put_chunk(SHA, 2, part(2))  # the cut comes before anything is done with it
    for name in ("cache", "ledger"):
        keep(tmp_path, name, tmp_path / "cut")
    after = Cut(tmp_path / "cut", taker.clock)
    after.taker.connect()
    await until(lambda: after.taker.bundles.numbers == {"registry": 5})
    assert after.taker.wishes == []
    await after.stop()


async def test_a_chunk_that_does_not_come_is_asked_for_again(ledger: Ledger, cache: Cache, clock: FakeClock) -> None:
    taker = Taker(ledger, cache, clock, Pace(jitter_s=0, reask_s=0.02))
    taker.connect()
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await until(lambda: taker.asked.count((SHA, 0)) >= 3)
    taker.bundles.lost()


async def test_a_newer_bundle_takes_the_place_of_the_one_on_its_way(taker: Taker) -> None:
    taker.connect()
    first, second = bundle(REGISTRY, 5, CITY), bundle(REGISTRY, 6, encode(city(2001)))
    await taker.announce(first)
    await taker.serve(first, lambda: False, most=2)
    taker.forget_wishes()
    await taker.announce(second)
    await taker.announce(first)
    await taker.serve(second, lambda: taker.bundles.numbers == {"registry": 6})
    assert taker.cache.staging.offers() == []
    taker.bundles.lost()


async def test_what_is_announced_twice_is_fetched_once(taker: Taker) -> None:
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    for _ in range(3):
        await taker.announce(signed)
    given = await taker.serve(signed, lambda: taker.bundles.numbers == {"registry": 5})
    await taker.announce(signed)
    assert given == 3
    assert taker.bundles.status.fetching == ()
    taker.bundles.lost()


async def test_a_key_that_was_retired_meanwhile_brings_nothing_into_force(taker: Taker) -> None:
    fresh = SigningKey(b"freshkey", bytes(range(1, 33)))
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: False, most=2)
    await taker.take(KEYS, 1, b'{"keys":["%s"]}' % public_text(fresh).splitlines()[1].encode())
    await taker.serve(signed, lambda: taker.bundles.status.fetching == ())
    assert taker.bundles.numbers == {"keys": 1}
    assert "signed by key" in taker.refusals[0]
    assert KEY.name in taker.refusals[0]
    taker.bundles.lost()


class Late(random.Random):
    """Draws the latest moment there is."""

    def uniform(self, _low: float, high: float) -> float:
        return high


async def test_what_is_for_all_gateways_is_fetched_at_a_random_moment(
    ledger: Ledger, cache: Cache, clock: FakeClock
) -> None:
    taker = Taker(ledger, cache, clock, Pace(jitter_s=0.2))
    taker.bundles._fetcher._rng = Late()
    taker.connect()
    began = asyncio.get_running_loop().time()
    await taker.announce(bundle(REGISTRY, 5, CITY, target="*"))
    assert taker.wishes == []
    await until(lambda: taker.wishes != [])
    assert asyncio.get_running_loop().time() - began >= 0.2
    taker.bundles.lost()


@pytest.mark.parametrize("kind", [REGISTRY, RULES])
async def test_an_announcement_alone_changes_nothing(taker: Taker, kind: object) -> None:
    await taker.take(REGISTRY, 1, registry("old"))
    await taker.announce(bundle(REGISTRY, 2, CITY))
    assert taker.holder == "old"
    assert announced(bundle(REGISTRY, 2, CITY)).count(b"content") == 0


async def test_a_card_that_is_full_is_not_written_on_again_and_again(taker: Taker, cache: Cache) -> None:
    await taker.take(REGISTRY, 1, registry("old"))
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(signed, lambda: False, most=2)
    pages = cache._write.execute("PRAGMA page_count").fetchone()[0]
    cache._write.execute(f"PRAGMA max_page_count={pages + 35}")  # room for the last chunk, not for the registry
    with pytest.raises(LedgerError):
        await taker.serve(signed, lambda: False, most=1)
    (fetching,) = taker.bundles.status.fetching
    assert (fetching.have, taker.holder, taker.bundles.numbers) == (3, "old", {"registry": 1})
    writes = cache._write.total_changes
    taker.bundles.lost()
    taker.connect()
    await taker.settled()
    assert cache._write.total_changes == writes
    taker.bundles.lost()


async def test_a_stop_does_not_wait_for_a_registry_and_the_next_start_goes_on(taker: Taker) -> None:
    signed = bundle(REGISTRY, 5, encode(city(50_000)))
    taker.connect()
    await taker.announce(signed)
    all_of_it = count(len(signed.content or b""))
    coming = asyncio.create_task(taker.serve(signed, lambda: False, most=all_of_it))
    await until(lambda: taker.bundles._heavy.locked() and taker.cache.rows("SELECT 1 FROM holder LIMIT 1") != [])
    taker.bundles.stop()
    assert await coming == all_of_it
    assert (taker.bundles.numbers, taker.refusals) == ({}, [])
    again = Taker(taker.ledger, taker.cache, taker.clock)
    again.connect()
    await until(lambda: again.bundles.numbers == {"registry": 5})
    assert (again.wishes, again.cache.holders()) == ([], 50_000)
    again.bundles.lost()


async def test_what_is_signed_anew_on_the_way_keeps_its_chunks(taker: Taker) -> None:
    fresh = SigningKey(b"freshkey", bytes(range(1, 33)))
    taker.connect()
    first, second = bundle(REGISTRY, 5, CITY), bundle(REGISTRY, 5, CITY, key=fresh)
    await taker.announce(first)
    await taker.serve(first, lambda: False, most=2)
    await taker.take(KEYS, 1, b'{"keys":["%s"]}' % public_text(fresh).splitlines()[1].encode())
    await taker.announce(second)
    assert await taker.serve(second, lambda: "registry" in taker.bundles.numbers) == 1
    assert taker.refusals == []
    taker.bundles.lost()


async def test_a_newer_one_that_comes_whole_ends_the_fetching_of_an_older_one(taker: Taker) -> None:
    taker.connect()
    first = bundle(REGISTRY, 5, CITY)
    await taker.announce(first)
    await taker.serve(first, lambda: False, most=1)
    await taker.take(REGISTRY, 6, registry("h1"))
    assert (taker.bundles.status.fetching, taker.refusals) == ((), [])
    assert taker.cache.staging.offers() == []
    taker.bundles.lost()
