"""A journal of works with a real ledger, and devices as a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gateway.fiscal.printers import Printers
from gateway.fiscal.rows import FiscalBegun, WorkRow, row_of
from gateway.ledger.effects import Effect
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryId, EntryKind
from gateway.model.fiscal import Payment, PrintOutcome, ReceiptWork, SaleLine, Tender, Work
from tests.support.outputs import ScriptedOutputs
from tests.support.place import Place

STEP, OUTCOME = EntryKind.FISCAL_STEP, EntryKind.FISCAL_OUTCOME


def receipt(key: str = "k1", cents: int = 1000) -> ReceiptWork:
    return ReceiptWork(key, (SaleLine("A book", "A", cents),), (Tender(Payment.CASH, cents),), cents)


def health(device: str, state: Health = Health.READY) -> DeviceHealth:
    return DeviceHealth(device, "fiscal", state)


class Asker:
    """Who asks for works, and hears how they end."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.heard: list[PrintOutcome] = []
        self.news = asyncio.Event()

    def answered(self, row: WorkRow, outcome: PrintOutcome) -> Sequence[Effect]:
        return self.effects

    def told(self, row: WorkRow, outcome: PrintOutcome, entry: EntryId) -> None:
        self.heard.append(outcome)
        self.news.set()


class House:
    """A place, its printers, and somebody who has works done on them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.asker = Asker()
        self.printers = Printers(place.ledger, place.outputs, place.clock, pauses_s=(0.0,))
        self.told: list[tuple[str, str]] = []
        self.printers.on_attention.append(lambda device, code, _advice: self.told.append((device, code)))

    @property
    def outputs(self) -> ScriptedOutputs:
        return self.place.outputs

    async def own(self, *devices: str) -> House:
        await self.printers.own("till-1", self.asker, devices or ("p-1",))
        await self.printers.start()
        return self

    async def begin(self, work: Work, device: str = "p-1", owner: str = "till-1") -> FiscalBegun:
        begun = FiscalBegun(work, device, owner)
        await self.place.ledger.commit([], [begun])
        return begun

    async def do(self, work: Work, device: str = "p-1") -> PrintOutcome:
        return await self.printers.run(await self.begin(work, device))

    async def until_heard(self, number: int) -> PrintOutcome:
        """The outcome of this number, from 1."""
        while len(self.asker.heard) < number:
            self.asker.news.clear()
            async with asyncio.timeout(20):
                await self.asker.news.wait()
        return self.asker.heard[number - 1]

    def row(self, key: str = "k1") -> WorkRow:
        found = row_of(self.place.ledger.query, key)
        assert found is not None
        return found

    def points(self, key: str = "k1") -> list[str]:
        return [body["point"] for body in self.place.bodies(STEP) if body["key"] == key]

    def outcomes(self, key: str = "k1") -> list[str]:
        return [body["outcome"] for body in self.place.bodies(OUTCOME) if body["key"] == key]

    async def crash(self) -> House:
        """A power cut now; the new house has found out nothing yet."""
        return House(await self.place.crash())

    async def stop(self) -> None:
        await self.printers.stop()
        await self.place.stop()


async def in_doubt(house: House, key: str = "k1", point: str = "paying") -> PrintOutcome:
    """A receipt whose printer went away after this point."""
    house.outputs.print_script.append(point)
    return await house.do(receipt(key))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "state").mkdir()
    made = await House(Place(tmp_path / "state").start()).own()
    yield made
    await made.stop()
