"""The page of a desk's staff in a real browser: from the token to a request on the disk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config.types import DeskStation
from gateway.identity.identify import Identity
from gateway.identity.keys import Keys
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import InputRefused
from gateway.model.identification import CredentialKind
from gateway.model.reading import CodeReading
from gateway.model.slip import SlipJob
from gateway.stations.desk import Desk
from gateway.stations.services import Services
from gateway.wire import passes
from gateway.wire.contents import RegistryContent, RegistryCredential, RegistryHolder
from gateway.wire.cose_keys import public_of
from gateway.wire.credentials import digest, pass_id
from tests.api.browser import CONTRAST, OVERFLOW, Page
from tests.api.conftest import CARD_KEY, NoDevices, Place

TOKEN = bytes(range(16))
ISSUER_KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("33" * 32))
PASS, LOST, NEW = b"12345678", b"L-0001", b"L-0002"


class SlipPrinter(NoDevices):
    """Devices of which one prints slips, until it is out of paper."""

    def __init__(self) -> None:
        self.jobs: list[SlipJob] = []
        self.paper = True

    def is_ready(self, device: str) -> bool:
        return device == "slips-1"

    async def print_slip(self, device: str, job: SlipJob, deadline_ms: int) -> bool:
        if not self.paper:
            raise InputRefused("no paper", code="no_paper")
        self.jobs.append(job)
        return True


@pytest.fixture
def printer() -> SlipPrinter:
    return SlipPrinter()


@pytest.fixture
async def page(devtools: str) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session, session.ws_connect(devtools, max_msg_size=0) as socket:
        tab = Page(socket)
        await tab.open(600, 1024)
        yield tab
        await tab.close()


@pytest.fixture
def desk(place: Place, printer: SlipPrinter) -> Desk:
    """One whose only holder has a pass and a library card."""
    mine = (
        (CredentialKind.PASS, pass_id("jelgava", PASS.hex())),
        (CredentialKind.BARCODE, LOST),
    )
    owned = tuple(RegistryCredential(kind, digest(CARD_KEY, kind, canonical).hex(), "h-1") for kind, canonical in mine)
    place.cache.stage_registry(5, RegistryContent("k1", (RegistryHolder("h-1"),), owned), "k1")
    place.cache.use_registry(5)
    keys = Keys(CARD_KEY, "k1", None, None, {"jelgava": public_of(ISSUER_KEY)})
    identity = Identity(keys, place.cache, place.ledger.query)
    services = Services(place.ledger, identity, place.benefits, printer, place.board, place.clock)
    section = DeskStation(id="desk-1", readers=("reader-1",), slips="slips-1")
    made = Desk(section, services, TOKEN, print_slip=printer.print_slip)
    place.stations["desk-1"] = made
    return made


async def present(place: Place, desk: Desk, data: bytes) -> None:
    await desk.on_reading(CodeReading("reader-1", place.clock.mono_ns(), "code", data))


async def type_in(page: Page, field: str, text: str) -> None:
    await page.run(f"document.getElementById({field!r}).value = {text!r}")


async def click(page: Page, what: str) -> None:
    await page.run(f"document.querySelector({what!r}).click()")


async def test_staff_register_a_card_in_place_of_a_lost_one(
    place: Place, desk: Desk, page: Page, tmp_path: Path
) -> None:
    await page.goto(f"{place.url}/staff/desk-1")
    await page.until("document.getElementById('station').textContent === 'desk-1'")
    await type_in(page, "name", "Ilze")
    await type_in(page, "token", TOKEN.hex())
    await click(page, "#enter")
    await page.until("!document.getElementById('nobody').hidden && !document.getElementById('desk').hidden")
    await present(place, desk, NEW)
    expires_s = place.clock.wall_ms() // 1000 + 60
    await present(
        place, desk, passes.issue(ISSUER_KEY, passes.Claims(issuer="jelgava", pass_id=PASS, expires_s=expires_s))
    )
    await page.until("!document.getElementById('link').hidden")
    ratio, text = await page.run(CONTRAST)
    assert ratio >= 4.5, text
    assert await page.run(OVERFLOW) <= 0
    seen = await page.text()
    assert digest(CARD_KEY, CredentialKind.BARCODE, NEW).hex()[:6] in seen
    assert "h-1" not in seen
    assert NEW.decode() not in seen
    await click(page, "#known li button:last-child")
    await page.until("!document.getElementById('told').hidden")
    bodies = [json.loads(e.body or b"") for e in place.ledger.read(Stream.AUDIT, 0, -1) if e.body]
    (body,) = [body for body in bodies if "act" in body]
    assert (body["act"], body["staff"], body["holder"]) == ("replace", "Ilze", "h-1")
    assert body["lost"] == digest(CARD_KEY, CredentialKind.BARCODE, LOST).hex()
    assert body["request"][:8] in await page.text()
    await page.until("!document.getElementById('nobody').hidden")
    assert page.complaints == []


async def test_staff_print_what_is_left_for_who_is_there(
    place: Place, desk: Desk, page: Page, printer: SlipPrinter
) -> None:
    await page.goto(f"{place.url}/staff/desk-1")
    await page.until("document.getElementById('station').textContent === 'desk-1'")
    await type_in(page, "name", "Ilze")
    await type_in(page, "token", TOKEN.hex())
    await click(page, "#enter")
    await page.until("!document.getElementById('nobody').hidden && !document.getElementById('desk').hidden")
    assert await page.run("document.getElementById('slip').hidden")
    await present(place, desk, LOST)
    await page.until("!document.getElementById('slip').hidden")
    await click(page, "#slip")
    await page.until("document.getElementById('told').textContent === 'Lapiņa ir izdrukāta.'")
    printer.paper = False
    await click(page, "#slip")
    await page.until("document.getElementById('told').textContent.startsWith('Lapiņa netika izdrukāta')")
    assert len(printer.jobs) == 1
    assert page.complaints == []


async def test_a_wrong_token_shows_nothing_of_the_desk(place: Place, desk: Desk, page: Page) -> None:
    await present(place, desk, LOST)
    await page.goto(f"{place.url}/staff/desk-1")
    await page.until("document.getElementById('station').textContent === 'desk-1'")
    await type_in(page, "name", "Ilze")
    await type_in(page, "token", "00" * 16)
    await click(page, "#enter")
    await page.until("!document.getElementById('told').hidden")
    assert await page.run("document.getElementById('desk').hidden")
    assert digest(CARD_KEY, CredentialKind.BARCODE, LOST).hex()[:6] not in await page.text()
    kinds = [entry.header.kind for entry in place.ledger.read(Stream.AUDIT, 0, -1)]
    assert EntryKind.CARD_REQUEST not in kinds


async def test_a_gateway_that_is_away_is_told_and_nobody_is_shown_meanwhile(
    place: Place, desk: Desk, page: Page
) -> None:
    await present(place, desk, LOST)
    await page.goto(f"{place.url}/staff/desk-1")
    await page.until("document.getElementById('station').textContent === 'desk-1'")
    await type_in(page, "name", "Ilze")
    await type_in(page, "token", TOKEN.hex())
    await click(page, "#enter")
    await page.until("!document.getElementById('person').hidden")
    assert place.api is not None
    port = place.api.port
    await place.api.stop()
    await page.until("document.getElementById('told').textContent === 'Nav savienojuma ar v\u0101rteju'")
    assert await page.run("document.getElementById('person').hidden")
    await place.serve(port=port)
    await page.until("document.getElementById('told').hidden && !document.getElementById('person').hidden")
