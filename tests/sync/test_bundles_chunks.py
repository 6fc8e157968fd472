"""What goes wrong while chunks come: floods, wrong ones, none at all."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind
from gateway.model.errors import InputRefused
from gateway.sync.bundles import Pace
from gateway.sync.bundles_fetch import IN_FLIGHT, TRIES
from gateway.wire.chunks import CHUNK_BYTES, encode_chunk
from gateway.wire.registry import encode
from tests.support.clock import FakeClock
from tests.sync.ends import bundle
from tests.sync.taking import REGISTRY, Taker, city, registry, until

CITY = encode(city(2000))
"""Three chunks."""
SHA = hashlib.sha256(CITY).hexdigest()


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def part(index: int, content: bytes = CITY) -> bytes:
    return content[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]


async def test_a_content_that_never_comes_is_given_up_and_recorded(
    ledger: Ledger, cache: Cache, clock: FakeClock
) -> None:
    taker = Taker(ledger, cache, clock, Pace(jitter_s=0, reask_s=0.01, give_up_s=0.05))
    await taker.take(REGISTRY, 1, registry("old"))
    taker.connect()
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await until(lambda: len(taker.refusals) == 1)
    assert "did not come: 0 of 3 chunks" in taker.refusals[0]
    assert (taker.holder, taker.bundles.status.fetching) == ("old", ())
    taker.bundles.lost()


async def test_chunks_that_do_not_fit_the_hash_are_fetched_again_then_given_up(taker: Taker) -> None:
    await taker.take(REGISTRY, 1, registry("old"))
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    false = bundle(REGISTRY, 5, CITY[:-2] + b" \n")
    given = await taker.serve(false, lambda: taker.bundles.status.fetching == ())
    assert given == 3 * TRIES
    assert (taker.holder, taker.bundles.numbers) == ("old", {"registry": 1})
    assert taker.refusals == ["the content is not the one that was signed"]
    assert taker.cache.staging.chunks(SHA) == set()
    taker.bundles.lost()


async def test_a_second_try_with_the_right_chunks_succeeds(taker: Taker) -> None:
    taker.connect()
    signed = bundle(REGISTRY, 5, CITY)
    await taker.announce(signed)
    await taker.serve(bundle(REGISTRY, 5, CITY[:-2] + b" \n"), lambda: False, most=3)
    await taker.serve(signed, lambda: "registry" in taker.bundles.numbers)
    taker.bundles.lost()


async def test_a_flood_of_chunks_that_nobody_asked_for_is_told_as_a_count(taker: Taker) -> None:
    taker.connect()
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await until(lambda: len(taker.asked) == IN_FLIGHT)
    for number in range(50):
        await taker.bundles.take_chunk(encode_chunk(hashlib.sha256(b"%d" % number).hexdigest(), 0, b"x"))
        await taker.bundles.take_chunk(encode_chunk(SHA, 2, part(2)))  # not yet
        await taker.bundles.take_chunk(b"noise")
    await taker.settled()
    told = taker.entries(EntryKind.SECURITY)
    assert [(body["what"], body.get("count", 1)) for body in told] == [
        ("unasked_chunk", 1),
        ("unasked_chunk", 10),
        ("unasked_chunk", 100),
    ]
    assert taker.cache.staging.chunks(SHA) == set()
    assert taker.bundles.numbers == {}
    taker.bundles.lost()


async def test_a_chunk_of_a_wrong_size_is_refused(taker: Taker) -> None:
    taker.connect()
    await taker.announce(bundle(REGISTRY, 5, CITY))
    await until(lambda: len(taker.asked) == IN_FLIGHT)
    await taker.bundles.take_chunk(encode_chunk(SHA, 0, part(0)[:-1]))
    await taker.settled()
    assert taker.cache.staging.chunks(SHA) == set()
    assert "another size" in taker.entries(EntryKind.SECURITY)[0]["source"]
    taker.bundles.lost()


async def test_nobody_can_put_a_chunk_that_nobody_waits_for(taker: Taker) -> None:
    with pytest.raises(InputRefused, match="Announce it first"):
        await taker.bundles.put_chunk(SHA, 0, b"x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(payload=st.binary(max_size=200))
async def test_any_bytes_on_the_chunk_topic_change_nothing(taker: Taker, payload: bytes) -> None:
    await taker.bundles.take_chunk(payload)
    await taker.bundles.take(payload)
    assert taker.bundles.numbers == {}
