"""Keys and blocked cards: small, applied at once, kept in the ledger, never taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from gateway.centre.sign import SigningKey, public_text
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind
from gateway.sync.bundles_record import BlocksInForce
from gateway.wire.contents import Blocks, Standing
from gateway.wire.registry import encode
from tests.support.clock import FakeClock
from tests.sync.ends import KEY, bundle, payload
from tests.sync.taking import BLOCKS, CARD, KEYS, REGISTRY, RULES, Taker, city, registry, rules, until

SECOND = SigningKey(b"second00", bytes(range(1, 33)))
THIRD = SigningKey(b"third000", bytes(range(2, 34)))


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def keys(*which: SigningKey) -> bytes:
    lines = ",".join(f'"{public_text(key).splitlines()[1]}"' for key in which)
    return f'{{"keys":[{lines}]}}'.encode()


def blocks(*digests: bytes, key_id: str = "k1") -> bytes:
    return msgspec.json.encode(Blocks(key_id, tuple(digest.hex() for digest in digests)))


def standing(taker: Taker) -> Standing | None:
    known = taker.cache.find(CARD)
    return known.standing if known else None


# Keys ----------------------------------------------------------------------------------------------------


async def test_the_old_key_brings_the_new_one_and_may_sign_no_more(taker: Taker) -> None:
    await taker.take(KEYS, 1, keys(SECOND))
    await taker.take(RULES, 1, rules("a"))
    assert taker.bundles.numbers == {"keys": 1}
    await taker.take(RULES, 1, rules("a"), key=SECOND)
    assert taker.bundles.numbers == {"keys": 1, "rules": 1}
    assert f"signed by key {KEY.name}; trusted here: {SECOND.name}" in taker.refusals[0]


async def test_both_may_sign_when_both_are_named(taker: Taker) -> None:
    await taker.take(KEYS, 1, keys(KEY, SECOND))
    await taker.take(RULES, 1, rules("a"))
    await taker.take(RULES, 2, rules("b"), key=SECOND)
    assert taker.bundles.numbers == {"keys": 1, "rules": 2}


async def test_it_outlives_a_restart_and_the_configured_key_counts_no_more(taker: Taker) -> None:
    await taker.take(KEYS, 1, keys(SECOND))
    again = Taker(taker.ledger, taker.cache, taker.clock)  # its root is still KEY
    await again.take(RULES, 1, rules("a"))
    assert again.bundles.numbers == {"keys": 1}


async def test_a_retired_key_cannot_return(taker: Taker) -> None:
    await taker.take(KEYS, 1, keys(SECOND))
    await taker.take(KEYS, 2, keys(THIRD), key=SECOND)
    for number, returning in ((3, KEY), (4, SECOND)):
        await taker.take(KEYS, number, keys(THIRD, returning), key=THIRD)
        assert f"key {returning.name} was retired" in taker.refusals[-1]
    again = Taker(taker.ledger, taker.cache, taker.clock)
    await again.take(KEYS, 5, keys(SECOND), key=THIRD)
    assert again.bundles.numbers == {"keys": 2}


async def test_an_old_bundle_of_keys_replayed_changes_nothing(taker: Taker) -> None:
    first = payload(KEYS, 1, keys(SECOND, KEY))
    await taker.bundles.take(first)
    await taker.take(KEYS, 2, keys(SECOND))
    await taker.bundles.take(first)
    assert taker.bundles.numbers == {"keys": 2}
    assert "signed by key" in taker.refusals[0]


async def test_several_changes_arrive_in_one_go_in_their_order(taker: Taker) -> None:
    """As at a birth of a gateway that was away for a year."""
    messages = [
        payload(KEYS, 1, keys(SECOND)),
        payload(KEYS, 2, keys(THIRD), key=SECOND),
        payload(RULES, 1, rules("a"), key=THIRD),
    ]
    await asyncio.gather(*(taker.bundles.take(message) for message in messages))
    assert taker.bundles.numbers == {"keys": 2, "rules": 1}


@pytest.mark.parametrize("content", [b"{}", b'{"keys":[]}', b'{"keys":["RWQ"]}', keys(SECOND, SECOND), b"["])
async def test_keys_that_make_no_sense_leave_the_old_ones(taker: Taker, content: bytes) -> None:
    await taker.take(KEYS, 1, content)
    assert taker.bundles.numbers == {}
    await taker.take(RULES, 1, rules("a"))
    assert taker.bundles.numbers == {"rules": 1}


# Blocks --------------------------------------------------------------------------------------------------


async def test_a_blocked_card_is_blocked_whatever_the_registry_says(taker: Taker) -> None:
    await taker.take(REGISTRY, 1, registry("h1"))
    await taker.take(BLOCKS, 1, blocks(CARD))
    assert standing(taker) is Standing.BLOCKED
    await taker.take(REGISTRY, 2, registry("h1"))
    assert standing(taker) is Standing.BLOCKED
    await taker.take(BLOCKS, 2, blocks())
    assert standing(taker) is Standing.ACTIVE
    assert [body["bundle"] for body in taker.entries(EntryKind.BUNDLE_APPLIED)].count("blocks") == 2


async def test_blocks_outlive_a_restart_and_a_lost_cache(taker: Taker, tmp_path: Path) -> None:
    await taker.take(BLOCKS, 1, blocks(CARD))
    other = Cache(tmp_path / "other.db")
    other.start()
    again = Taker(taker.ledger, other, taker.clock)
    assert again.bundles.numbers == {"blocks": 1}
    await again.take(REGISTRY, 1, registry("h1"))
    assert standing(again) is Standing.BLOCKED
    other.stop()


async def test_a_list_that_is_not_the_one_that_was_signed_blocks_on_and_is_asked_for_again(taker: Taker) -> None:
    """Somebody on it was forgotten, or the ledger is a copy of another day."""
    await taker.take(BLOCKS, 1, signed := blocks(CARD, bytes(32)))
    await taker.ledger.commit([], [BlocksInForce(blocks(CARD))])
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.bundles.numbers == {}
    await again.take(REGISTRY, 1, registry("h1"))
    assert standing(again) is Standing.BLOCKED
    await again.take(BLOCKS, 1, signed)
    assert again.bundles.numbers == {"registry": 1, "blocks": 1}
    assert taker.cache.blocked == {CARD, bytes(32)}


async def test_an_older_list_is_refused(taker: Taker) -> None:
    await taker.take(REGISTRY, 1, registry("h1"))
    await taker.take(BLOCKS, 2, blocks(CARD))
    await taker.take(BLOCKS, 1, blocks())
    assert standing(taker) is Standing.BLOCKED
    assert "older" in taker.refusals[0]


@pytest.mark.parametrize("content", [b"{}", b"[", blocks(CARD, key_id="k2"), b'{"key_id":"k1","digests":["0"]}'])
async def test_a_list_that_makes_no_sense_is_refused(taker: Taker, content: bytes) -> None:
    await taker.take(BLOCKS, 1, content)
    assert (taker.bundles.numbers, len(taker.refusals)) == ({}, 1)


@pytest.mark.parametrize("kind", [KEYS, BLOCKS])
async def test_they_travel_whole_or_not_at_all(taker: Taker, kind: object) -> None:
    content = keys(SECOND) if kind is KEYS else blocks(CARD)
    await taker.announce(bundle(KEYS if kind is KEYS else BLOCKS, 1, content))
    assert taker.bundles.numbers == {}
    assert "travel whole" in taker.refusals[0]


async def test_blocks_do_not_wait_for_a_registry_that_is_being_staged(taker: Taker) -> None:
    """The card is blocked while 20,000 holders are still on their way into the cache."""
    await taker.take(REGISTRY, 1, registry("h1"))
    staging = asyncio.create_task(taker.hand_over(REGISTRY, 2, encode(city(20_000)), resized=True))
    await until(lambda: taker.bundles._heavy.locked())
    await taker.take(BLOCKS, 1, blocks(CARD))
    assert taker.bundles.numbers == {"registry": 1, "blocks": 1}
    assert standing(taker) is Standing.BLOCKED
    await staging
    assert taker.bundles.numbers == {"registry": 2, "blocks": 1}
