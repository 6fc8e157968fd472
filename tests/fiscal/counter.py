"""A till and ErpNet.FP's face on one simulated printer, with the real driver as its process between them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import aiohttp
import msgspec

from drivers.simulators.fiscal_families import ENCODINGS
from drivers.simulators.fiscal_model import Stage
from drivers.simulators.printer import Simulator
from gateway.api.body import decode
from gateway.api.netfp.face import Face, FaceParts
from gateway.api.netfp.files import NetfpFiles
from gateway.config.types import DeviceSection, NetfpSection, OnPaper, TillStation
from gateway.devices import Devices
from gateway.model.clock import SystemClock
from gateway.model.device import DeviceHealth, Health
from gateway.model.entry import EntryKind
from gateway.model.fiscal import PrinterDescription
from gateway.stations.refund_words import RefundAnswer, RefundRequest, VoidRequest
from gateway.stations.report_words import CashRequest, WorkAnswer
from gateway.stations.till import Till
from gateway.stations.till_words import CommitAnswer, CommitRequest, PosQuoteRequest, QuoteAnswer
from tests.support.outputs import ScriptedOutputs
from tests.support.place import Place

ZONE = "Europe/Riga"
READY_S = 30.0
SILENCE_S = 120.0
LINE = {"id": "1", "text": "A book", "category": "books", "unit_cents": 1000}


class Counter:
    """What a POS says is read as the API reads it: from JSON."""

    def __init__(self, place: Place, devices: Devices, simulator: Simulator, face: Face, **till: Any) -> None:
        self.place = place
        self.devices = devices
        self.simulator = simulator
        self.face = face
        section = TillStation(id="till-1", readers=("nfc-1",), printer="fiscal-1", **till)
        self.till = Till(section, place.services)
        self.http: aiohttp.ClientSession
        self.ready, self.away = asyncio.Event(), asyncio.Event()

    @property
    def kinds(self) -> list[EntryKind]:
        return self.place.kinds()

    @property
    def frames(self) -> int:
        """How many commands the printer has had."""
        return len(self.simulator.executed)

    @property
    def described(self) -> PrinterDescription:
        said = self.place.services.printers.description("fiscal-1")
        assert said is not None
        return said

    async def until_quiet(self) -> None:
        """Until the gateway has looked at the device that has become ready."""
        await asyncio.gather(*self.place.services.printers._settling._tasks.values())

    def until_open(self) -> None:
        """Until a receipt is open on the device. Blocks."""
        until = time.monotonic() + READY_S
        while self.simulator.device.stage is Stage.IDLE:
            assert time.monotonic() < until
            time.sleep(0.005)

    def changed(self, health: DeviceHealth) -> None:
        """From the devices."""
        (self.ready if health.health is Health.READY else self.away).set()
        self.place.services.printers.on_change(health)

    async def quote(self, *lines: dict[str, Any], key: str, means: str = "cash", **more: Any) -> QuoteAnswer:
        said = {"receipt": {"lines": [LINE | line for line in lines or ({},)], "means": means}, **more}
        request = decode(json.dumps(said).encode(), PosQuoteRequest).settled()
        return msgspec.json.decode(await self.till.quote(request, key), type=QuoteAnswer)

    async def commit(self, quote: QuoteAnswer, key: str, *paid: dict[str, Any]) -> CommitAnswer:
        said = {"quote": quote.quote, "print": True, "paid": paid}
        request = decode(json.dumps(said).encode(), CommitRequest)
        return msgspec.json.decode(await self.till.commit(request, key), type=CommitAnswer)

    async def refund(self, key: str, **said: Any) -> RefundAnswer:
        request = decode(json.dumps({"print": True, **said}).encode(), RefundRequest)
        return msgspec.json.decode(await self.till.refund(request, key), type=RefundAnswer)

    async def void(self, key: str, **said: Any) -> RefundAnswer:
        request = decode(json.dumps({"print": True, **said}).encode(), VoidRequest)
        return msgspec.json.decode(await self.till.void(request, key), type=RefundAnswer)

    async def cash(self, key: str, cents: int) -> WorkAnswer:
        request = decode(json.dumps({"cents": cents}).encode(), CashRequest)
        return msgspec.json.decode(await self.till.cash(request, key), type=WorkAnswer)

    async def netfp(self, action: str, body: Any, **query: str) -> Any:
        """The answer of ErpNet.FP's face."""
        async with self.http.post(f"/printers/p/{action}", json=body, params=query) as answer:
            return json.loads(await answer.read())


@asynccontextmanager
async def counter(
    folder: Path, family: str, *, on_paper: tuple[OnPaper, ...] = (), line_ms: float = 0.0, **options: Any
) -> AsyncIterator[Counter]:
    """Open and ready. Nobody asks the printer anything by himself from then on."""
    (folder / "state").mkdir(parents=True)
    place = Place(folder / "state")
    hears: list[Counter] = []
    with Simulator(folder / "printer", family=family, line_ms=line_ms, zone=ZONE) as simulator:
        spoken = {"port": simulator.port, "family": family, "encoding": ENCODINGS[family], "poll_s": 60, **options}
        section = DeviceSection(id="fiscal-1", driver="fiscal", options=spoken, silence_s=SILENCE_S)
        devices = Devices(
            [section],
            SystemClock(),
            ZONE,
            on_reading=lambda _: None,
            on_change=lambda health: hears[0].changed(health),
            on_flood=lambda *_: None,
        )
        place.outputs = cast("ScriptedOutputs", devices)
        place.start()
        parts = FaceParts(
            ledger=place.ledger,
            printers=place.services.printers,
            devices=devices,
            clock=place.clock,
            zone=ZoneInfo(ZONE),
            fiscal=("fiscal-1",),
            on_security=lambda *_: None,
        )
        face = Face(NetfpSection(port=0, printers={"p": "fiscal-1"}), parts, NetfpFiles({}))
        made = Counter(place, devices, simulator, face, on_paper=on_paper)
        hears.append(made)
        await made.till.start()
        await face.start()
        await devices.start()
        async with asyncio.timeout(READY_S):
            await made.ready.wait()
            made.away.clear()
            await made.until_quiet()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{face.port}") as made.http:
            yield made
        await face.stop()
        await made.till.stop()
        await devices.stop()
        await place.stop()
