"""Real driver processes and a device that outlives them: kill -9 of the driver or of the gateway at every moment leaves
one paper or none, and the gateway says which."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.types import DeviceSection
from gateway.devices import Devices
from gateway.fiscal.printers import Printers
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth, Health
from gateway.model.fiscal import CashWork, PrintOutcome, PrintResult, ReportWork, Work, WorkPoint
from tests.fiscal.conftest import House, receipt
from tests.fiscal.machine import COMMAND, Memory
from tests.support.place import Place

ROOT = Path(__file__).parents[2]
POINTS = [point.value for point in WorkPoint if point is not WorkPoint.RECORDED]
ENDS_S = 60.0
"""Within which a doubt has to be over: a driver's second start, on a machine that does other things."""


class Real(House):
    """A place whose devices are processes."""

    def __init__(self, place: Place, memory: Memory, sections: list[DeviceSection]) -> None:
        super().__init__(place)
        self.memory = memory
        self.ready: dict[str, asyncio.Event] = {section.id: asyncio.Event() for section in sections}
        self.devices = Devices(
            sections,
            SystemClock(),
            "Europe/Riga",
            on_reading=lambda _: None,
            on_change=self.changed,
            on_flood=lambda *_: None,
        )
        self.printers = Printers(place.ledger, self.devices, place.clock)

    def changed(self, health: DeviceHealth) -> None:
        if health.health is Health.READY:
            self.ready[health.device].set()
        self.printers.on_change(health)

    async def last_word(self, key: str) -> PrintOutcome:
        """What is known of this work in the end."""
        async with asyncio.timeout(ENDS_S):
            while self.printers.doubts():
                self.asker.news.clear()
                await self.asker.news.wait()
        return [outcome for outcome in self.asker.heard if outcome.key == key][-1]

    async def stop(self) -> None:
        await self.devices.stop()
        await super().stop()


@pytest.fixture
async def real(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Real]:
    (tmp_path / "state").mkdir()
    memory = Memory(tmp_path / "device.json")
    options = {"memory": str(tmp_path / "device.json"), "dies": getattr(request, "param", "")}
    section = DeviceSection(id="p-1", driver="test_fiscal", command=COMMAND, options=options)
    made = Real(Place(tmp_path / "state").start(), memory, [section])
    await made.own("p-1")
    await made.devices.start()
    await made.ready["p-1"].wait()
    yield made
    await made.stop()


async def test_works_of_every_kind_end_well(real: Real) -> None:
    works: list[Work] = [receipt("k1"), ReportWork("x-1"), CashWork("c-1", 2000), ReportWork("z-1", z=True)]
    outcomes = [await real.do(work) for work in works]
    assert [(one.result, one.number, one.z_number) for one in outcomes] == [
        (PrintResult.PRINTED, "42", ""),
        (PrintResult.PRINTED, "43", ""),
        (PrintResult.PRINTED, "44", ""),
        (PrintResult.PRINTED, "45", "8"),
    ]
    (day,) = real.printers.days()
    assert (day.z_number, day.hours) == ("8", None)


@pytest.mark.parametrize("real", [*POINTS, "paid", "printed"], indirect=True)
async def test_kill_9_of_the_driver_at_each_moment_leaves_one_paper_or_none_and_the_last_word_says_which(
    real: Real, request: pytest.FixtureRequest
) -> None:
    first = await real.do(receipt("k1"))
    assert (first.result, first.code) == (PrintResult.UNKNOWN, "driver_died")
    last = await real.last_word("k1")
    papers = real.memory.papers("k1")
    assert len(papers) <= 1
    assert last.result is (PrintResult.PRINTED if papers else PrintResult.CANCELLED)
    assert last.number == (str(papers[0][2]) if papers else "")
    # Only what was paid may stand on paper; what was not is cancelled and can be sold again, on the same device.
    moment = request.node.callspec.params["real"]
    assert bool(papers) == (moment in ("paid", "closing", "printed", "closed"))
    assert (await real.do(receipt("k2"))).result is PrintResult.PRINTED
    assert real.outcomes() == ["unknown", last.result]


@pytest.mark.parametrize("real", ["printed"], indirect=True)
async def test_a_z_report_whose_driver_died_is_printed_once(real: Real) -> None:
    assert (await real.do(ReportWork("z-1", z=True))).result is PrintResult.UNKNOWN
    last = await real.last_word("z-1")
    assert (last.result, last.z_number, len(real.memory.papers("z-1"))) == (PrintResult.PRINTED, "8", 1)


@pytest.mark.parametrize("real", ["closing"], indirect=True)
async def test_a_device_on_which_others_printed_meanwhile_leaves_it_to_a_person(real: Real) -> None:
    assert (await real.do(receipt("k1"))).result is PrintResult.UNKNOWN
    # Somebody finished the receipt at the keyboard and sold two more before the driver was back.
    real.memory.write(open="", number=44)
    async with asyncio.timeout(ENDS_S):
        while len(real.outcomes()) < 2:
            real.asker.news.clear()
            await real.asker.news.wait()
    (row,) = real.printers.doubts("p-1")
    assert row.said is not None
    assert "after number 41" in row.said.advice
    assert "44 now" in row.said.advice
    assert (await real.printers.settle_by_hand("k1", "42", "Ilze")).result is PrintResult.PRINTED
    assert (await real.do(receipt("k2"))).result is PrintResult.PRINTED


def gateway(folder: Path, *moment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fiscal.gateway", str(folder), *moment],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=ENDS_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_kill_9_of_the_gateway_at_each_point_prints_once_or_not_and_the_next_start_says_which(
    tmp_path: Path, point: str, when: str
) -> None:
    killed = gateway(tmp_path, f"{when}-{point}")
    assert killed.returncode == -9, killed.stderr
    memory = Memory(tmp_path / "device.json")
    done = gateway(tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    papers = memory.papers("k1")
    assert len(papers) <= 1
    assert told["result"] == ("printed" if papers else "cancelled")
    assert not papers or told["number"] == str(papers[0][2])
    assert memory.read()["open"] == ""
    again = gateway(tmp_path)
    assert (again.returncode, json.loads(again.stdout), memory.papers("k1")) == (0, told, papers)
