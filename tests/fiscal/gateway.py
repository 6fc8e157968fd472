"""A small gateway with one fiscal device, to be killed: `python -m tests.fiscal.gateway FOLDER [MOMENT]`.

Has the receipt `k1` printed unless it knows of it already, and ends when nothing is in doubt any more. With a moment it
kills itself then: `before-POINT` (the driver has told the point, nothing of it is stored) or `after-POINT` (it is
stored, the driver has not heard so). Prints how the receipt stands as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.config.types import DeviceSection
from gateway.devices import Devices
from gateway.devices.devices import OnWorkStep
from gateway.fiscal.printers import Printers
from gateway.fiscal.rows import FiscalBegun, WorkRow, row_of
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryId
from gateway.model.fiscal import PrintOutcome, Work, WorkStep
from tests.fiscal.conftest import receipt
from tests.fiscal.machine import COMMAND


class KilledAt(Devices):
    """Devices of a gateway that is killed in the middle of a work."""

    moment = ""

    async def do_work(self, device: str, work: Work, on_step: OnWorkStep, deadline_ms: int) -> PrintOutcome:
        async def store(step: WorkStep) -> None:
            self._die(f"before-{step.point}")
            await on_step(step)
            self._die(f"after-{step.point}")

        return await super().do_work(device, work, store, deadline_ms)

    def _die(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


class Asker:
    """Waits for the last word."""

    def __init__(self) -> None:
        self.told_keys: list[str] = []
        self.news = asyncio.Event()

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        return ()

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        self.news.set()


async def main(folder: Path, moment: str) -> None:
    ready = asyncio.Event()

    def changed(health: DeviceHealth) -> None:
        if health.health is Health.READY:
            ready.set()
        printers.on_change(health)

    clock, zone, asker = SystemClock(), "Europe/Riga", Asker()
    ledger = Ledger(folder / "ledger.db", "gw-test", clock)
    ledger.start()
    options = {"memory": str(folder / "device.json")}
    section = DeviceSection(id="p-1", driver="test_fiscal", command=COMMAND, options=options)
    devices = KilledAt([section], clock, zone, on_reading=lambda _: None, on_change=changed, on_flood=lambda *_: None)
    devices.moment = moment
    printers = Printers(ledger, devices, clock)
    await printers.own("till-1", asker, ("p-1",))
    await devices.start()
    await ready.wait()
    if row_of(ledger.query, "k1") is None:
        begun = FiscalBegun(receipt("k1"), "p-1", "till-1")
        await ledger.commit([], [begun])
        await printers.run(begun)
    while printers.doubts():
        asker.news.clear()
        await asker.news.wait()
    row = row_of(ledger.query, "k1")
    assert row is not None
    print(json.dumps({"result": row.result, "number": row.number}), flush=True)
    await printers.stop()
    await devices.stop()
    await ledger.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
