"""A holder is forgotten at the gateway, and then the next registry comes: the centre's word decides who is in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.centre.app import Centre
from gateway.identity.registry import Cache
from gateway.ledger.erase import Traces, has_trace
from gateway.ledger.forget import Forgotten, forget
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import BundleBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.identification import CredentialKind
from gateway.sync.sync import Sync
from gateway.wire import registry as wire
from gateway.wire.bundle import SignedBundle
from gateway.wire.contents import RegistryContent, RegistryCredential
from tests.support.clock import FakeClock
from tests.sync.ends import bundle
from tests.sync.house import House, until
from tests.sync.taking import REGISTRY, card, city
from tests.sync.test_bundles_wire import delta, numbers

HER, NUMBER = "h000007", 7
WITH_HER = city(60)
WITHOUT_HER = RegistryContent(
    "k1",
    tuple(holder for holder in WITH_HER.holders if holder.id != HER),
    tuple(card for card in WITH_HER.credentials if card.holder != HER),
)


def signed(number: int, content: RegistryContent) -> SignedBundle:
    return bundle(REGISTRY, number, wire.encode(content))


FIRST = signed(1, WITH_HER)


@asynccontextmanager
async def forgotten(house: House) -> AsyncIterator[tuple[Centre, Sync]]:
    """Registry 1 is in force, and then she is forgotten here."""
    with house.centre() as centre:
        async with house.syncing() as sync:
            await until(lambda: centre.store.online("*"))
            centre.publisher.publish(FIRST)
            await until(lambda: numbers(centre) == {"registry": 1})
            body = b'{"holder":"%s"}' % HER.encode()
            await house.ledger.commit([NewEntry(Stream.IDENTIFICATION, EntryKind.IDENTIFICATION, body)])
            done = await forget_her(house)
            assert (done.rows, sum(done.entries.values())) == (2, 1)
            assert house.cache.find(card(NUMBER)) is None
            assert house.cache.holders() == 59
            yield centre, sync


async def forget_her(house: House) -> Forgotten:
    return await forget(house.ledger, house.folder / "cache.db", HER)


def refused(house: House) -> list[str]:
    return [body.reason for body in house.told(EntryKind.BUNDLE_REFUSED) if isinstance(body, BundleBody)]


def traces(house: House) -> bool:
    """Whether her id stands anywhere in what the gateway keeps."""
    return any(has_trace(house.folder / name, Traces(HER)) for name in ("ledger.db", "cache.db"))


async def test_a_delta_that_takes_her_out_fits_and_does_not_bring_her_back(house: House) -> None:
    async with forgotten(house) as (centre, sync):
        second = signed(2, WITHOUT_HER)
        centre.publisher.publish(second, [delta(FIRST, second, 1, 2)])
        await until(lambda: sync.status.bundles == {"registry": 2})
        assert house.cache.rows("SELECT DISTINCT base FROM holder") == [(1,)], "the whole one came, not the delta"
        assert (house.cache.find(card(NUMBER)), house.cache.holders()) == (None, 59)
        assert refused(house) == []
    assert not traces(house)


async def test_a_whole_registry_without_her_does_not_bring_her_back(house: House) -> None:
    async with forgotten(house) as (centre, sync):
        centre.publisher.publish(signed(2, WITHOUT_HER))
        await until(lambda: sync.status.bundles == {"registry": 2})
        assert (house.cache.find(card(NUMBER)), house.cache.holders()) == (None, 59)
        assert refused(house) == []
    assert not traces(house)


async def test_a_registry_in_which_the_centre_still_has_her_brings_her_back_whole(house: House) -> None:
    """The delta does not lead to it from what is left here, so the whole is asked for. What was recorded of her stays
    erased."""
    async with forgotten(house) as (centre, sync):
        second = signed(2, city(61))
        centre.publisher.publish(second, [delta(FIRST, second, 1, 2)])
        await until(lambda: sync.status.bundles == {"registry": 2})
        known = house.cache.find(card(NUMBER))
        assert known is not None
        assert (known.holder, house.cache.holders()) == (HER, 61)
        (reason,) = refused(house)
        assert "it leads to registry" in reason
        (entry,) = house.ledger.read(Stream.IDENTIFICATION, 0, 10)
        assert entry.body is None
        # To forget her for good she has to go at the centre, and then here once more.
        third = signed(3, WITHOUT_HER)
        centre.publisher.publish(third)
        await until(lambda: sync.status.bundles == {"registry": 3})
        await forget_her(house)
        assert house.cache.find(card(NUMBER)) is None
    assert not traces(house)


async def test_a_delta_that_gives_her_a_new_card_makes_the_whole_be_asked_for(house: House) -> None:
    new = RegistryCredential(CredentialKind.CARD, card(500).hex(), HER)
    changed = RegistryContent("k1", WITH_HER.holders, (*WITH_HER.credentials, new))
    async with forgotten(house) as (centre, sync):
        second = signed(2, changed)
        centre.publisher.publish(second, [delta(FIRST, second, 1, 2)])
        await until(lambda: sync.status.bundles == {"registry": 2})
        assert house.cache.find(card(500)) is not None
        (reason,) = refused(house)
        assert reason.endswith("it gives a card to somebody who is not here")


async def test_the_same_registry_does_not_come_again_by_itself(house: House) -> None:
    """Its number is in force: a new connection, and a new start, change nothing."""
    async with forgotten(house):
        pass
    with house.centre() as centre:
        for _ in range(2):
            async with house.syncing() as sync:
                await until(lambda: centre.store.online("*"))
                await until(lambda: sync.status.bundles == {"registry": 1})
                await house.ledger.commit([])
                assert house.cache.find(card(NUMBER)) is None
            await until(lambda: not centre.store.online("*"))


async def test_to_go_back_to_the_registry_before_does_not_bring_her_back(
    ledger: Ledger, cache: Cache, clock: FakeClock, house: House
) -> None:
    with house.centre() as centre:
        async with house.syncing() as sync:
            await until(lambda: centre.store.online("*"))
            for number in (1, 2):
                centre.publisher.publish(signed(number, city(60, number)))
                await until(lambda number=number: numbers(centre) == {"registry": number})  # type: ignore[misc]
            await forget_her(house)
            await sync._bundles.rollback(REGISTRY)
            assert sync.status.bundles == {"registry": 1}
            assert (house.cache.find(card(NUMBER)), house.cache.holders()) == (None, 59)
    assert not traces(house)
