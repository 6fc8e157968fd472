"""Applies one registry after the other, whole or as a delta in turns, until it is killed; says each number once it is
in force."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.clock import SystemClock
from gateway.model.identification import CredentialKind
from gateway.sync.bundles import Bundles
from gateway.wire.bundle import BundleKind, SignedBundle
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.registry import difference, encode, name
from tests.support.bundles import hand_over
from tests.sync.ends import CITY, GATEWAY, TRUSTED, bundle


def size(number: int) -> int:
    """How many holders the registry of this number has."""
    return 50 + number * 7


def registry(number: int) -> RegistryContent:
    holders = tuple(RegistryHolder(f"h-{number}-{n}") for n in range(size(number)))
    cards = tuple(
        RegistryCredential(CredentialKind.CARD, n.to_bytes(32, "big").hex(), f"h-{number}-{n}")
        for n in range(size(number))
    )
    return RegistryContent("k1", holders, cards)


def whole(number: int) -> SignedBundle:
    return bundle(BundleKind.REGISTRY, number, encode(registry(number)))


def delta(number: int) -> SignedBundle:
    """From the registry before."""
    content = msgspec.json.encode(difference(registry(number - 1), registry(number)))
    result = name((encode(registry(number)),))
    return bundle(BundleKind.REGISTRY, number, content, base=number - 1, result=result)


async def main(folder: Path) -> None:
    clock = SystemClock()
    ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
    ledger.start()
    cache = Cache(folder / "cache.db")
    cache.start()
    bundles = Bundles(ledger, cache, TRUSTED, (CITY, GATEWAY, "k1"), clock, lambda _rules: None)
    bundles.start()
    for number in range(1, 10_000):
        await hand_over(bundles, delta(number) if number % 2 == 0 else whole(number))
        assert bundles.numbers == {"registry": number}
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
