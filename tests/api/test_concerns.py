"""What has to be seen to at a printer is told for as long as it is so, to pages, status and streams; not longer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.config.types import TillStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.errors import DeadlineMissed
from gateway.model.fiscal import PrintOutcome, PrintResult
from gateway.model.shown import Show
from gateway.stations.till import Till
from tests.api.conftest import Place, receipt
from tests.support.clock import FakeClock
from tests.support.outputs import ScriptedOutputs

TILL = TillStation(id="till-2", printer="fiscal-1")
PAPER_OUT = DeviceHealth("fiscal-1", "fiscal", Health.READY, "paper_out", "no paper", "Put a roll in")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = await open_place(tmp_path)
    yield made
    await made.stop()


async def open_place(folder: Path) -> Place:
    clock = FakeClock()
    made = Place(folder, clock, ScriptedOutputs(clock.mono_ns))
    await made.start()
    made.stations["till-2"] = till = Till(TILL, made.services)
    await till.start()
    return made


def outputs(place: Place) -> ScriptedOutputs:
    assert isinstance(place.outputs, ScriptedOutputs)
    return place.outputs


async def told(http: aiohttp.ClientSession, address: str) -> Any:
    async with http.get(address) as answer:
        assert answer.status == 200
        return await answer.json()


async def sale(http: aiohttp.ClientSession, key: str = "r-1") -> str:
    async with http.post("/v1/stations/till-2/quotes", json=receipt()) as answer:
        quote = str((await answer.json())["quote"])
    commit, header = {"quote": quote, "print": True}, {"Idempotency-Key": key}
    async with http.post("/v1/stations/till-2/receipts", json=commit, headers=header) as answer:
        assert answer.status == 200
    return quote


async def doubt(place: Place, http: aiohttp.ClientSession) -> str:
    """A receipt in doubt; its key."""
    outputs(place).print_script.append("paying")
    return await sale(http)


async def codes(http: aiohttp.ClientSession, station: str = "till-2") -> list[str]:
    return [concern["code"] for concern in (await told(http, f"/v1/stations/{station}")).get("concerns", ())]


async def test_a_doubt_is_told_at_its_till_and_in_the_status_until_it_is_settled(
    place: Place, http: aiohttp.ClientSession
) -> None:
    assert await codes(http) == []
    key = await doubt(place, http)
    place.clock.advance(3600)
    (concern,) = (await told(http, "/v1/stations/till-2"))["concerns"]
    assert (concern["code"], concern["level"], concern["device"]) == ("printer_in_doubt", "fail", "fiscal-1")
    status = await told(http, "/v1/status")
    assert status["doubts"] == [concern["doubt"]]
    (one,) = status["doubts"]
    assert (one["station"], one["device"], one["key"], one["total_cents"]) == ("till-2", "fiscal-1", key, 1000)
    assert status["now_ms"] - one["began_ms"] == 3_600_000
    assert one["settle"] == f"smartplace till settle {key} (--printed NUMBER | --not-printed) --by NAME"
    assert await codes(http, "till-1") == []
    await place.services.printers.settle_by_hand(key, None, "Ilze")
    status = await told(http, "/v1/status")
    assert (await codes(http), "doubts" in status, "concerns" in status) == ([], False, False)


async def test_a_printer_in_doubt_is_a_warning_of_the_recording_chain(
    place: Place, http: aiohttp.ClientSession
) -> None:
    key = await doubt(place, http)
    status = await told(http, "/v1/status")
    chain = next(one for one in status["chains"] if one["chain"] == "record")
    assert (status["status"], chain["level"], chain["code"]) == ("degraded", "warn", "printer_in_doubt")
    assert key in chain["cause"]
    assert await told(http, "/v1/health") == {"status": "degraded"}


async def test_a_doubt_outlives_the_gateway(tmp_path: Path) -> None:
    for number in range(2):
        place = await open_place(tmp_path)
        async with aiohttp.ClientSession(place.url) as http:
            if number == 0:
                await doubt(place, http)
            assert await codes(http) == ["printer_in_doubt"]
        await place.stop()


async def test_an_x_report_that_nobody_can_tell_of_keeps_nobody_waiting(
    place: Place, http: aiohttp.ClientSession
) -> None:
    lost = PrintOutcome("?", PrintResult.UNKNOWN, reason="silence", code="x_has_no_trace")
    outputs(place).print_script.append(lost)
    header = {"Idempotency-Key": "x-1"}
    async with http.post("/v1/stations/till-2/reports", json={"kind": "x"}, headers=header) as answer:
        assert (await answer.json())["fiscal"]["state"] == "unknown"
    assert await codes(http) == []
    assert "doubts" not in await told(http, "/v1/status")


@pytest.mark.parametrize(
    ("health", "code"),
    [
        (PAPER_OUT, "paper_out"),
        (DeviceHealth("fiscal-1", "fiscal", Health.READY, "cover_open", "open", "Close it"), "cover_open"),
        (DeviceHealth("fiscal-1", "fiscal", Health.READY, "waits_for_hand", "paper", "Paper"), "waits_for_hand"),
        (DeviceHealth("fiscal-1", "fiscal", Health.READY, "takes_no_receipt", "x", "Look"), "takes_no_receipt"),
        (DeviceHealth("fiscal-1", "fiscal", Health.LOST, "no_answer", "silence", "Cable"), "printer_away"),
        (DeviceHealth("fiscal-1", "fiscal", Health.READY, "clock_off", "off", "Set it"), ""),
        (DeviceHealth("fiscal-1", "fiscal", Health.STARTING), ""),
    ],
)
async def test_a_printer_that_prints_nothing_now_is_told_with_what_to_do(
    place: Place, http: aiohttp.ClientSession, health: DeviceHealth, code: str
) -> None:
    place.devices.append(health)
    concerns = (await told(http, "/v1/stations/till-2")).get("concerns", [])
    assert [(one["code"], one["level"], one["cause"], one["advice"]) for one in concerns] == (
        [(code, "fail", health.cause, health.advice)] if code else []
    )
    assert await codes(http, "till-1") == []


async def test_what_is_to_be_done_at_the_printer_comes_before_what_is_in_doubt_and_both_are_told(
    place: Place, http: aiohttp.ClientSession
) -> None:
    key = await doubt(place, http)
    place.devices.append(PAPER_OUT)
    assert await codes(http) == ["paper_out", "printer_in_doubt"]
    printer = (await told(http, "/v1/devices"))["devices"][-1]
    assert printer["code"] == "printer_in_doubt"
    assert printer["cause"].endswith("; and no paper")
    assert printer["advice"].startswith("Put a roll in. ")
    assert f"smartplace till settle {key}" in printer["advice"]


@pytest.mark.parametrize(("hours", "code", "level"), [(22, "z_due", "warn"), (24, "z_overdue", "fail")])
async def test_a_fiscal_day_that_lasts_too_long_is_told_until_it_is_over(
    place: Place, http: aiohttp.ClientSession, hours: int, code: str, level: str
) -> None:
    await place.services.printers.look()  # its Z number is known
    await sale(http)
    place.clock.advance(hours * 3600)
    (concern,) = (await told(http, "/v1/stations/till-2"))["concerns"]
    assert (concern["code"], concern["level"]) == (code, level)
    assert (await told(http, "/v1/fiscal"))["devices"][0].get("z_overdue", False) is (code == "z_overdue")
    header = {"Idempotency-Key": "z-1"}
    async with http.post("/v1/stations/till-2/reports", json={"kind": "z"}, headers=header) as answer:
        assert (await answer.json())["fiscal"]["state"] == "printed"
    assert await codes(http) == []


async def test_a_stream_hears_of_a_doubt_and_of_its_end_at_once(place: Place, http: aiohttp.ClientSession) -> None:
    places: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def follow() -> None:
        async with http.get("/v1/events?station=till-2") as stream:
            event = ""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    event = line[7:].strip().decode()
                elif line.startswith(b"data: ") and event == "place":
                    places.put_nowait(json.loads(line[6:]))

    following = asyncio.create_task(follow())
    async with asyncio.timeout(4):  # below what a quiet stream waits before it looks by itself
        assert "concerns" not in await places.get()
        key = await doubt(place, http)
        assert (await places.get())["concerns"][0]["doubt"]["key"] == key
        place.board.tell("till-2", Show.READING)  # Somebody else is served: the page is shown nothing of it.
        await place.services.printers.settle_by_hand(key, "0042", "Ilze")
        assert "concerns" not in await places.get()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_while_it_is_read_back_it_is_in_doubt_and_then_no_more(place: Place, http: aiohttp.ClientSession) -> None:
    await doubt(place, http)
    outputs(place).settle_script.append(DeadlineMissed("no answer", "Look"))
    await place.services.printers.settle("fiscal-1")
    assert await codes(http) == ["printer_in_doubt"]
    await place.services.printers.settle("fiscal-1")
    assert await codes(http) == []
