"""Slips on demand over real HTTP: a coupon of the POS's own, what is left for whoever is at the desk."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway.config.types import DeskStation, TillStation
from gateway.model.slip import SlipCode, SlipJob, SlipText
from gateway.stations.desk import Desk
from gateway.stations.till import Till
from tests.api.conftest import NoDevices, Place

COUPON = {"kind": "text", "parts": [{"part": "text", "text": "Kafija", "bold": True}, {"part": "code", "data": "C-1"}]}
KEY = {"Idempotency-Key": "s-1"}


class Printer(NoDevices):
    """Devices of which one prints slips."""

    def __init__(self) -> None:
        self.jobs: list[SlipJob] = []

    def is_ready(self, device: str) -> bool:
        return device == "slips-1"

    async def print_slip(self, device: str, job: SlipJob, deadline_ms: int) -> bool:
        self.jobs.append(job)
        return True


@pytest.fixture
def printer(place: Place) -> Printer:
    printer = Printer()
    place.services.outputs = printer
    till = TillStation(id="till-1", readers=("reader-1",), slips="slips-1")
    desk = DeskStation(id="desk-1", readers=("reader-1",), slips="slips-1")
    place.stations["till-1"] = Till(till, place.services, printer.print_slip)
    place.stations["desk-1"] = Desk(desk, place.services, print_slip=printer.print_slip)
    return printer


async def post(
    http: aiohttp.ClientSession, body: object, station: str = "till-1", headers: dict[str, str] = KEY
) -> tuple[int, Any]:
    async with http.post(f"/v1/stations/{station}/slips", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("station", ["till-1", "desk-1"])
async def test_a_coupon_is_printed_once_per_key(printer: Printer, http: aiohttp.ClientSession, station: str) -> None:
    for _ in range(2):
        assert await post(http, COUPON, station) == (200, {"state": "printed"})
    (job,) = printer.jobs
    assert job.parts == (SlipText("Kafija", bold=True), SlipCode("C-1"))
    assert (await post(http, {"kind": "text", "parts": [{"part": "text", "text": "b"}]}, station))[1][
        "code"
    ] == "key_reused"


async def test_a_balance_needs_somebody_at_the_station(
    place: Place, printer: Printer, http: aiohttp.ClientSession
) -> None:
    status, told = await post(http, {"kind": "balance"})
    assert (status, told["code"]) == (503, "nobody_there")
    await place.tap()
    assert await post(http, {"kind": "balance"}) == (200, {"state": "printed"})
    first = printer.jobs[0].parts[0]
    assert isinstance(first, SlipText)
    assert first.text == "Ваш остаток", "the pupil chose Russian"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "poem"}, 422, "bad_request"),
        ({"kind": "text", "parts": [{"part": "picture"}]}, 422, "bad_request"),
        ({"kind": "text", "parts": [{"part": "text", "text": "a", "colour": "red"}]}, 422, "bad_request"),
        ({"kind": "text", "parts": [{"part": "text", "text": "a" * 2001}]}, 422, "bad_request"),
        ({"kind": "text", "parts": [{"part": "text", "text": "a"}] * 65}, 422, "bad_request"),
        ({"kind": "text"}, 422, "bad_slip"),
        ({"kind": "text", "parts": [{"part": "text", "text": "\u001bp0"}]}, 422, "bad_slip"),
        ({"kind": "balance", "parts": COUPON["parts"]}, 422, "bad_slip"),
    ],
)
async def test_what_is_no_slip_is_refused(
    printer: Printer, http: aiohttp.ClientSession, body: object, status: int, code: str
) -> None:
    told_status, told = await post(http, body)
    assert (told_status, told["code"]) == (status, code)
    assert printer.jobs == []


async def test_a_key_is_required(printer: Printer, http: aiohttp.ClientSession) -> None:
    status, told = await post(http, COUPON, headers={})
    assert (status, told["code"]) == (400, "bad_idempotency_key")


@pytest.mark.parametrize(
    ("station", "status", "code"),
    [("gate-1", 404, "prints_no_slips"), ("nowhere", 404, "no_such_station"), ("till-1", 503, "no_slip_printer")],
)
async def test_a_station_without_a_printer_of_slips_says_so(
    place: Place, http: aiohttp.ClientSession, station: str, status: int, code: str
) -> None:
    told_status, told = await post(http, COUPON, station)
    assert (told_status, told["code"]) == (status, code)
