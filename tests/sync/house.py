"""What a test of sync needs around it: a gateway's ledger and cache, a broker, and centres to put at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from gateway.centre.app import Centre
from gateway.centre.settings import Settings
from gateway.centre.sign import public_text
from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import BODIES
from gateway.model.body import Body
from gateway.model.entry import EntryKind, Stream
from gateway.sync.sync import Sync
from tests.support.broker import Broker
from tests.support.clock import FakeClock
from tests.sync.ends import CITY, KEY, ScriptedCentre, make_sync

PATIENCE_S = 45.0
RECEIPT = Stream.RECEIPT


async def until(there: Callable[[], object]) -> None:
    """Look until this holds: for what nobody tells us of."""
    async with asyncio.timeout(PATIENCE_S):
        while not there():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def syncing(ledger: Ledger, cache: Cache, clock: FakeClock, port: int, **more: object) -> AsyncIterator[Sync]:
    """A gateway's end, connected to what stands at this port."""
    sync = make_sync(ledger, cache, clock, port, **more)
    await sync.start()
    try:
        yield sync
    finally:
        await sync.stop()


@contextmanager
def centre_on(port: int, folder: Path, clock: FakeClock | None = None) -> Iterator[Centre]:
    """The real centre on a broker at this port, its store in this folder; with the machine's clock, or this one."""
    key = folder / "city.pub"
    key.write_text(public_text(KEY))
    given = {"city": CITY, "store": str(folder / "centre.db"), "keys": [str(key)], "port": port, "tls": False}
    centre = Centre(msgspec.convert({**given, "connect_s": 2.0, "backoff_cap_s": 0.2, "ack_ms": 20}, Settings), clock)
    centre.start()
    try:
        yield centre
    finally:
        centre.stop()


def acked(ledger: Ledger, stream: Stream = RECEIPT) -> bool:
    return ledger.acked(stream) == ledger.last(stream)


class House:
    """One gateway without stations, and its way to the centre."""

    def __init__(self, ledger: Ledger, cache: Cache, clock: FakeClock, broker: Broker, folder: Path) -> None:
        self.ledger = ledger
        self.cache = cache
        self.clock = clock
        self.broker = broker
        self.folder = folder

    @asynccontextmanager
    async def syncing(self, port: int | None = None, **more: object) -> AsyncIterator[Sync]:
        """The gateway's end, connected to the broker, or to what stands at this port before it."""
        async with syncing(self.ledger, self.cache, self.clock, port or self.broker.port, **more) as sync:
            yield sync

    @contextmanager
    def centre(self) -> Iterator[Centre]:
        """The real centre."""
        with centre_on(self.broker.port, self.folder) as centre:
            yield centre

    def scripted(self) -> ScriptedCentre:
        """A centre that says what a test tells it to."""
        return ScriptedCentre(self.broker.port)

    def acked(self, stream: Stream = RECEIPT) -> bool:
        return acked(self.ledger, stream)

    def told(self, kind: EntryKind) -> list[Body]:
        """What the audit stream says of this kind."""
        entries = self.ledger.read(Stream.AUDIT, 0, 10_000)
        return [msgspec.json.decode(e.body or b"", type=BODIES[kind]) for e in entries if e.header.kind is kind]

    def counts(self, kind: EntryKind) -> list[int]:
        """The counts in these entries."""
        return [count for body in self.told(kind) if isinstance(count := getattr(body, "count", None), int)]


def stored(centre: Centre, epoch: str = "") -> list[int]:
    """Numbers of the receipts that the centre has, of one epoch or of all."""
    rows = centre.query.events(stream=RECEIPT, limit=100_000)
    return sorted(row.seq for row in rows if epoch in ("", row.epoch))


def alarms(centre: Centre) -> set[str]:
    """What the centre says against the entries themselves."""
    return {alarm.what for alarm in centre.query.alarms()} & {"conflict", "chain broken", "poison"}
