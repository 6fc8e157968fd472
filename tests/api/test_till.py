"""A POS asks for a quote and commits it, over real HTTP, a real till and a real ledger."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from gateway.model.entry import Stream
from tests.api.conftest import Place, receipt


async def ask(http: aiohttp.ClientSession, key: str = "q-1", cents: int = 1000) -> str:
    async with http.post("/v1/stations/till-1/quotes", json=receipt(cents), headers={"Idempotency-Key": key}) as answer:
        assert answer.status == 200
        return str((await answer.json())["quote"])


async def test_a_quote_says_what_is_due_for_who_tapped(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap()
    async with http.post("/v1/stations/till-1/quotes", json=receipt(1000)) as answer:
        quote = await answer.json()
    assert answer.content_type == "application/json"
    assert quote["identified"] is True
    assert (quote["list_cents"], quote["discount_cents"], quote["due_cents"]) == (1000, 250, 750)


async def test_a_commit_is_on_disk_when_it_is_answered(place: Place, http: aiohttp.ClientSession) -> None:
    commit = {"quote": await ask(http), "fiscal_number": "F-1"}
    async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
        recorded = await answer.json()
    assert answer.status == 200
    assert recorded["entry"] == f"gw-test/{place.ledger.epoch}/receipt/1"
    assert place.ledger.last(Stream.RECEIPT) == 1


async def test_the_same_key_gets_the_same_answer_and_books_once(place: Place, http: aiohttp.ClientSession) -> None:
    commit = {"quote": await ask(http), "fiscal_number": "F-1"}
    answers = []
    for _ in range(3):
        async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
            answers.append(await answer.read())
    assert len(set(answers)) == 1
    assert place.ledger.last(Stream.RECEIPT) == 1


async def test_twenty_at_once_with_one_key_book_once(place: Place, http: aiohttp.ClientSession) -> None:
    commit = {"quote": await ask(http), "fiscal_number": "F-1"}

    async def send() -> int:
        async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
            await answer.read()
            return answer.status

    statuses = await asyncio.gather(*(send() for _ in range(20)))
    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert place.ledger.last(Stream.RECEIPT) == 1


async def test_the_same_key_with_another_body_is_a_conflict(place: Place, http: aiohttp.ClientSession) -> None:
    quote = await ask(http)
    for number, status in (("F-1", 200), ("F-2", 409)):
        commit = {"quote": quote, "fiscal_number": number}
        async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
            assert answer.status == status
            problem = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert problem["code"] == "key_reused"
    assert problem["type"] == "urn:smartplace:problem:key_reused"
    assert problem["status"] == 409
    assert "new key" in problem["advice"]
    assert problem["request"] == answer.headers["X-Request-Id"]


async def test_a_quote_that_was_never_given_is_not_found(http: aiohttp.ClientSession) -> None:
    commit = {"quote": "feedbeef", "fiscal_number": "F-1"}
    async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-9"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "no_such_quote")


async def test_printing_without_a_printer_is_not_ready_and_says_when_to_come_back(http: aiohttp.ClientSession) -> None:
    commit = {"quote": await ask(http), "print": True}
    async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (503, "no_printer")
        assert answer.headers["Retry-After"] == "2"


async def test_a_commit_after_the_quote_expired_is_accepted_as_late(place: Place, http: aiohttp.ClientSession) -> None:
    quote = await ask(http)
    place.clock.advance(3600)
    commit = {"quote": quote, "fiscal_number": "F-1"}
    async with http.post("/v1/stations/till-1/receipts", json=commit, headers={"Idempotency-Key": "r-1"}) as answer:
        assert (answer.status, (await answer.json())["late"]) == (200, True)


@pytest.mark.parametrize("key", [None, "", "x" * 65, "naïve", "tab\tkey"])
async def test_a_receipt_needs_a_usable_key(http: aiohttp.ClientSession, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    async with http.post("/v1/stations/till-1/receipts", json={"quote": "x"}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "bad_idempotency_key")


async def test_a_key_given_twice_is_refused(http: aiohttp.ClientSession) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    async with http.post("/v1/stations/till-1/receipts", json={"quote": "x"}, headers=headers) as answer:
        assert (await answer.json())["code"] == "bad_idempotency_key"


async def test_an_unknown_field_is_refused_with_its_path(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/stations/till-1/quotes", json=receipt(1000, price=5)) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (422, "bad_request")
    assert "price" in problem["detail"]
    assert "$.receipt.lines[0]" in problem["detail"]


async def test_money_as_a_text_is_refused_with_its_path(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/stations/till-1/quotes", json=receipt(unit_cents="1000")) as answer:
        assert "$.receipt.lines[0].unit_cents" in (await answer.json())["detail"]


async def test_a_receipt_that_contradicts_itself_is_refused(http: aiohttp.ClientSession) -> None:
    lines = receipt()["receipt"]["lines"] * 2
    async with http.post("/v1/stations/till-1/quotes", json={"receipt": {"lines": lines}}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, "bad_receipt")


async def test_malformed_json_is_told_from_a_wrong_request(http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post("/v1/stations/till-1/quotes", data=b'{"receipt": ', headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "malformed_json")


async def test_only_a_till_gives_quotes(http: aiohttp.ClientSession) -> None:
    for station, code in (("gate-1", "not_a_till"), ("nowhere", "no_such_station")):
        async with http.post(f"/v1/stations/{station}/quotes", json=receipt()) as answer:
            assert (answer.status, (await answer.json())["code"]) == (404, code)
