"""The quota authority for tests of stations: a real centre's store that answers as soon as a gateway asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from gateway.centre.link import Delivery
from gateway.centre.sign import SigningKey, build_bundle
from gateway.centre.sorting import sort
from gateway.centre.store import Store
from gateway.model.clock import Clock
from gateway.quota.quotas import Quotas
from gateway.wire.bundle import BundleKind, Manifest
from gateway.wire.quota import QuotaSaid, QuotaTold
from gateway.wire.topics import SHARDS, Topics

CITY = "jelgava"
SIGNER = SigningKey(b"12345678", bytes(range(32)))
ALL = dict.fromkeys(range(SHARDS), 1)


def publish(store: Store, rules: bytes, number: int = 1, target: str = "*") -> None:
    """These rules, as a signed bundle."""
    signed = build_bundle(BundleKind.RULES, number, CITY, target, rules, SIGNER, created_ms=1)
    store.put_bundles([(msgspec.json.decode(signed.manifest, type=Manifest), signed)])


class Authority:
    """`line(True)`: the line to this gateway is up, and every message is answered in the loop's next turn."""

    def __init__(self, path: Path, clock: Clock, rules: bytes, gateway: str, quotas: Quotas) -> None:
        self.store = Store(path, clock, zone="Europe/Riga")
        self.store.open()
        publish(self.store, rules)
        self._gateway = gateway
        self._quotas = quotas
        self._tasks: set[asyncio.Task[None]] = set()

    async def line(self, up: bool) -> None:
        """Up (with a greeting) or down."""
        self._quotas.line(self._poke if up else None)
        if up:
            await self._talk(greet=True)

    async def settled(self) -> None:
        """Until nobody has anything to say."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        self._quotas.line(None)
        await self.settled()
        self.store.close()

    def _poke(self) -> None:
        task = asyncio.get_running_loop().create_task(self._talk())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, *, greet: bool = False) -> None:
        for said in self._quotas.owed(greet=greet).values():
            payload = msgspec.json.encode(QuotaSaid(self._gateway, (said,)))
            delivery = Delivery(Topics(CITY, self._gateway).quota, payload, retained=False, mid=1, connection=1)
            for _, told in self.store.settle(sort(CITY, [delivery], ALL)).answers:
                await self._quotas.take(msgspec.json.encode(QuotaTold(self._gateway, (told,))))
