"""A till with the real driver of its printer of slips, on a simulated one: what was asked for stands on the paper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from drivers.simulators.escpos import EscPosPrinter
from gateway.config.types import DeviceSection, TillStation
from gateway.daemon.makers import make_station
from gateway.devices import Devices
from gateway.model.device import Health
from gateway.model.receipt import Receipt
from gateway.model.shown import Show
from gateway.model.slip import SlipCode, SlipState, SlipText
from gateway.stations.slip_words import SlipAnswer, SlipRequest
from gateway.stations.slips import NOT_PRINTED
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from tests.stations.test_gate_wire import RunningClock
from tests.stations.test_till import line
from tests.support.gates import until
from tests.support.place import Card, Place


class Wired:
    """A till, its devices and the paper."""

    def __init__(self, folder: Path) -> None:
        (folder / "state").mkdir()
        self.place = Place(folder / "state", RunningClock())
        self.printer = EscPosPrinter(folder / "printer")
        options = {"port": str(folder / "printer"), "flow": "none", "poll_s": 0.2}
        self.devices = Devices(
            [DeviceSection(id="slips-1", driver="slip", options=options)],
            self.place.clock,
            "Europe/Riga",
            on_reading=lambda _reading: None,
            on_change=lambda _health: None,
            on_flood=lambda *_: None,
        )

    async def start(self) -> None:
        self.place.start()
        self.place.services.outputs = self.devices
        self.printer.plug()
        section = TillStation(id="till-1", readers=("nfc-1",), slips="slips-1")
        till = make_station(section, self.place.services, self.devices)
        assert isinstance(till, Till)
        self.till = till
        await self.till.start()
        await self.devices.start()
        await self.ready()

    async def stop(self) -> None:
        await self.devices.stop()
        await self.till.stop()
        await self.place.stop()
        self.printer.unplug()

    async def ready(self) -> None:
        await until(lambda: self.devices.health()[0].health is Health.READY)

    def concern(self) -> str:
        return self.devices.health()[0].code

    def papers(self) -> list[str]:
        return [slip.text for slip in self.printer.paper.slips]

    async def sold(self, key: str) -> None:
        await self.till.on_reading(Card("berta").tap(self.place))
        request = QuoteRequest(Receipt((line(),)))
        quote = msgspec.json.decode(await self.till.quote(request, f"q{key}"), type=QuoteAnswer)
        await self.till.commit(CommitRequest(quote.quote, fiscal_number=key), f"r{key}")


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[Wired]:
    made = Wired(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def asked(wired: Wired, key: str, *parts: SlipText | SlipCode) -> SlipAnswer:
    answer = await wired.till.slip(SlipRequest("text", parts or (SlipText("Kafija"),)), key)
    return msgspec.json.decode(answer, type=SlipAnswer)


async def test_a_sale_s_slip_stands_on_the_paper_in_the_persons_letters(wired: Wired) -> None:
    await wired.sold("1")
    await asyncio.to_thread(wired.printer.wait, lambda: len(wired.printer.paper.slips) == 1)
    assert "Laipni lūdzam" in wired.papers()[0]


async def test_a_coupon_is_printed_and_confirmed(wired: Wired) -> None:
    assert (await asked(wired, "k1", SlipText("Kafija"), SlipCode("C-1"))).state is SlipState.PRINTED
    assert wired.papers() == ["Kafija\n[QR C-1]"]


async def test_a_letter_that_the_printer_lacks_is_told_and_nothing_printed(wired: Wired) -> None:
    told = await asked(wired, "k1", SlipText("Kafija 漢"))
    assert (told.state, told.reason) == (SlipState.NOT_PRINTED, "bad_text")
    assert "U+6F22" in told.advice
    assert wired.papers() == []


async def test_an_open_cover_is_told_and_the_sale_stands(wired: Wired) -> None:
    wired.printer.set("cover")
    await until(lambda: wired.concern() == "cover_open")
    told = await asked(wired, "k1")
    assert (told.state, told.reason) == (SlipState.NOT_PRINTED, "cover_open")
    await wired.sold("1")
    await until(lambda: wired.place.board.last("till-1").reason == NOT_PRINTED)  # type: ignore[union-attr]
    assert wired.place.board.last("till-1").show is Show.RECORDED  # type: ignore[union-attr]
    wired.printer.set("cover", on=False)
    await until(lambda: wired.concern() == "")
    assert (await asked(wired, "k2")).state is SlipState.PRINTED
    assert wired.papers() == ["Kafija"], "what was not printed is not printed later"


async def test_a_roll_that_ends_within_a_slip_is_not_called_printed(wired: Wired) -> None:
    wired.printer.lines_left = 2
    told = await asked(wired, "k1", SlipText("a\nb\nc\nd"))
    assert told.state is SlipState.UNKNOWN
    assert "no paper" in told.advice
    await wired.ready()
    assert (await asked(wired, "k1", SlipText("a\nb\nc\nd"))) == told
    assert wired.printer.taken.count(b"\x1b@") == 1


async def test_the_driver_killed_is_started_again_and_prints(wired: Wired) -> None:
    wired.devices.kill("slips-1")
    await until(lambda: wired.devices.health()[0].restarts == 1)
    await wired.ready()
    assert (await asked(wired, "k1")).state is SlipState.PRINTED
