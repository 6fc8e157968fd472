"""A gateway of ledger and sync alone, under load: `python -m tests.bench.sync_end FOLDER MQTT_PORT GATEWAY ENTRIES`.

64 producers store entries, sync drains them at the same time; it is over when the centre has acked the last one.
Prints one JSON object: seconds from the first entry to the last ack, CPU seconds of this process meanwhile, seconds to
the last commit, and commits.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.clock import SystemClock
from gateway.model.entry import EntryKind, NewEntry, Stream
from gateway.sync.backoff import Backoff
from gateway.sync.bundles import Bundles
from gateway.sync.link import PahoLink
from gateway.sync.port import Broker
from gateway.sync.sync import Sync
from gateway.wire.topics import Topics

CITY = "jelgava"
PRODUCERS = 64
BODY_BYTES = 400
WINDOW = 100
"""As many messages on their way as the baseline has; the configuration allows it."""
PATIENCE_S = 300.0
BODY = b'{"filler":"' + b"x" * (BODY_BYTES - 13) + b'"}'


async def run(folder: Path, port: int, gateway: str, entries: int) -> dict[str, float]:
    clock = SystemClock(vouched=True)
    ledger, cache = Ledger(folder / "ledger.db", gateway, clock), Cache(folder / "cache.db")
    ledger.start()
    cache.start()
    bundles = Bundles(ledger, cache, (), (CITY, gateway, "k1"), clock, lambda _rules: None)
    changed = asyncio.Event()
    sync = Sync(
        PahoLink(Broker("127.0.0.1", port, gateway, 60, "5")),
        ledger,
        bundles,
        Topics(CITY, gateway),
        clock,
        version="bench",
        window=WINDOW,
        resend_s=20.0,
        backlog_per_s=100_000,
        backoff=Backoff(1.0),
        on_change=changed.set,
    )
    await sync.start()
    async with asyncio.timeout(PATIENCE_S):
        while not sync.status.connected:
            changed.clear()
            await changed.wait()
        began, cpu = time.monotonic(), time.process_time()
        await produce(ledger, entries)
        stored = time.monotonic() - began
        while ledger.acked(Stream.RECEIPT) < entries:
            changed.clear()
            await changed.wait()
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    commits = ledger.commits
    await sync.stop()
    await ledger.stop()
    cache.stop()
    return {"seconds": seconds, "cpu_s": cpu, "stored_s": stored, "commits": commits}


async def produce(ledger: Ledger, entries: int) -> None:
    """64 producers, each with one entry on its way at a time."""
    entry = NewEntry(Stream.RECEIPT, EntryKind.RECEIPT, BODY)

    async def one() -> None:
        for _ in range(entries // PRODUCERS):
            await ledger.commit([entry])

    await asyncio.gather(*(one() for _ in range(PRODUCERS)))


def main() -> None:
    told = asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
