"""Deltas of a registry: from this number to that one, to exactly this content, or the whole is asked for."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.wire import registry
from gateway.wire.bundle import BundleKind, SignedBundle
from gateway.wire.chunks import WantWhole, decode_want
from gateway.wire.contents import RegistryContent, RegistryDelta, RegistryHolder
from tests.support.clock import FakeClock
from tests.sync.ends import bundle, payload
from tests.sync.taking import REGISTRY, Taker, card, city


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def delta(old: RegistryContent, new: RegistryContent, base: int, number: int, **changed: Any) -> SignedBundle:
    content = msgspec.json.encode(changed.pop("delta", None) or registry.difference(old, new))
    more = {"base": base, "result": registry.name((registry.encode(new),)), **changed}
    return bundle(REGISTRY, number, content, **more)


OLD = city(30)
NEW = RegistryContent(
    "k1",
    (RegistryHolder("h000001", ("senior",)), *OLD.holders[2:], RegistryHolder("zz")),
    (*OLD.credentials[1:], msgspec.structs.replace(OLD.credentials[0], holder="zz")),
)


async def take(taker: Taker, signed: SignedBundle) -> None:
    await taker.bundles.take(msgspec.json.encode(signed))


def asked_whole(taker: Taker) -> bool:
    return [decode_want(wish) for wish in taker.wishes] == [WantWhole(BundleKind.REGISTRY)]


@pytest.fixture
async def based(taker: Taker) -> Taker:
    """With registry 5 in force."""
    await taker.take(REGISTRY, 5, registry.encode(OLD))
    taker.connect()
    return taker


async def test_a_delta_leads_from_one_registry_to_the_next(based: Taker) -> None:
    await take(based, delta(OLD, NEW, 5, 8))
    assert based.bundles.numbers == {"registry": 8}
    found = [based.cache.find(card(n)) for n in (0, 1, 2)]
    assert [known.holder if known else None for known in found] == ["zz", "h000001", "h000002"]
    assert found[1] is not None
    assert found[1].entitlements == ("senior",)
    assert (based.cache.holders(), based.wishes) == (30, [])
    again = Taker(based.ledger, based.cache, based.clock)
    assert again.bundles.numbers == {"registry": 8}
    based.bundles.lost()


async def test_many_deltas_one_after_the_other_and_back(based: Taker) -> None:
    contents = [OLD, *(city(30 + n, n) for n in range(1, 8))]
    for at, (before, after) in enumerate(itertools.pairwise(contents)):
        await take(based, delta(before, after, 5 + at, 6 + at))
    assert based.bundles.numbers == {"registry": 12}
    assert based.cache.holders() == 37
    await based.bundles.rollback(REGISTRY)
    known = based.cache.find(card(3))
    assert known is not None
    assert (known.entitlements, based.cache.holders()) == (("pupil", "v6"), 36)
    await take(based, delta(contents[6], contents[7], 11, 13))
    assert (based.bundles.numbers, based.cache.holders()) == ({"registry": 13}, 37)
    based.bundles.lost()


async def test_a_delta_and_the_whole_of_one_number_are_the_same_registry(based: Taker) -> None:
    await take(based, delta(OLD, NEW, 5, 8))
    await take(based, bundle(REGISTRY, 8, registry.encode(NEW)))
    assert (based.refusals, based.bundles.numbers) == ([], {"registry": 8})
    await take(based, bundle(REGISTRY, 8, registry.encode(OLD)))
    assert "another content under number 8" in based.refusals[0]
    based.bundles.lost()


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        (delta(OLD, NEW, 4, 8), "from registry 4, and 5 is in force"),
        (delta(OLD, NEW, 5, 8, result="0" * 64), "not to 000000000000"),
        (delta(OLD, NEW, 5, 8, delta=RegistryDelta("k1")), "it leads to"),
        (delta(OLD, NEW, 5, 8, delta=RegistryDelta("k1", OLD.holders[:1] * 2)), "twice"),
    ],
)
async def test_a_delta_that_does_not_fit_changes_nothing_and_the_whole_is_asked_for(
    based: Taker, signed: SignedBundle, told: str
) -> None:
    await take(based, signed)
    assert told in based.refusals[0]
    assert based.bundles.numbers == {"registry": 5}
    assert asked_whole(based)
    await take(based, bundle(REGISTRY, 8, registry.encode(NEW)))
    assert based.bundles.numbers == {"registry": 8}
    based.bundles.lost()


async def test_a_delta_without_any_registry_asks_for_the_whole(taker: Taker) -> None:
    taker.connect()
    await take(taker, delta(OLD, NEW, 5, 8))
    assert asked_whole(taker)
    taker.bundles.lost()


@pytest.mark.parametrize("content", [RegistryDelta("k2"), RegistryDelta("k1", gone_holders=("h000003",))])
async def test_a_delta_that_makes_no_sense_is_refused(based: Taker, content: RegistryDelta) -> None:
    await take(based, delta(OLD, NEW, 5, 8, delta=content))
    assert based.bundles.numbers == {"registry": 5}
    assert len(based.refusals) == 1
    assert based.cache.holders() == 30
    based.bundles.lost()


@pytest.mark.parametrize("content", [b"[", b'{"key_id":"k1","extra":1}', b"\xff"])
async def test_bytes_that_are_no_delta_are_refused(based: Taker, content: bytes) -> None:
    await based.bundles.take(payload(REGISTRY, 8, content, base=5, result="0" * 64))
    assert (based.bundles.numbers, len(based.refusals)) == ({"registry": 5}, 1)
    based.bundles.lost()
