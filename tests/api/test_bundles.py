"""Bundles by hand: on the unix socket only, judged by their signature like any other."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.api.views import Views
from gateway.wire import chunks
from gateway.wire.bundle import SignedBundle, read_manifest
from gateway.wire.registry import encode
from tests.api.conftest import JSON, Place
from tests.sync.ends import STRANGER, announced, bundle
from tests.sync.taking import REGISTRY, RULES, city, rules

Body = dict[str, Any]


def made(kind: Any, number: int, content: bytes, **more: Any) -> SignedBundle:
    return bundle(kind, number, content, target="gw-test", **more)


async def post(session: aiohttp.ClientSession, address: str, body: bytes = b"") -> tuple[int, Body]:
    async with session.post(f"/v1/bundles{address}", data=body, headers=JSON) as answer:
        return answer.status, await answer.json()


async def test_a_small_bundle_is_in_force_at_once(place: Place, unix: aiohttp.ClientSession) -> None:
    status, told = await post(unix, "", msgspec.json.encode(made(RULES, 3, rules("a"))))
    assert (status, told) == (200, {"missing": []})
    assert place.bundles.numbers == {"rules": 3}


async def test_a_large_one_comes_in_chunks_and_goes_on_where_it_was_cut_off(
    place: Place, unix: aiohttp.ClientSession
) -> None:
    signed = made(REGISTRY, 5, encode(city(2000)))
    content, sha256 = signed.content or b"", read_manifest(signed.manifest).sha256
    status, told = await post(unix, "", announced(signed))
    assert (status, told["missing"]) == (200, [0, 1, 2])
    for index in (0, 2, 1):
        data = content[index * chunks.CHUNK_BYTES : (index + 1) * chunks.CHUNK_BYTES]
        chunk = {"sha256": sha256, "index": index, "data": base64.b64encode(data).decode()}
        status, told = await post(unix, "/chunks", msgspec.json.encode(chunk))
        assert status == 200
        if told["missing"]:
            assert (await post(unix, "", announced(signed)))[1] == told
    assert place.bundles.numbers == {"registry": 5}
    assert place.cache.holders() == 2000


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (made(RULES, 3, rules("a"), key=STRANGER), "bundle_signature"),
        (bundle(RULES, 3, rules("a"), target="museum-2"), "bundle_target"),
        (made(RULES, 3, rules("a"), expires_ms=1), "bundle_expired"),
        (made(RULES, 3, b"{"), "rules_document"),
    ],
)
async def test_what_is_refused_is_told_with_its_code(
    place: Place, unix: aiohttp.ClientSession, signed: SignedBundle, code: str
) -> None:
    status, told = await post(unix, "", msgspec.json.encode(signed))
    assert (status, told["code"]) == (422, code)
    assert place.bundles.numbers == {}


@pytest.mark.parametrize(
    ("address", "body", "status", "code"),
    [
        ("", b"noise", 422, "bundle_manifest"),
        ("/chunks", b"{", 400, "malformed_json"),
        ("/chunks", b'{"sha256":"0","index":0,"data":""}', 422, "bad_request"),
        ("/chunks", b'{"sha256":"%s","index":0,"data":"AAAA"}' % (b"0" * 64), 422, "bundle_unknown"),
        ("/weather/rollback", b"", 404, "bundle_unknown"),
        ("/rules/rollback", b"", 404, "bundle_unknown"),
        ("/keys/rollback", b"", 422, "bundle_kind"),
    ],
)
async def test_bad_input_changes_nothing(
    place: Place, unix: aiohttp.ClientSession, address: str, body: bytes, status: int, code: str
) -> None:
    found, told = await post(unix, address, body)
    assert (found, told["code"]) == (status, code)
    assert place.bundles.numbers == {}


async def test_history_and_the_way_back(place: Place, unix: aiohttp.ClientSession) -> None:
    for number in (1, 2):
        await post(unix, "", msgspec.json.encode(made(RULES, number, rules(f"r{number}"))))
    status, told = await post(unix, "/rules/rollback")
    assert (status, told["number"], told["how"]) == (200, 1, "rolled_back")
    async with unix.get("/v1/bundles") as answer:
        told = await answer.json()
    assert [(past["number"], past["how"]) for past in told["history"]] == [
        (1, "rolled_back"),
        (2, "applied"),
        (1, "applied"),
    ]
    assert [(now["kind"], now["number"], now["counts"]) for now in told["now"]["in_force"]] == [("rules", 1, "yes")]


@pytest.mark.parametrize("address", ["", "/chunks", "/rules/rollback"])
async def test_a_program_on_the_network_side_may_not(place: Place, http: aiohttp.ClientSession, address: str) -> None:
    status, told = await post(http, address, msgspec.json.encode(made(RULES, 3, rules("a"))))
    assert (status, told["code"]) == (403, "not_allowed")
    assert place.bundles.numbers == {}


async def test_expired_rules_are_shown_at_stations_and_in_their_chain(
    place: Place, unix: aiohttp.ClientSession
) -> None:
    end = place.clock.wall_ms() + 1000
    signed = made(RULES, 3, rules("a"), expires_ms=end, grace_ms=5000)
    await post(unix, "", msgspec.json.encode(signed))

    async def shown() -> tuple[str, int]:
        place.sync = msgspec.structs.replace(place.sync, bundles=place.bundles.numbers, content=place.bundles.status)
        async with unix.get("/v1/status") as answer:
            told = await answer.json()
        (chain,) = [one for one in told["chains"] if one["chain"] == "decide"]
        return chain["code"], told["stations"][0].get("benefits_end_ms", 0)

    assert await shown() == ("ok", 0)
    place.clock.advance(1)
    assert await shown() == ("rules_grace", end + 5000)
    assert Views(place.parts()).place("gate-1").benefits_end_ms == end + 5000
    place.clock.advance(5)
    assert await shown() == ("rules_ended", end + 5000)
