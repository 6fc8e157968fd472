"""The overview in a real browser: what is wrong and what to do, live, readable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.model.device import DeviceHealth, Health
from tests.api.browser import Page
from tests.api.conftest import Place
from tests.api.page_looks import CONTRAST, LANDSCAPE, OVERFLOW, RunningClock


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path, RunningClock())
    await made.start()
    yield made
    await made.stop()


async def test_the_overview_tells_what_is_wrong_and_what_to_do(place: Place, page: Page) -> None:
    place.devices[0] = DeviceHealth("reader-1", "nfc", Health.LOST, "silent", "no answer for 15 s", "Check its cable")
    await page.goto(f"{place.url}/?lang=en")
    await page.until("document.querySelectorAll('#chains li').length === 4")
    text = await page.text()
    for told in ("reader-1 is lost: no answer for 15 s", "Check its cable", "Not working", "rules 7, registry 4"):
        assert told in text
    links = await page.run("[...document.querySelectorAll('#stations a')].map((a) => a.getAttribute('href'))")
    assert links == ["/station/desk-1", "/station/gate-1", "/station/till-1"]


async def test_the_overview_follows_events_and_health(place: Place, page: Page) -> None:
    await page.goto(f"{place.url}/?lang=lv")
    await page.until("document.querySelectorAll('#chains [data-level=ok]').length > 0")
    await place.tap("till-1")
    await page.until("document.querySelector('#events')?.innerText.includes('Pieņemts')")
    place.ledger_problem = "the card is full"
    await page.until("document.getElementById('overall').dataset.level === 'fail'", seconds=12)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [LANDSCAPE, (360, 740, 2)], ids=["laptop", "phone"])
async def test_the_overview_is_readable(place: Place, devtools: str, size: tuple[int, int, float], dark: bool) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        page = Page(socket)
        await page.open(*size)
        if dark:
            await page.prefer_dark()
        place.devices[0] = DeviceHealth("reader-1", "nfc", Health.LOST, "silent", "no answer", "Check its cable")
        await place.tap("till-1")
        for language in ("lv", "lt", "en", "ru"):
            await page.goto(f"{place.url}/?lang={language}")
            await page.until(f"document.documentElement.lang === {language!r} && document.querySelector('#events tr')")
            ratio, text = await page.run(CONTRAST)
            assert ratio >= 7, (language, text)
            assert await page.run(OVERFLOW) <= 0
        assert page.complaints == []
        await page.close()
