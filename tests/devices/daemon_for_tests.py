"""A small daemon around `Devices`, to be killed: `python -m tests.devices.daemon_for_tests`.

Starts a reader, a relay with a hung grandchild, and a driver that hangs and ignores SIGTERM; once they are
there it prints the pids of the whole tree as one JSON line and waits. SIGTERM stops it properly.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

from gateway.config.types import DeviceSection
from gateway.devices import Devices
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth, Health
from tests.devices.drivers_for_tests import command


def descendants(pid: int) -> list[int]:
    """All processes that this one has started, with theirs."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


async def main() -> None:
    ended = asyncio.Event()
    all_ready = asyncio.Event()
    ready: set[str] = set()

    def changed(health: DeviceHealth) -> None:
        if health.health is Health.READY:
            ready.add(health.device)
        if len(ready) == len(sections):
            all_ready.set()

    sections = [
        DeviceSection(id="dev-reader", driver="test_reader", command=command("reader")),
        DeviceSection(
            id="dev-relay",
            driver="test_relay",
            command=command("relay"),
            options={"grandchild": True, "hangs_on_stop": True},
        ),
        DeviceSection(id="dev-hangs", driver="test_hangs", command=command("hangs")),
    ]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    clock, zone = SystemClock(), "Europe/Riga"
    devices = Devices(sections, clock, zone, on_reading=lambda _: None, on_change=changed, on_flood=lambda *_: None)
    await devices.start()
    await all_ready.wait()
    while True:
        tree = descendants(os.getpid())
        if len(tree) >= 6:  # three drivers, the guard, the hung grandchild and its sleep
            break
        await asyncio.sleep(0.01)
    print(json.dumps(tree), flush=True)
    await ended.wait()
    await devices.stop()


if __name__ == "__main__":
    asyncio.run(main())
