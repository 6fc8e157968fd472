"""The face over a place with everything but devices, asked over HTTP as a client of ErpNet.FP asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from gateway.api.netfp.face import Face, FaceParts
from gateway.api.netfp.files import NetfpFiles
from gateway.config.types import NetfpSection
from gateway.fiscal.port import OnStep
from gateway.fiscal.printers import Printers
from gateway.model.errors import DeadlineMissed, InputRefused
from gateway.model.fiscal import PrinterStatus, PrintOutcome, Work
from tests.support.outputs import ScriptedOutputs
from tests.support.place import Place

PRINTER = "dt900001"
ORIGIN = "https://pos.example"
CATALOGUE = {"text": "Catalogue", "unitPrice": 12.40, "taxGroup": 3}
RECEIPT = {"items": [CATALOGUE]}


class Outputs(ScriptedOutputs):
    """With a clock, copies and raw commands."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        super().__init__(now_ns)
        self.status = PrinterStatus(
            True, True, False, "41", z_number="7", device_time="2026-11-23T11:00:20", cash_cents=5000
        )
        self.device_time = ""
        self.copies = 0
        self.raws: list[tuple[int, bytes]] = []
        self.silent = False
        self.held: asyncio.Event | None = None
        """A printer that has the work, and prints when this is set."""
        self.took = asyncio.Event()

    async def do_work(self, device: str, work: Work, on_step: OnStep, deadline_ms: int) -> PrintOutcome:
        self.took.set()
        if self.held is not None:
            await self.held.wait()
        return await super().do_work(device, work, on_step, deadline_ms)

    async def printer_status(self, device: str, deadline_ms: int = 3000) -> PrinterStatus:
        return self.status

    async def set_clock(self, device: str, device_time: str, deadline_ms: int = 5000) -> PrinterStatus:
        self.device_time = device_time
        if self.silent:
            raise DeadlineMissed("no answer", "Look")
        return self.status

    async def print_copy(self, device: str, deadline_ms: int = 30_000) -> PrinterStatus:
        self.copies += 1
        return self.status

    async def raw(self, device: str, command: int, data: bytes, deadline_ms: int = 5000) -> bytes:
        if chr(command) == "1":
            raise InputRefused("a command that sells is never sent", "Print a receipt")
        self.raws.append((command, data))
        return b"25-06-2019 11:15:26"


class Shop:
    """A place with the face on a free port."""

    def __init__(self, place: Place, outputs: Outputs) -> None:
        self.place = place
        self.outputs = outputs
        self.security: list[tuple[str, str, int]] = []
        self.http: aiohttp.ClientSession

    def make(self, files: NetfpFiles, **settings: Any) -> Face:
        keys = {"port": 0, "printers": {PRINTER: "till-printer"}, "origins": (ORIGIN,), **settings}
        self.printers = Printers(self.place.ledger, self.outputs, self.place.clock)
        parts = FaceParts(
            ledger=self.place.ledger,
            printers=self.printers,
            devices=self.outputs,
            clock=self.place.clock,
            zone=ZoneInfo("Europe/Riga"),
            fiscal=("till-printer", "bar-printer"),
            on_security=lambda what, source, count: self.security.append((what, source, count)),
        )
        return Face(NetfpSection(**keys), parts, files)

    async def open(self, tokens: dict[str, bytes] | None = None, **settings: Any) -> None:
        self.face = self.make(NetfpFiles(tokens or {}), **settings)
        await self.face.start()
        self.http = aiohttp.ClientSession(f"http://127.0.0.1:{self.face.port}")

    async def close(self) -> None:
        await self.http.close()
        await self.face.stop()
        await self.printers.stop()

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """The answer's JSON, of an answer with this status."""
        data = None if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        async with self.http.request(method, path, data=data, headers=headers, **more) as answer:
            assert answer.status == status, await answer.text()
            return json.loads(await answer.read())

    async def get(self, path: str, **more: Any) -> Any:
        return await self.ask("GET", path, **more)

    async def post(self, action: str, body: Any = None, **more: Any) -> Any:
        return await self.ask("POST", f"/printers/{PRINTER}/{action}", body, **more)

    async def finished(self, task: str) -> Any:
        """The result of a task, when it has one."""
        async with asyncio.timeout(20):
            info: Any = {}
            while info.get("taskStatus") != "finished":
                info = await self.get(f"/printers/taskinfo?id={task}")
        return info["result"]

    async def crash(self) -> Shop:
        """The same shop after a power cut now."""
        after = Shop(await self.place.crash(), self.outputs)
        await self.close()
        await after.open()
        return after


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / "place").mkdir()
    place = Place(tmp_path / "place").start()
    outputs = Outputs(place.clock.mono_ns)
    made = Shop(place, outputs)
    await made.open()
    yield made
    await made.close()
    await place.stop()


def code(answer: Any) -> str:
    """Of the first message."""
    return str(answer["messages"][0].get("code", ""))
