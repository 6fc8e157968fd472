"""A town whose rules count rides, with a till and a desk that share a printer of slips."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.types import DeskStation, TillStation
from gateway.model.entry import Stream
from gateway.model.errors import GatewayError
from gateway.model.shown import Show
from gateway.model.slip import SlipCode, SlipJob, SlipText
from gateway.stations.desk import Desk
from gateway.stations.slip_words import SlipAnswer, SlipRequest
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from tests.rules.builders import percent, rule
from tests.stations.test_quotas import RIDES, Town, rides
from tests.support.place import FREE, Card, Place

COUNTED = rule(
    "rides",
    who={"any_of_groups": [FREE]},
    what={"categories": ["fare.bus"]},
    give=percent(10_000),
    quota=[RIDES],
    message={"en": "Have a good ride", "lv": "Labu braucienu"},
)
BALANCE = SlipRequest("balance")
COUPON = SlipRequest("text", (SlipText("Kafija -20 %", bold=True), SlipCode("C-1")))


class SlipPrinter:
    """The devices' `print_slip`, as a script: each call takes the next of `script`; nothing left is a confirmed slip.
    `on_disk`: how many receipts were when it was asked. `gate`: it waits for it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.script: list[GatewayError | bool] = []
        self.jobs: list[SlipJob] = []
        self.on_disk: list[int] = []
        self.asked = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def __call__(self, device: str, job: SlipJob, deadline_ms: int) -> bool:
        assert device == "slips-1"
        self.jobs.append(job)
        self.on_disk.append(self._place.on_disk(Stream.RECEIPT))
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        said = self.script.pop(0) if self.script else True
        if isinstance(said, GatewayError):
            raise said
        return said

    @property
    def texts(self) -> list[list[str]]:
        return [[part.text for part in job.parts if isinstance(part, SlipText)] for job in self.jobs]


class Counter:
    """A town whose rules count rides, with a till and a desk that share a printer of slips."""

    def __init__(self, folder: Path) -> None:
        self.town = Town(folder, COUNTED)
        self.place = self.town.place

    async def start(self) -> None:
        await self.town.start()
        self.printer = SlipPrinter(self.place)
        services = self.place.services
        till = TillStation(id="till-1", readers=("nfc-1",), printer="fp-1", slips="slips-1")
        self.till = Till(till, services, self.printer)
        desk = DeskStation(id="desk-1", readers=("nfc-1", "cam-1", "ble-1"), slips="slips-1")
        self.desk = Desk(desk, services, print_slip=self.printer)
        await self.till.start()

    async def quoted(self, key: str = "q1", quantity: int = 1000) -> QuoteAnswer:
        return msgspec.json.decode(await self.till.quote(QuoteRequest(rides(quantity)), key), type=QuoteAnswer)

    async def sold(self, key: str = "1", *, card: str = "anna", **more: Any) -> None:
        await self.till.on_reading(Card(card).tap(self.place))
        quote = await self.quoted(f"q{key}")
        how = more or {"fiscal_number": "0001"}
        await self.till.commit(CommitRequest(quote.quote, **how), f"r{key}")

    async def slip_of_sale(self) -> list[str]:
        await asyncio.wait_for(self.printer.asked.wait(), 10)
        return self.printer.texts[-1]

    def shown(self, station: str = "till-1") -> list[tuple[Show, str]]:
        return [(event.show, event.reason) for event in self.place.board.after(0, station)]


def answer(encoded: bytes) -> SlipAnswer:
    return msgspec.json.decode(encoded, type=SlipAnswer)
