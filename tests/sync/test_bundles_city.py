"""A city's registry of 100,000 holders arrives and is swapped in while taps go on."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from gateway.identity.identify import Identity
from gateway.identity.keys import Keys
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import IdentificationBody
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.model.identification import CredentialKind
from gateway.model.reading import CardReading
from gateway.wire import registry
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.credentials import digest
from tests.support.clock import FakeClock
from tests.sync.ends import bundle
from tests.sync.taking import REGISTRY, Taker, card

HOLDERS = 100_000
KEY = bytes(range(32))
UIDS = [bytes((4, 0, 0, 0, 0, 0, n)) for n in range(20)]


def city(version: int) -> RegistryContent:
    """100,000 holders with a card each; the version is in the entitlements of all. The first 20 cards are real."""
    people = tuple(RegistryHolder(f"h{n:06d}", (f"v{version}",)) for n in range(HOLDERS))
    real = [digest(KEY, CredentialKind.CARD, uid) for uid in UIDS]
    digests = real + [card(n) for n in range(len(real), HOLDERS)]
    cards = tuple(RegistryCredential(CredentialKind.CARD, d.hex(), f"h{n:06d}") for n, d in enumerate(digests))
    return RegistryContent("k1", people, cards)


class Taps:
    """People who tap one after the other; each is identified and recorded, and only then the next one comes."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._identity = Identity(Keys(KEY, "k1", None, None, {}), taker.cache, taker.ledger.query)
        self.judged: list[tuple[str, ...]] = []
        self.gap_ms = 0.0

    async def tap(self) -> None:
        n = len(self.judged) % len(UIDS)
        reading = CardReading("reader", self._taker.clock.mono_ns(), UIDS[n], b"")
        who = self._identity.identify(reading, self._taker.clock.wall_ms()).identification
        assert (who.holder, who.refusal) == (f"h{n:06d}", None)
        body = msgspec.json.encode(IdentificationBody(station="gate", identification=who))
        await self._taker.ledger.commit([NewEntry(Stream.IDENTIFICATION, EntryKind.IDENTIFICATION, body)])
        self.judged.append(who.entitlements)

    async def until(self, done: asyncio.Task[int] | asyncio.Task[None]) -> None:
        while not done.done():
            await self.tap()

    async def watch(self, done: asyncio.Task[int] | asyncio.Task[None]) -> None:
        """The longest time in which the event loop did not turn."""
        before = time.perf_counter()
        while not done.done():
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.gap_ms, before = max(self.gap_ms, (now - before) * 1000), now


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_taps_go_on_while_a_city_is_swapped_in(ledger: Ledger, cache: Cache, clock: FakeClock) -> None:
    """No assertion on time: each tap is answered by the old registry or by the new one, and never again by the old
    one after the new one."""
    taker = Taker(ledger, cache, clock)
    taker.connect()
    first = bundle(REGISTRY, 1, registry.encode(city(1)))
    second = bundle(REGISTRY, 2, registry.encode(city(2)))
    await taker.announce(first)
    await taker.serve(first, lambda: "registry" in taker.bundles.numbers)
    assert cache.holders() == HOLDERS

    await taker.announce(second)
    began = time.perf_counter()
    coming = asyncio.create_task(taker.serve(second, lambda: taker.bundles.status.fetching == ()))
    taps = Taps(taker)
    await asyncio.gather(taps.until(coming), taps.watch(coming))
    took = time.perf_counter() - began
    await taps.tap()

    size = len(second.content or b"")
    print(
        f"{HOLDERS} holders, {size / 1e6:.1f} MB in {await coming} chunks: {took:.1f} s with {len(taps.judged)} taps; "
        f"longest stillness of the loop {taps.gap_ms:.0f} ms"
    )
    assert (taker.bundles.numbers, taker.refusals) == ({"registry": 2}, [])
    swapped = taps.judged.index(("v2",))
    assert set(taps.judged[:swapped]) == {("v1",)}
    assert set(taps.judged[swapped:]) == {("v2",)}
    taker.bundles.lost()
