"""Works in doubt over HTTP: seen by everybody, settled by a technician only; reports and cash at a till."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gateway.config.types import TillStation
from gateway.model.device import DeviceHealth, Health
from gateway.model.fiscal import PrintOutcome, PrintResult
from gateway.stations.till import Till
from tests.api.conftest import Place, receipt
from tests.support.clock import FakeClock
from tests.support.outputs import ScriptedOutputs

KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    clock = FakeClock()
    made = Place(tmp_path, clock, ScriptedOutputs(clock.mono_ns))
    await made.start()
    till = Till(TillStation(id="till-2", printer="fiscal-1"), made.services)
    await till.start()
    made.stations["till-2"] = till
    yield made
    await made.stop()


def outputs(place: Place) -> ScriptedOutputs:
    assert isinstance(place.outputs, ScriptedOutputs)
    return place.outputs


async def sale(http: aiohttp.ClientSession, key: str = "r-1") -> dict[str, object]:
    async with http.post("/v1/stations/till-2/quotes", json=receipt()) as answer:
        quote = (await answer.json())["quote"]
    commit = {"quote": quote, "print": True}
    async with http.post("/v1/stations/till-2/receipts", json=commit, headers={"Idempotency-Key": key}) as answer:
        return {"status": answer.status, "quote": quote, **(await answer.json())}


async def test_what_is_in_doubt_is_told_with_what_to_look_at(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/fiscal") as answer:
        told = await answer.json()
    assert told == {"devices": [{"device": "fiscal-1", "ready": True}]}
    outputs(place).print_script.append("paying")
    key = (await sale(http))["quote"]
    async with http.get("/v1/fiscal") as answer:
        told = await answer.json()
    assert told["devices"] == [{"device": "fiscal-1", "ready": True, "in_doubt": True}]
    (doubt,) = told["doubts"]
    assert {name: doubt[name] for name in ("key", "station", "device", "kind", "point", "number_before")} == {
        "key": key,
        "station": "till-2",
        "device": "fiscal-1",
        "kind": "receipt",
        "point": "paying",
        "number_before": "41",
    }
    assert (doubt["total_cents"], f"smartplace till settle {key}" in doubt["advice"]) == (1000, True)


async def test_a_printer_in_doubt_says_so_wherever_devices_are_shown(place: Place, http: aiohttp.ClientSession) -> None:
    outputs(place).print_script.append("paying")
    key = (await sale(http))["quote"]
    place.devices = [DeviceHealth("fiscal-1", "fiscal", Health.READY), DeviceHealth("reader-1", "nfc", Health.READY)]
    for address in ("/v1/devices", "/v1/status"):
        async with http.get(address) as answer:
            printer, reader = (await answer.json())["devices"]
        assert (printer["health"], printer["code"]) == ("ready", "printer_in_doubt")
        assert f"smartplace till settle {key}" in printer["advice"]
        assert "code" not in reader


async def test_a_pos_is_told_what_was_seen_beside_the_closed_code(place: Place, http: aiohttp.ClientSession) -> None:
    reason = "stopped_before_payment: the printer refused a sale: not_allowed_now"
    cancelled = PrintOutcome("?", PrintResult.CANCELLED, reason=reason, code="stopped_before_payment")
    outputs(place).print_script.append(cancelled)
    told = (await sale(http))["fiscal"]
    assert isinstance(told, dict)
    assert (told["reason"], told["detail"]) == (
        "stopped_before_payment",
        "the printer refused a sale: not_allowed_now",
    )


async def test_the_next_receipt_is_refused_with_the_name_of_the_one_in_doubt(
    place: Place, http: aiohttp.ClientSession
) -> None:
    outputs(place).print_script.append("paying")
    first = await sale(http)
    second = await sale(http, "r-2")
    assert (second["status"], second["code"]) == (503, "printer_in_doubt")
    assert str(first["quote"]) in str(second["detail"])


async def test_a_technician_settles_it_and_who_asks_again_is_told(
    place: Place, http: aiohttp.ClientSession, unix: aiohttp.ClientSession
) -> None:
    outputs(place).print_script.append("closing")
    quote = (await sale(http))["quote"]
    target, seen = f"/v1/fiscal/{quote}/settle", {"printed": "0000042", "by": "Ilze", "device_time": "2026-11-27T10:02"}
    async with http.post(target, json=seen) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")
    async with unix.post(target, json=seen) as answer:
        assert (answer.status, await answer.json()) == (200, {"key": quote, "state": "printed", "number": "0000042"})
    commit = {"quote": quote, "print": True}
    async with http.post("/v1/stations/till-2/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
        fiscal = (await answer.json())["fiscal"]
    assert (fiscal["number"], fiscal["device_time"]) == ("0000042", "2026-11-27T10:02:00")
    async with unix.post(target, json=seen) as answer:
        assert (answer.status, (await answer.json())["code"]) == (409, "settled")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"printed": "42"}, 422),
        ({"printed": "", "by": "Ilze"}, 422),
        ({"printed": "42\n", "by": "Ilze"}, 422),
        ({"printed": None, "by": "I\nlze"}, 422),
        ({"printed": None, "by": "Ilze", "why": "so"}, 422),
        ({"printed": "42", "by": "Ilze", "device_time": "10:02"}, 422),
        ({"printed": "42", "by": "Ilze", "device_time": "2026-13-27T10:02"}, 422),
        ({"printed": None, "by": "Ilze"}, 404),
    ],
)
async def test_what_is_not_understood_settles_nothing(
    unix: aiohttp.ClientSession, body: dict[str, object], status: int
) -> None:
    async with unix.post("/v1/fiscal/0123456789abcdef/settle", json=body) as answer:
        assert answer.status == status


async def test_reports_and_cash_are_works_with_a_key(place: Place, http: aiohttp.ClientSession) -> None:
    for body, target in (({"kind": "z"}, "reports"), ({"cents": -500}, "cash")):
        async with http.post(f"/v1/stations/till-2/{target}", json=body) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "bad_idempotency_key")
        async with http.post(f"/v1/stations/till-2/{target}", json=body, headers=KEY) as answer:
            told = await answer.json()
        assert (answer.status, told["fiscal"]["state"]) == (200, "printed")
        async with http.post(f"/v1/stations/till-2/{target}", json=body, headers=KEY) as answer:
            assert await answer.json() == told
    assert len(outputs(place).jobs) == 2


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("reports", {"kind": "y"}, "bad_request"),
        ("reports", {}, "bad_request"),
        ("cash", {"cents": 0}, "bad_request"),
        ("cash", {"cents": 100_000_001}, "bad_request"),
        ("cash", {"cents": 1.5}, "bad_request"),
    ],
)
async def test_a_wrong_order_is_refused_and_nothing_is_recorded(
    place: Place, http: aiohttp.ClientSession, target: str, body: dict[str, object], code: str
) -> None:
    async with http.post(f"/v1/stations/till-2/{target}", json=body, headers=KEY) as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, code)
    assert outputs(place).jobs == []


async def test_a_till_without_a_printer_prints_no_report(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/stations/till-1/reports", json={"kind": "x"}, headers=KEY) as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "no_printer")
