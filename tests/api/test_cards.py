"""Cards at a desk over HTTP: for who has the desk's token, and nobody else."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway.config.types import DeskStation
from gateway.model.reading import CodeReading
from gateway.stations.desk import Desk
from tests.api.conftest import BARCODE, Place

TOKEN = bytes(range(16))
STAFF = {"Authorization": f"Bearer {TOKEN.hex()}"}
ADDRESS = "/v1/stations/desk-1/cards"
BLOCK = {"act": "block", "presented": "0" * 16, "staff": "Ilze", "lost": "000000"}


@pytest.fixture
async def desk(place: Place) -> Desk:
    services = place.stations["desk-1"]._services  # type: ignore[attr-defined]
    made = Desk(DeskStation(id="desk-1", readers=("reader-1",)), services, TOKEN)
    place.stations["desk-1"] = made
    return made


async def problem(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    return answer.status, (await answer.json())["code"]


async def test_staff_see_who_is_at_the_desk_without_a_digest(
    place: Place, desk: Desk, http: aiohttp.ClientSession
) -> None:
    async with http.get(ADDRESS, headers=STAFF) as answer:
        assert await answer.json() == {}
    await desk.on_reading(CodeReading("reader-1", place.clock.mono_ns(), "code128", BARCODE))
    async with http.get(ADDRESS, headers=STAFF) as answer:
        shown: dict[str, Any] = await answer.json()
    assert (shown["proof"]["kind"], len(shown["proof"]["mark"])) == ("barcode", 6)
    assert "h-77" not in str(shown)


@pytest.mark.parametrize("given", ["", "Basic 00", "Bearer", "Bearer 00", f"Bearer {'00' * 16}"])
async def test_without_the_token_nothing_is_told_and_it_is_a_security_event(
    place: Place, desk: Desk, http: aiohttp.ClientSession, given: str
) -> None:
    headers = {"Authorization": given} if given else {}
    async with http.get(ADDRESS, headers=headers) as answer:
        assert await problem(answer) == (403, "not_staff")
    async with http.post(ADDRESS, json=BLOCK, headers={**headers, "Idempotency-Key": "1"}) as answer:
        assert await problem(answer) == (403, "not_staff")
    assert place.security[0][0] == "not_staff"


async def test_wrong_tokens_are_tried_five_times_a_minute(desk: Desk, http: aiohttp.ClientSession) -> None:
    for _ in range(5):
        async with http.get(ADDRESS) as answer:
            assert answer.status == 403
    async with http.get(ADDRESS, headers=STAFF) as answer:
        assert await problem(answer) == (429, "too_many_tokens")


async def test_where_there_are_no_staff_or_no_desk_there_are_no_cards(http: aiohttp.ClientSession) -> None:
    async with http.get(ADDRESS, headers=STAFF) as answer:
        assert await problem(answer) == (404, "no_staff")
    async with http.get("/v1/stations/till-1/cards", headers=STAFF) as answer:
        assert await problem(answer) == (404, "not_a_desk")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**BLOCK, "act": "forget"}, "bad_request"),
        ({**BLOCK, "staff": ""}, "bad_request"),
        (BLOCK, "presented_changed"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    desk: Desk, http: aiohttp.ClientSession, body: dict[str, str], code: str
) -> None:
    async with http.post(ADDRESS, json=body, headers={**STAFF, "Idempotency-Key": "1"}) as answer:
        assert (await answer.json())["code"] == code
    async with http.post(ADDRESS, json=body, headers=STAFF) as answer:
        assert await problem(answer) == (400, "bad_idempotency_key")
