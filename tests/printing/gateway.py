"""A gateway with one fiscal printer, to be killed: `python -m tests.printing.gateway FOLDER PORT FAMILY`.

Its ledger, its journal of works, its driver process are the real ones. Each line that comes in is an `Order`; when it
is known how the work ended, or the printer itself cannot tell, a line `Told` goes out. A work that it knows of already
is not begun again: it is settled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

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
from gateway.model.fiscal import PrintOutcome, PrintResult, Work, WorkStep

FAST = {"silence_ms": 120, "resends": 2, "answer_ms": 1500, "report_ms": 1500, "hold_s": 2.0, "poll_s": 60.0}
ASKS_S = 12.0
"""A doubt that is still one after so long waits for a person."""


class Order(msgspec.Struct, frozen=True):
    """`moment`: it kills itself at a point, `unstored POINT` (nothing of it is on disk) or `stored POINT` (the driver
    has not heard so)."""

    work: Work
    moment: str = ""


class Told(msgspec.Struct, frozen=True):
    """How the work stands in the ledger."""

    key: str
    result: str
    code: str = ""
    reason: str = ""
    number: str = ""
    z_number: str = ""


ZONE = "Europe/Riga"
"""Of the place, and of the printer's clock."""


class Mortal(Devices):
    """Devices of a gateway that is killed in the middle of a work."""

    moment = ""

    async def do_work(self, device: str, work: Work, on_step: OnWorkStep, deadline_ms: int) -> PrintOutcome:
        return await super().do_work(device, work, self._dying(on_step), deadline_ms)

    def _dying(self, on_step: OnWorkStep) -> OnWorkStep:
        async def store(step: WorkStep) -> None:
            self._die(f"unstored {step.point}")
            await on_step(step)
            self._die(f"stored {step.point}")

        return store

    def _die(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


class Asker:
    """Hears every word about every work."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, PrintOutcome]] = []
        self.news = asyncio.Event()

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        return ()

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        self.heard.append((row.key, outcome))
        self.news.set()


class Gateway:
    def __init__(self, folder: Path, port: str, family: str) -> None:
        clock = SystemClock()
        self.asker = Asker()
        self.ready = asyncio.Event()
        self.ledger = Ledger(folder / "ledger.db", "gw-test", clock)
        section = DeviceSection(id="p-1", driver="fiscal", options={"port": port, "family": family, **FAST})
        self.devices = Mortal(
            [section], clock, ZONE, on_reading=lambda _: None, on_change=self._changed, on_flood=lambda *_: None
        )
        self.printers = Printers(self.ledger, self.devices, clock, pauses_s=(0.2,))

    def _changed(self, health: DeviceHealth) -> None:
        if health.health is Health.READY:
            self.ready.set()
        else:
            self.ready.clear()
        self.printers.on_change(health)

    async def start(self) -> None:
        self.ledger.start()
        await self.printers.own("till-1", self.asker, ("p-1",))
        await self.printers.start()
        await self.devices.start()

    async def stop(self) -> None:
        await self.printers.stop()
        await self.devices.stop()
        await self.ledger.stop()

    async def carry_out(self, order: Order) -> Told:
        key = order.work.key
        await self.ready.wait()
        if row_of(self.ledger.query, key) is None:
            self.devices.moment = order.moment
            begun = FiscalBegun(order.work, "p-1", "till-1")
            await self.ledger.commit([], [begun])
            await self.printers.run(begun)
        try:
            async with asyncio.timeout(ASKS_S):
                while any(row.key == key for row in self.printers.doubts()):
                    self.asker.news.clear()
                    await self.asker.news.wait()
        except TimeoutError:
            pass
        row = row_of(self.ledger.query, key)
        assert row is not None
        said = row.said or PrintOutcome(key, row.result or PrintResult.UNKNOWN)
        return Told(key, str(row.result), said.code, said.reason, row.number, said.z_number)


async def main(folder: Path, port: str, family: str) -> None:
    gateway = Gateway(folder, port, family)
    await gateway.start()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = await gateway.carry_out(msgspec.json.decode(line, type=Order))
        print(msgspec.json.encode(told).decode(), flush=True)
    await gateway.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
