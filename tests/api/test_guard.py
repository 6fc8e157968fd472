"""Who may call, from which page, with what."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import pytest

from tests.api.conftest import POS_ORIGIN, Place, receipt

QUOTES = "/v1/stations/till-1/quotes"


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
async def test_loopback_names_with_our_port_are_ours(place: Place, http: aiohttp.ClientSession, name: str) -> None:
    assert place.api is not None
    async with http.get("/v1/health", headers={"Host": f"{name}:{place.api.port}"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "localhost:1", "127.0.0.1.evil:{port}", ""]
)
async def test_another_host_is_refused_on_every_address(place: Place, http: aiohttp.ClientSession, host: str) -> None:
    assert place.api is not None
    headers = {"Host": host.format(port=place.api.port)}
    for path in ("/v1/health", "/", "/v1/events", "/station/till-1", "/nothing"):
        async with http.get(path, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (421, "foreign_host")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://pos.example", "https://pos.example.evil"]
)
async def test_a_page_from_elsewhere_posts_nothing(place: Place, http: aiohttp.ClientSession, origin: str) -> None:
    async with http.post(QUOTES, json=receipt(), headers={"Origin": origin}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "foreign_origin")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert place.ledger.query("SELECT count(*) FROM quote") == [(0,)]


async def test_a_script_tag_of_another_page_reads_nothing(http: aiohttp.ClientSession) -> None:
    for site in ("cross-site", "same-site"):
        async with http.get("/v1/status", headers={"Sec-Fetch-Site": site}) as answer:
            assert answer.status == 403


async def test_a_link_to_our_page_may_be_followed(http: aiohttp.ClientSession) -> None:
    async with http.get("/", headers={"Sec-Fetch-Site": "cross-site"}) as answer:
        assert answer.status == 200


async def test_our_own_page_may_call(place: Place, http: aiohttp.ClientSession) -> None:
    async with http.post(QUOTES, json=receipt(), headers={"Origin": place.url}) as answer:
        assert answer.status == 200


async def test_the_pos_page_of_the_configuration_may_call(http: aiohttp.ClientSession) -> None:
    async with http.post(QUOTES, json=receipt(), headers={"Origin": POS_ORIGIN}) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == POS_ORIGIN
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


async def test_the_pos_page_can_read_why_it_was_refused(http: aiohttp.ClientSession) -> None:
    async with http.get("/v1/stations/nowhere", headers={"Origin": POS_ORIGIN}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, POS_ORIGIN)


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,idempotency-key",
    "Access-Control-Request-Private-Network": "true",
}


async def test_a_preflight_of_the_pos_page_is_answered(http: aiohttp.ClientSession) -> None:
    async with http.options(QUOTES, headers={"Origin": POS_ORIGIN, **PREFLIGHT}) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == POS_ORIGIN
        assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
        assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
        assert "Origin" in answer.headers["Vary"]


async def test_a_preflight_of_a_foreign_page_gets_no_permission(http: aiohttp.ClientSession) -> None:
    async with http.options(QUOTES, headers={"Origin": "https://evil.example", **PREFLIGHT}) as answer:
        assert answer.status == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_body_that_is_not_json_is_refused(http: aiohttp.ClientSession, kind: str) -> None:
    async with http.post(QUOTES, data=b'{"receipt": {}}', headers={"Content-Type": kind}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (415, "not_json")


async def test_a_body_that_is_too_large_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post(QUOTES, data=b" " * 262_145, headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "too_large")


async def test_a_body_without_a_length_is_limited_too(http: aiohttp.ClientSession) -> None:
    async def chunks() -> object:
        for _ in range(40):
            yield b" " * 16_384

    async with http.post(QUOTES, data=chunks(), headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "too_large")


async def test_every_answer_carries_the_security_headers(http: aiohttp.ClientSession) -> None:
    seen = set()
    for path in ("/", "/v1/health", "/nothing", "/station/till-1", "/openapi.json", "/v1/stations/nowhere"):
        async with http.get(path) as answer:
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Server"] == "smartplace"
            seen.add(answer.headers["X-Request-Id"])
    assert len(seen) == 6


async def test_unknown_addresses_and_methods_are_problems(http: aiohttp.ClientSession) -> None:
    async with http.get("/v2/health") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")
    async with http.delete("/v1/stations/till-1") as answer:
        assert (answer.status, (await answer.json())["code"]) == (405, "wrong_method")
        assert "GET" in answer.headers["Allow"]


async def test_foreign_callers_are_told_once_and_as_no_flood(place: Place, http: aiohttp.ClientSession) -> None:
    for _ in range(50):
        async with http.get("/v1/health", headers={"Origin": "https://evil.example"}) as answer:
            await answer.read()
    assert place.security == [("foreign_origin", "https://evil.example", 1)]
    assert place.api is not None
    await place.api.stop()
    assert place.security[1:] == [("foreign_origin", "https://evil.example", 49)]


async def test_malformed_bodies_are_told_once_with_a_count(place: Place, http: aiohttp.ClientSession) -> None:
    path, headers = "/v1/stations/till-1/quotes", {"Content-Type": "application/json", "Idempotency-Key": "k"}
    for _ in range(5):
        async with http.post(path, data=b"{not json", headers=headers) as answer:
            assert answer.status == 400
    assert place.security == [("malformed_json", path, 1)]
    assert place.api is not None
    await place.api.stop()
    assert place.security[1:] == [("malformed_json", path, 4)]


async def test_what_is_no_http_is_told_in_one_line(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    assert place.api is not None
    with caplog.at_level(logging.INFO):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.api.port)
        writer.write(b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert not [record for record in caplog.records if record.exc_info]
