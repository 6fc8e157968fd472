"""A gateway's bundles on real files, and contents to give them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.entry import EntryKind, Stream
from gateway.model.identification import CredentialKind
from gateway.sync.bundles import Pace, RulesInForce
from gateway.wire import chunks
from gateway.wire.bundle import BundleKind, SignedBundle
from gateway.wire.chunks import WantChunks
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.registry import encode
from gateway.wire.trust import TrustList
from tests.support.bundles import hand_over
from tests.support.clock import FakeClock
from tests.sync.ends import GATEWAY, announced, bundle, make_bundles, payload

RULES, REGISTRY, KEYS, BLOCKS = BundleKind.RULES, BundleKind.REGISTRY, BundleKind.KEYS, BundleKind.BLOCKS
TRUST = BundleKind.TRUST
CARD = bytes(32)


def rules(*ids: str, note: str = "t") -> bytes:
    one = {"version": 1, "legal_basis": note, "give": {"kind": "percent", "basis_points": 1000}}
    payers = [{"party": "city", "form": "discount", "rest": True}]
    # Not too many for the same goods: that would be refused.
    what = [{"categories": [f"c{number // 200}"]} for number in range(len(ids))]
    return json.dumps(
        {
            "schema": 1,
            "rules": [
                {"id": id, "title": {"en": id}, "payers": payers, "what": of, **one}
                for id, of in zip(ids, what, strict=True)
            ],
        }
    ).encode()


def registry(*holders: str, key_id: str = "k1") -> bytes:
    """One card, which belongs to the first of the holders."""
    card = RegistryCredential(CredentialKind.CARD, CARD.hex(), holders[0])
    return encode(RegistryContent(key_id, tuple(RegistryHolder(id) for id in holders), (card,)))


def city(count: int, version: int = 0) -> RegistryContent:
    """Holders with a card each; the version is in every holder's entitlements."""
    people = tuple(RegistryHolder(f"h{n:06d}", ("pupil", f"v{version}")) for n in range(count))
    cards = tuple(RegistryCredential(CredentialKind.CARD, card(n).hex(), f"h{n:06d}") for n in range(count))
    return RegistryContent("k1", people, cards)


def card(number: int) -> bytes:
    return number.to_bytes(32, "big")


class Taker:
    """Bundles on real files, and what stations were told of rules."""

    def __init__(self, ledger: Ledger, cache: Cache, clock: FakeClock, pace: Pace | None = None) -> None:
        self.ledger, self.cache, self.clock = ledger, cache, clock
        self.in_force: list[RulesInForce] = []
        self.wishes: list[bytes] = []
        self.served = 0
        self.trusted: list[TrustList] = []
        self.bundles = make_bundles(ledger, cache, clock, self.in_force.append, pace, on_trust=self.trusted.append)
        self.bundles.start()

    async def take(self, kind: BundleKind, number: int, content: bytes, **more: Any) -> None:
        await self.bundles.take(payload(kind, number, content, **more))

    async def announce(self, signed: SignedBundle) -> None:
        await self.bundles.take(announced(signed))

    async def hand_over(self, kind: BundleKind, number: int, content: bytes, **more: Any) -> None:
        await hand_over(self.bundles, bundle(kind, number, content, **more))

    def connect(self) -> None:
        self.bundles.connected(self.wishes.append)

    def forget_wishes(self) -> None:
        self.wishes.clear()
        self.served = 0

    @property
    def asked(self) -> list[tuple[str, int]]:
        """Chunks that the centre was asked for, by their content."""
        found = [chunks.decode_want(wish) for wish in self.wishes]
        return [(wish.sha256, index) for wish in found if isinstance(wish, WantChunks) for index in wish.chunks]

    async def serve(self, signed: SignedBundle, done: Callable[[], bool], most: int = 10_000) -> int:
        """Play the centre: answer wishes for this content, `most` chunks or until it is done. Returns how many."""
        content, given = signed.content or b"", 0
        async with asyncio.timeout(120):
            while not done() and given < most:
                for sha256, index in self.asked[self.served :]:
                    step = chunks.CHUNK_BYTES
                    data = content[index * step : (index + 1) * step]
                    given += 1
                    self.served += 1
                    await self.bundles.take_chunk(chunks.encode_chunk(sha256, index, data))
                    if given == most:
                        break
                await asyncio.sleep(0)
        return given

    def entries(self, kind: EntryKind) -> list[dict[str, Any]]:
        found = self.ledger.read(Stream.AUDIT, 0, -1)
        return [json.loads(entry.body or b"null") for entry in found if entry.header.kind is kind]

    @property
    def refusals(self) -> list[str]:
        return [str(body["reason"]) for body in self.entries(EntryKind.BUNDLE_REFUSED)]

    @property
    def holder(self) -> str | None:
        known = self.cache.find(CARD)
        return known.holder if known else None

    async def settled(self) -> None:
        """Until what rides with other commits is on disk."""
        await self.ledger.commit([])
        await self.ledger.commit([])


async def until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = asyncio.get_running_loop().time() + 20
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to hold in time"
        await asyncio.sleep(0.001)


class Cut:
    """The files as a power cut leaves them, opened by a new daemon."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.ledger = Ledger(folder / "ledger.db", GATEWAY, clock)
        self.ledger.start()
        self.cache = Cache(folder / "cache.db")
        self.cache.start()
        self.taker = Taker(self.ledger, self.cache, clock)

    async def stop(self) -> None:
        self.taker.bundles.lost()
        await self.ledger.stop()
        self.cache.stop()


def keep(folder: Path, name: str, into: Path) -> None:
    """A copy of this database as it is on disk now."""
    into.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        if (file := folder / f"{name}.db{suffix}").exists():
            shutil.copy(file, into)
