"""The pages in a real browser: every state readable, in the person's language, live, and nobody recognisable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.model.device import DeviceHealth, Health
from gateway.model.receipt import Line, Means, Receipt
from gateway.model.shown import Show
from gateway.stations.till import Till
from gateway.stations.till_words import CommitRequest, QuoteAnswer, QuoteRequest
from gateway.sync.bundles import BundlesStatus
from gateway.sync.bundles_expiry import BundleState, Counts
from tests.api.browser import Page
from tests.api.conftest import Place
from tests.api.page_looks import CONTRAST, LANDSCAPE, OVERFLOW, PORTRAIT, ZOOMED, RunningClock


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path, RunningClock())
    await made.start()
    yield made
    await made.stop()


async def open_station(page: Page, place: Place, station: str) -> None:
    await page.goto(f"{place.url}/station/{station}")
    await page.until("!['connecting', undefined].includes(document.body.dataset.state)")


def at_rest(state: str) -> str:
    return f"document.body.dataset.state === {state!r}"


STATES: list[tuple[str, str, Show, dict[str, Any]]] = [
    ("reading", "desk-1", Show.READING, {}),
    ("accepted", "desk-1", Show.ACCEPTED, {"kind": "card", "strength": "weak", "mark": "a1b2c3"}),
    ("refused", "desk-1", Show.REFUSED, {"reason": "eid"}),  # the longest text
    ("refused", "gate-1", Show.REFUSED, {"reason": "payment_due", "due_cents": 250}),
    ("open", "gate-1", Show.OPEN, {"list_cents": 250, "due_cents": 0}),
    ("open", "gate-1", Show.OPEN, {"persons": 33, "passed": 12}),
    ("passed", "gate-1", Show.PASSED, {}),
    ("leaving", "gate-1", Show.LEAVING, {}),
    ("free", "gate-1", Show.FREE, {}),
    ("refused", "gate-1", Show.REFUSED, {"reason": "full"}),
    ("busy", "gate-1", Show.REFUSED, {"reason": "busy"}),
    ("void", "gate-1", Show.VOID, {"reason": "no_passage"}),
    ("quote", "till-1", Show.QUOTE, {"list_cents": 12_345_678, "due_cents": 9_876_543}),
    ("recorded", "till-1", Show.RECORDED, {"list_cents": 1390, "due_cents": 1042}),
    ("printed", "till-1", Show.PRINTED, {}),
    ("two_taps", "till-1", Show.TWO_TAPS, {"marks": ("f35359", "4b3e55")}),
    ("refunded", "till-1", Show.REFUNDED, {"due_cents": 12_345_678}),
    ("register", "desk-1", Show.REGISTER, {"reason": "confirm"}),
    ("requested", "desk-1", Show.REQUESTED, {"reason": "requested_replace"}),
    ("attention", "till-1", Show.ATTENTION, {"reason": "restart_at_before_close"}),
]


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT, ZOOMED], ids=["landscape", "portrait", "zoomed"])
async def test_every_state_is_readable(place: Place, devtools: str, size: tuple[int, int, float]) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        page = Page(socket)
        await page.open(*size)
        place.sync = msgspec.structs.replace(place.sync, connected=False)
        now = ""
        for language in ("lv", "lt", "en", "ru"):
            for state, station, show, details in STATES:
                if station != now:
                    await open_station(page, place, station)
                    now = station
                place.board.tell(station, show, language=language, **details)
                await page.until(f"{at_rest(state)} && document.documentElement.lang === {language!r}")
                ratio, text = await page.run(CONTRAST)
                assert ratio >= 7, (state, text)
                assert await page.run(OVERFLOW) <= 0, (state, language)
                assert await page.run("document.querySelector('#icon svg path') !== null")
                assert "undefined" not in await page.text()
        assert page.complaints == []
        await page.close()


FITS = """
(async () => {
  const tall = [];
  for (const language of ["lv", "lt", "en", "ru"]) {
    const texts = await (await fetch(`/static/i18n/${language}.json`)).json();
    document.documentElement.lang = language;
    const shows = [["refused", "reason."], ["requested", "reason.requested"], ["register", "reason.confirm"]];
    for (const [state, show] of shows) {
      document.getElementById("title").textContent = texts[`state.${state}.title`];
      document.querySelector("#badges").lastChild.lastChild.textContent = texts["badge.offline"];
      for (const key of Object.keys(texts).filter((key) => key.startsWith(show))) {
        if (show === "reason." && /requested|confirm|restart/.test(key)) continue;
        document.getElementById("detail").textContent = texts[key];
        if (document.documentElement.scrollHeight > innerHeight) tall.push(`${language} ${key}`);
      }
    }
  }
  return tall;
})()
"""
"""Which reasons do not fit on the page below their title. Nobody scrolls a screen on a wall."""


@pytest.mark.parametrize("size", [(1024, 768, 1), (768, 1024, 1)], ids=["landscape", "portrait"])
async def test_every_reason_fits_on_a_small_screen_with_a_badge(
    place: Place, devtools: str, size: tuple[int, int, float]
) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        page = Page(socket)
        await page.open(*size)
        place.sync = msgspec.structs.replace(place.sync, connected=False)
        await open_station(page, place, "desk-1")
        place.board.tell("desk-1", Show.REFUSED, reason="eid", language="lv")
        await page.until(f"{at_rest('refused')} && document.querySelectorAll('.badge').length === 1")
        assert await page.run(FITS) == []
        await page.close()


async def test_a_group_of_which_some_have_passed_is_not_told_that_nobody_has(place: Place, page: Page) -> None:
    await open_station(page, place, "gate-1")
    place.board.tell("gate-1", Show.VOID, reason="no_passage", persons=3, passed=2, language="en")
    await page.until(at_rest("void"))
    text = await page.text()
    assert "Those who did not come in have their entry back." in text
    assert "2 of 3 have passed" in text
    assert "Nobody passed" not in text


async def test_shapes_differ_so_that_colour_is_not_needed(place: Place, page: Page) -> None:
    shapes: dict[str, str] = {}
    for state, station, show, details in STATES:
        await open_station(page, place, station)
        place.board.tell(station, show, **details)
        await page.until(at_rest(state))
        shapes[state] = await page.run("document.getElementById('icon').innerHTML")
    assert len(set(shapes.values())) == len(shapes)


async def test_a_till_shows_price_discount_and_what_is_due(place: Place, page: Page) -> None:
    await open_station(page, place, "till-1")
    place.board.tell("till-1", Show.QUOTE, list_cents=1390, due_cents=1042, language="en")
    await page.until(at_rest("quote"))
    text = await page.text()
    assert [amount in text for amount in ("€13.90", "-€3.48", "€10.42")] == [True] * 3


async def test_without_a_discount_a_till_shows_none(place: Place, page: Page) -> None:
    await open_station(page, place, "till-1")
    place.board.tell("till-1", Show.QUOTE, list_cents=615, due_cents=615, language="en")
    await page.until(at_rest("quote"))
    text = await page.text()
    assert ("€6.15" in text, "€0.00" in text) == (True, False)


async def test_a_till_asks_whose_of_two_cards_it_is_and_says_what_comes_back(place: Place, page: Page) -> None:
    await open_station(page, place, "till-1")
    place.board.tell("till-1", Show.TWO_TAPS, marks=("f35359", "4b3e55"), language="en")
    await page.until(at_rest("two_taps"))
    text = await page.text()
    assert [said in text for said in ("Whose purchase is it?", "Card f35359", "Card 4b3e55")] == [True] * 3
    place.board.tell("till-1", Show.REFUNDED, due_cents=750, language="en")
    await page.until(at_rest("refunded"))
    text = await page.text()
    assert "Refund" in text
    assert "€7.50" in text
    assert "Card f35359" not in text


async def test_a_tills_day_is_shown_to_its_cashier(place: Place, page: Page) -> None:
    till = place.stations["till-1"]
    assert isinstance(till, Till)
    lines = (Line("1", "Rope", "", 70_000), Line("2", "Book", "books", 30_000))
    await place.tap()
    quote = msgspec.json.decode(await till.quote(QuoteRequest(Receipt(lines, Means.CARD)), "q"), type=QuoteAnswer)
    await till.commit(CommitRequest(quote.quote, "F-1"), "r")
    await page.goto(f"{place.url}/day/till-1?lang=en")
    await page.until("document.querySelectorAll('#means tr td.number').length === 1")
    text = await page.text()
    for told in ("The till's day · till-1", "€925.00", "merchant", "€75.00", "Rope"):
        assert told in text, text
    assert "Worth a look" not in text
    await page.run("document.getElementById('date').value = '2026-01-01'")
    await page.run("document.getElementById('date').dispatchEvent(new Event('change'))")
    await page.until("document.querySelectorAll('#means tr td.number').length === 0")
    assert "€925.00" not in await page.text()
    assert page.complaints == []


async def test_offline_a_till_says_how_long_benefits_hold(place: Place, page: Page) -> None:
    state = BundleState("rules", 7, place.clock.wall_ms() + 9 * 24 * 3_600_000, Counts.YES)
    place.sync = msgspec.structs.replace(place.sync, connected=False, content=BundlesStatus((state,)))
    await open_station(page, place, "till-1")
    assert "Atlaides ir spēkā līdz" in await page.text()
    await open_station(page, place, "gate-1")
    assert "Atlaides ir spēkā līdz" not in await page.text()


async def test_a_tap_speaks_the_persons_language_and_then_the_places(place: Place, page: Page) -> None:
    await open_station(page, place, "desk-1")
    assert await page.run("document.documentElement.lang") == "lv"
    await place.tap("desk-1")
    await page.until(f"{at_rest('accepted')} && document.documentElement.lang === 'ru'")
    assert "Принято" in await page.text()
    await page.until(f"{at_rest('idle')} && document.documentElement.lang === 'lv'", seconds=10)


async def test_a_real_tap_shows_nobody(place: Place, page: Page) -> None:
    for path, station in (("/station/desk-1", "desk-1"), ("/?lang=en", "till-1")):
        await page.goto(f"{place.url}{path}")
        await page.until("document.querySelector('svg') !== null")
        await place.tap(station)
        await page.until("/Принято|Accepted/.test(document.body.innerText)")
        html = await page.run("document.documentElement.outerHTML")
        for secret in ("2900001234567", "h-77", "pupil"):
            assert secret not in html


async def test_at_rest_both_languages_of_the_place_invite(place: Place, page: Page) -> None:
    await open_station(page, place, "gate-1")
    await page.until(at_rest("idle"))
    assert "Lai ieietu, uzrādiet karti" in await page.text()
    assert await page.run("document.querySelector('[lang=en]').textContent") == "Present your card to enter"


async def test_an_old_event_is_not_shown_to_the_next_person(place: Place, page: Page) -> None:
    assert isinstance(place.clock, RunningClock)
    place.clock.behind_ms = 7000
    place.board.tell("desk-1", Show.ACCEPTED, language="ru")
    place.clock.behind_ms = 0
    await open_station(page, place, "desk-1")
    assert await page.run("document.body.dataset.state") == "idle"


async def test_the_page_says_when_it_works_offline(place: Place, page: Page) -> None:
    place.sync = msgspec.structs.replace(place.sync, connected=False)
    await open_station(page, place, "till-1")
    assert "Bezsaistē: ierakstīts šeit, nosūtīs vēlāk" in await page.text()
    place.sync = msgspec.structs.replace(place.sync, connected=True)
    place.board.tell("till-1", Show.QUOTE, list_cents=1, due_cents=1)
    await page.until("!document.body.innerText.includes('Bezsaistē')")


async def test_the_page_says_when_benefits_end_and_that_they_have(place: Place, page: Page) -> None:
    await open_station(page, place, "gate-1")
    badge = "document.querySelector('.badge')?.textContent"
    hour_ms = 3_600_000
    for ends_ms, counts, said in (
        (place.clock.wall_ms() + hour_ms, Counts.GRACE, "noteikumu termiņš beidzies"),
        (place.clock.wall_ms() - hour_ms, Counts.ENDED, "pilna cena"),
    ):
        state = BundleState("rules", 7, ends_ms, counts)
        place.sync = msgspec.structs.replace(place.sync, content=BundlesStatus((state,)))
        await page.until(f"{badge}?.includes({said!r})")


async def test_a_gate_without_its_reader_invites_nobody_but_a_till_can_sell(place: Place, page: Page) -> None:
    place.devices[0] = DeviceHealth("reader-1", "nfc", Health.LOST)
    await open_station(page, place, "gate-1")
    await page.until(at_rest("unavailable"))
    await open_station(page, place, "till-1")
    await page.until(f"{at_rest('idle')} && document.querySelectorAll('.badge').length === 1")


async def test_a_page_that_lost_its_gateway_says_so_and_comes_back(place: Place, page: Page) -> None:
    await open_station(page, place, "desk-1")
    await page.until(at_rest("idle"))
    assert place.api is not None
    port = place.api.port
    await place.api.stop()
    await page.until(at_rest("down"))
    await place.serve(port=port)
    await page.until(at_rest("idle"))


async def test_results_are_announced_and_the_page_can_be_read_aloud(place: Place, page: Page) -> None:
    await open_station(page, place, "desk-1")
    assert await page.run("document.querySelector('main').getAttribute('aria-live')") == "assertive"
    assert await page.run("document.querySelector('main').getAttribute('aria-atomic')") == "true"
    assert await page.run("document.querySelector('#icon svg').getAttribute('aria-hidden')") == "true"
    assert await page.run("document.title") == "desk-1 · Smart Place"
