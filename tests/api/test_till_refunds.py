"""Withdrawing, refunds, voids, two taps and a till's day over real HTTP; and what a till refuses, with its path."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gateway.model.entry import Stream
from gateway.model.identification import Credential, CredentialKind, Identification, Strength
from gateway.stations.till import Till
from tests.api.conftest import BARCODE, Place, receipt

TILL = "/v1/stations/till-1"


async def post(http: aiohttp.ClientSession, what: str, body: object, key: str = "k") -> tuple[int, dict[str, Any]]:
    async with http.post(f"{TILL}/{what}", json=body, headers={"Idempotency-Key": key}) as answer:
        return answer.status, await answer.json()


async def sold(http: aiohttp.ClientSession, number: int = 1, **line: Any) -> dict[str, Any]:
    _, quote = await post(http, "quotes", receipt(1000, **line), f"q-{number}")
    status, done = await post(http, "receipts", {"quote": quote["quote"], "fiscal_number": "F"}, f"r-{number}")
    assert status == 200, done
    return done


async def test_a_quote_is_withdrawn_once_and_for_all(place: Place, http: aiohttp.ClientSession) -> None:
    _, quote = await post(http, "quotes", receipt(1000))
    for _ in range(2):
        async with http.delete(f"{TILL}/quotes/{quote['quote']}") as answer:
            assert (answer.status, await answer.json()) == (200, {"quote": quote["quote"]})
    status, problem = await post(http, "receipts", {"quote": quote["quote"], "fiscal_number": "F"})
    assert (status, problem["code"]) == (404, "no_such_quote")
    async with http.delete(f"{TILL}/quotes/{'x' * 400}") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "no_such_quote")
    assert place.ledger.last(Stream.RECEIPT) == 0


async def test_a_line_comes_back_with_its_discount(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap()
    done = await sold(http, quantity=2000)
    body = {"receipt": done["entry"], "lines": [{"line": "1", "quantity": 1000}]}
    status, seen = await post(http, "refunds", {**body, "preview": True})
    assert (status, seen["due_cents"], "entry" in seen) == (200, 750, False)
    answers = [await post(http, "refunds", {**body, "fiscal_number": "R"}, "back") for _ in range(2)]
    assert answers[0] == answers[1]
    status, given = answers[0]
    assert (status, given["due_cents"], given["discount_cents"], given["rest"]) == (200, 750, 250, True)
    status, problem = await post(http, "refunds", {**body, "fiscal_number": "S"}, "back")
    assert (status, problem["code"]) == (409, "key_reused")


async def test_a_refund_needs_a_key_and_a_preview_does_not(http: aiohttp.ClientSession) -> None:
    done = await sold(http)
    async with http.post(f"{TILL}/refunds", json={"receipt": done["entry"], "fiscal_number": "R"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "bad_idempotency_key")
    async with http.post(f"{TILL}/refunds", json={"receipt": done["entry"], "preview": True}) as answer:
        assert answer.status == 200


async def test_a_receipt_is_voided_by_its_key(place: Place, http: aiohttp.ClientSession) -> None:
    await sold(http)
    status, given = await post(http, "voids", {"key": "r-1"}, "void-1")
    assert (status, given["due_cents"], given.get("rest", False)) == (200, 1000, False)
    status, problem = await post(http, "voids", {"key": "r-1"}, "void-2")
    assert (status, problem["code"]) == (422, "nothing_left")


async def test_two_taps_are_told_by_marks_and_never_by_who_they_are(place: Place, http: aiohttp.ClientSession) -> None:
    await place.tap()
    till = place.stations["till-1"]
    assert isinstance(till, Till)
    till._taps.present(Identification(Credential(CredentialKind.CARD, Strength.GENUINE, "ab" * 32, "k1"), "h-88"))
    async with http.post(f"{TILL}/quotes", json=receipt(1000)) as answer:
        text = await answer.text()
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (409, "two_taps")
    assert "ababab" in problem["marks"]
    for secret in ("h-77", "h-88", BARCODE.decode()):
        assert secret not in text
    (other,) = (mark for mark in problem["marks"] if not mark.startswith("abab"))
    status, quote = await post(http, "quotes", {**receipt(1000), "tap": other})
    assert (status, quote["identified"], quote["due_cents"]) == (200, True, 750)


async def test_a_day_is_told(place: Place, http: aiohttp.ClientSession) -> None:
    await sold(http)
    async with http.get(f"{TILL}/day") as answer:
        told = await answer.json()
    assert (told["sold"]["count"], told["sold"]["due_cents"], told["date"]) == (1, 1000, "2026-11-23")
    async with http.get(f"{TILL}/day?date=yesterday") as answer:
        assert (answer.status, (await answer.json())["code"]) == (422, "bad_date")


async def test_quotes_and_stations_say_when_benefits_end(place: Place, http: aiohttp.ClientSession) -> None:
    end_ms = place.clock.wall_ms() + 1000
    place.benefits.use(place.benefits._rules, end_ms)
    _, quote = await post(http, "quotes", receipt(1000))
    assert quote["benefits_until_ms"] == end_ms
    place.clock.advance(2)
    _, quote = await post(http, "quotes", receipt(1000), "later")
    assert quote["no_benefits"] == "rules_ended"


async def test_an_article_without_a_category_is_sold_and_told(http: aiohttp.ClientSession) -> None:
    body = receipt(1000)
    del body["receipt"]["lines"][0]["category"]
    status, quote = await post(http, "quotes", body)
    assert (status, quote["unmapped"], quote["due_cents"]) == (200, ["1"], 1000)


LINE = "$.receipt.lines[0]"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({"unit_cents": 0}, f"{LINE}.unit_cents"),
        ({"unit_cents": 0.005}, f"{LINE}.unit_cents"),
        ({"unit_cents": -5}, f"{LINE}.unit_cents"),
        ({"unit_cents": 100_000_001}, f"{LINE}.unit_cents"),
        ({"unit_cents": None}, f"{LINE}.unit_cents"),
        ({"quantity": 0}, f"{LINE}.quantity"),
        ({"quantity": -1000}, f"{LINE}.quantity"),
        ({"quantity": 0.5}, f"{LINE}.quantity"),
        ({"vat": "Z"}, f"{LINE}.vat"),
        ({"vat": "a"}, f"{LINE}.vat"),
        ({"vat": "A\n"}, f"{LINE}.vat"),
        ({"category": "Books"}, f"{LINE}.category"),
        ({"text": "A\u0007bell"}, f"{LINE}.text"),
        ({"text": "tab\tbed"}, f"{LINE}.text"),
        ({"text": "next\u0085line"}, f"{LINE}.text"),
        ({"text": ""}, f"{LINE}.text"),
        ({"text": "x" * 73}, f"{LINE}.text"),
        ({"price": 5}, LINE),
    ],
)
async def test_a_line_that_makes_no_sense_is_refused_with_its_path(
    place: Place, http: aiohttp.ClientSession, line: dict[str, Any], path: str
) -> None:
    status, problem = await post(http, "quotes", receipt(**{"cents": 1000, **line}))
    assert (status, problem["code"]) == (422, "bad_request")
    assert f"`{path}`" in problem["detail"]
    assert place.ledger.query("SELECT count(*) FROM quote") == [(0,)]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"total_cents": 999}, "bad_receipt", "$.total_cents"),
        ({"total_cents": 10.0}, "bad_request", "$.total_cents"),
        ({"tap": "A1B2C3"}, "bad_request", "$.tap"),
        ({"tap": "none", "credential": "LV-1"}, "bad_receipt", "tap"),
        ({"credential": "tab\tbed"}, "bad_request", "$.credential"),
        ({"credential": "x" * 4097}, "bad_request", "$.credential"),
        ({"replaces": "; DROP TABLE quote"}, "bad_request", "$.replaces"),
        ({"means": "card"}, "bad_request", "means"),
    ],
)
async def test_a_quote_that_makes_no_sense_is_refused_with_its_path(
    http: aiohttp.ClientSession, fields: dict[str, Any], code: str, path: str
) -> None:
    status, problem = await post(http, "quotes", {**receipt(1000), **fields})
    assert (status, problem["code"]) == (422, code)
    assert path in problem["detail"]
    assert "LV-1" not in str(problem)


async def test_a_total_that_fits_and_512_lines_are_taken_and_513_are_not(http: aiohttp.ClientSession) -> None:
    for count, expected in ((512, 200), (513, 422)):
        lines = [{"id": str(n), "text": "x", "category": "books", "unit_cents": 1} for n in range(count)]
        status, told = await post(http, "quotes", {"receipt": {"lines": lines}, "total_cents": count}, f"q-{count}")
        assert status == expected, told
    assert "$.receipt.lines" in told["detail"]


async def test_a_means_of_payment_that_nobody_knows_is_refused(http: aiohttp.ClientSession) -> None:
    body = receipt(1000)
    body["receipt"]["means"] = "beans"
    status, problem = await post(http, "quotes", body)
    assert (status, problem["code"]) == (422, "bad_request")
    assert "$.receipt.means" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"lines": [{"line": "1", "quantity": 0}]}, "$.lines[0].quantity"),
        ({"lines": [{"line": "1", "quantity": -1000}]}, "$.lines[0].quantity"),
        ({"lines": [{"line": "1"}]}, "$.lines[0]"),
        ({"reason": "void"}, "$.reason"),
        ({"due_cents": 0.5}, "$.due_cents"),
        ({"amount": 5}, "amount"),
    ],
)
async def test_a_refund_that_makes_no_sense_is_refused_with_its_path(
    place: Place, http: aiohttp.ClientSession, body: dict[str, Any], path: str
) -> None:
    done = await sold(http)
    status, problem = await post(http, "refunds", {"receipt": done["entry"], "fiscal_number": "R", **body})
    assert (status, problem["code"]) == (422, "bad_request")
    assert path in problem["detail"]
    assert place.ledger.last(Stream.RECEIPT) == 1


async def test_a_line_that_was_not_sold_cannot_come_back(http: aiohttp.ClientSession) -> None:
    done = await sold(http)
    body = {"receipt": done["entry"], "fiscal_number": "R", "lines": [{"line": "7", "quantity": 1000}]}
    status, problem = await post(http, "refunds", body)
    assert (status, problem["code"]) == (422, "bad_refund")
    assert problem["detail"].startswith("lines: ")


async def test_a_viewer_may_read_a_day_and_book_nothing(place: Place) -> None:
    assert place.api is not None
    await place.api.stop()
    await place.serve(technicians=frozenset())
    connector = aiohttp.UnixConnector(str(place.socket_path))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as viewer:
        async with viewer.get(f"{TILL}/day") as answer:
            assert answer.status == 200
        async with viewer.post(f"{TILL}/voids", json={"key": "k"}, headers={"Idempotency-Key": "v"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (403, "not_allowed")
