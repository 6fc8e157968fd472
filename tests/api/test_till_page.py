"""The line for a till's staff, in a real browser: there as long as something has to be seen to, beside what the
customer sees and never instead of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from gateway.config.types import TillStation
from gateway.model.decision import QuotaUnit
from gateway.model.device import DeviceHealth, Health
from gateway.model.fiscal import PrintOutcome, PrintResult, VatSum
from gateway.model.receipt import Line, Means, Receipt
from gateway.model.shown import Show, ShownLeft
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from tests.api.browser import Page
from tests.api.conftest import Place
from tests.api.page_looks import CONTRAST, OVERFLOW, RunningClock
from tests.support.outputs import ScriptedOutputs

BOOK = Receipt((Line("1", "Book", "books", 1390),), Means.CARD)
PAPER_OUT = DeviceHealth("fiscal-1", "fiscal", Health.READY, "paper_out", "no paper", "Put a roll in")
LEFT = (ShownLeft(3, 10, QuotaUnit.UNITS, "2026-12-31"), ShownLeft(1250, 5000, QuotaUnit.CENTS, "2026-12-31"))
STAFF = "document.getElementById('staff')"
TALLER = "document.documentElement.scrollHeight - innerHeight"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = RunningClock()
    made = Place(tmp_path, clock, ScriptedOutputs(clock.mono_ns))
    await made.start()
    made.stations["till-2"] = till = Till(TillStation(id="till-2", printer="fiscal-1"), made.services)
    await till.start()
    yield made
    await made.stop()


async def doubt(place: Place) -> str:
    """A receipt in doubt, of a customer who has gone; its key."""
    till, outputs = place.stations["till-2"], place.outputs
    assert isinstance(till, Till)
    assert isinstance(outputs, ScriptedOutputs)
    outputs.print_script.append("paying")
    quote = msgspec.json.decode(await till.quote(QuoteRequest(BOOK), "q"), type=QuoteAnswer)
    await till.commit(CommitRequest(quote.quote, print=True), "r")
    return quote.quote


async def open_till(page: Page, place: Place, station: str = "till-2") -> None:
    await page.goto(f"{place.url}/station/{station}")
    await page.until("!['connecting', undefined].includes(document.body.dataset.state)")


def serving(state: str) -> str:
    return f"document.body.dataset.state === {state!r}"


async def test_a_doubt_stands_below_the_idle_page_with_what_to_look_for(place: Place, page: Page) -> None:
    key = await doubt(place)
    place.board.tell("till-2", Show.IDLE)  # The 30 s are over.
    await open_till(page, place)
    await page.until(serving("idle"))
    text = (await page.text()).replace("\u00a0", " ")
    assert "Ir pilsētas karte?" in text
    for told in ("apskatiet printera papīru", "Čeks", "13,90 €", f"Nr. {key}", "pēc Nr. 41"):
        assert told in text, text
    await open_till(page, place, "till-1")
    assert await page.run(f"{STAFF}.hidden")
    assert page.complaints == []


async def test_it_stays_when_the_message_has_gone_and_when_the_page_is_loaded_anew(place: Place, page: Page) -> None:
    await open_till(page, place)
    assert await page.run(f"{STAFF}.hidden")
    key = await doubt(place)
    await page.until(f"{serving('attention')} && {STAFF}.innerText.includes({key!r})")
    place.board.tell("till-2", Show.IDLE)
    await page.until(f"{serving('idle')} && {STAFF}.innerText.includes({key!r})")
    await open_till(page, place)
    await page.until(f"{serving('idle')} && {STAFF}.innerText.includes({key!r})")


async def test_it_goes_as_soon_as_it_is_settled(place: Place, page: Page) -> None:
    key = await doubt(place)
    await open_till(page, place)
    await page.until(f"!{STAFF}.hidden")
    await place.services.printers.settle_by_hand(key, "0042", "Ilze")
    await page.until(f"{STAFF}.hidden && {STAFF}.innerText === ''", seconds=4)


async def test_it_speaks_the_places_language_and_is_not_drawn_again_for_a_customer(place: Place, page: Page) -> None:
    await doubt(place)
    place.board.tell("till-2", Show.IDLE)
    await open_till(page, place)
    await page.run(f"window.drawn = 0; new MutationObserver(() => drawn += 1).observe({STAFF}, {{childList: true}})")
    place.board.tell("till-2", Show.QUOTE, list_cents=1390, due_cents=1042, language="ru", left=LEFT)
    await page.until(serving("quote"))
    text = await page.text()
    assert "К оплате" in text
    assert "Осталось 3 из 10" in text
    assert "apskatiet printera papīru" in text
    assert await page.run("window.drawn") == 0


async def test_paper_stands_before_the_doubt_and_comes_and_goes_live(place: Place, page: Page) -> None:
    await doubt(place)
    await open_till(page, place)
    place.devices.append(PAPER_OUT)
    place.board.stir()
    await page.until(f"{STAFF}.children.length === 2 && {STAFF}.firstChild.innerText.includes('nav papīra')")
    place.devices.pop()
    place.board.stir()
    await page.until(f"{STAFF}.children.length === 1")


@pytest.mark.parametrize(
    "size", [(1280, 800), (1024, 768), (768, 1024), (600, 1024)], ids=lambda size: "x".join(map(str, size))
)
async def test_beside_it_all_that_a_customer_needs_stands_on_the_screen(
    place: Place, devtools: str, size: tuple[int, int]
) -> None:
    await doubt(place)
    place.devices.append(PAPER_OUT)
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        page = Page(socket)
        await page.open(*size)
        await open_till(page, place)
        for language in ("lv", "lt", "en", "ru"):
            for state, show, details in (
                ("accepted", Show.ACCEPTED, {"left": LEFT}),
                ("quote", Show.QUOTE, {"list_cents": 12_345, "due_cents": 9_876, "left": LEFT}),
                ("refused", Show.REFUSED, {"reason": "eid"}),
                ("attention", Show.ATTENTION, {"reason": "waits_for_hand"}),
            ):
                place.board.tell("till-2", show, language=language, **details)
                await page.until(f"{serving(state)} && document.documentElement.lang === {language!r}")
                assert await page.run(TALLER) <= 0, (language, state)
                assert await page.run(OVERFLOW) <= 0, (language, state)
                ratio, text = await page.run(CONTRAST)
                assert ratio >= 7, text
        await page.close()


async def test_the_overview_names_what_the_till_waits_for(place: Place, page: Page) -> None:
    key = await doubt(place)
    await page.goto(f"{place.url}/?lang=en")
    await page.until("document.getElementById('overall')?.dataset.level === 'warn'")
    text = await page.text()
    assert "Staff: look at the printer's paper." in text
    assert key in text


async def test_the_tills_day_has_its_vat_by_letter_and_a_choice_of_language(place: Place, page: Page) -> None:
    till, outputs = place.stations["till-2"], place.outputs
    assert isinstance(till, Till)
    assert isinstance(outputs, ScriptedOutputs)
    vat = (VatSum("A", 990, 2100, 172), VatSum("C", 400, 500, 19))
    outputs.print_script.append(PrintOutcome("?", PrintResult.PRINTED, "42", 1390, vat=vat))
    quote = msgspec.json.decode(await till.quote(QuoteRequest(BOOK), "q"), type=QuoteAnswer)
    await till.commit(CommitRequest(quote.quote, print=True), "r")
    await page.goto(f"{place.url}/day/till-2?lang=en")
    await page.until("document.querySelectorAll('#vat tr').length === 2")
    cells = await page.run("[...document.querySelectorAll('#vat td')].map((cell) => cell.textContent)")
    assert cells == ["A", "€9.90", "€1.72", "C", "€4.00", "€0.19"]
    assert "VAT in it" in await page.text()
    now = "document.querySelector('#languages [aria-current]').textContent"
    assert await page.run(now) == "en"
    date = await page.run("document.getElementById('date').value")
    await page.run("document.getElementById('date').dispatchEvent(new Event('change'))")
    await page.until("document.querySelector('#languages a').search.includes('date')")
    await page.run("document.querySelector('#languages a[lang=lt]').click()")
    await page.until(f"document.documentElement.lang === 'lt' && {now} === 'lt'")
    await page.until("document.querySelectorAll('#vat tr').length === 2")
    assert await page.run("location.search") == f"?lang=lt&date={date}"
    assert "Su PVM" in await page.text()
    ratio, text = await page.run(CONTRAST)
    assert ratio >= 7, text
    assert page.complaints == []


async def test_a_day_without_vat_has_no_table_of_it(place: Place, page: Page) -> None:
    await page.goto(f"{place.url}/day/till-1?lang=en")
    await page.until("document.querySelectorAll('#sums tr').length === 3")
    assert await page.run("document.getElementById('taxed').hidden")
