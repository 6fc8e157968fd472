"""A hand-over on the unix socket: by a technician only, the same word again, and what is none is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from gateway.ledger.checkpoint import Signer, load_signer
from gateway.wire.handover import is_signed
from gateway.wire.quota import HandOver, hand_over_bytes
from tests.api.conftest import JSON, Place
from tests.quota.world import RIDES, ask, rules
from tests.support.authority import Authority

HAND_OVER, BRING = "/v1/quota/hand-over", "/v1/quota/bring"
ANNA = "holder-anna"


@pytest.fixture
async def authority(place: Place, tmp_path: Path) -> AsyncIterator[Authority]:
    """A centre, which has leased two rides to this gateway."""
    made = Authority(tmp_path / "centre.db", place.clock, rules(RIDES), "gw-test", place.quotas)
    await made.line(True)
    day = datetime.fromtimestamp(place.clock.wall_ms() / 1000, UTC).date()
    await place.quotas.prepare(ANNA, [ask(RIDES, day)], 20)
    await made.settled()
    yield made
    await made.stop()


async def post(session: aiohttp.ClientSession, address: str, body: bytes = b"") -> tuple[int, Any]:
    async with session.post(address, data=body, headers=JSON) as answer:
        return answer.status, await answer.json()


def word_of(signer: Signer, gateway: str, *closed: tuple[int, int, int]) -> bytes:
    signature = signer.sign(hand_over_bytes(gateway, 1, closed))
    return msgspec.json.encode(HandOver(1, closed, signer.public, signature))


async def test_the_last_word_is_signed_and_the_same_again(
    place: Place, authority: Authority, unix: aiohttp.ClientSession
) -> None:
    status, told = await post(unix, HAND_OVER)
    word = msgspec.convert(told, HandOver)
    assert (status, word.incarnation, word.closed, word.key) == (200, 1, ((1, 0, 0),), place.signer.public)
    assert is_signed(word, "gw-test")
    assert not is_signed(word, "gw-tset")
    await authority.settled()
    assert await post(unix, HAND_OVER) == (200, told)


async def test_nothing_is_handed_over_that_the_centre_does_not_know(place: Place, unix: aiohttp.ClientSession) -> None:
    status, told = await post(unix, HAND_OVER)
    assert (status, told["code"]) == (409, "conflict")


async def test_a_last_word_is_kept_until_the_centre_has_it(place: Place, unix: aiohttp.ClientSession) -> None:
    other = load_signer(place.socket_path.with_name("other.key"), place.ledger.disk)
    word = word_of(other, "gw-test", (1, 1, 0), (2, 0, 0))
    assert await post(unix, BRING, word) == (200, {"leases": 2})
    assert await post(unix, BRING, word) == (200, {"leases": 2})
    (kept,) = [said for said in place.quotas.owed().values() if isinstance(said, HandOver)]
    assert msgspec.json.encode(kept) == word


async def test_what_is_no_last_word_of_this_gateway_is_refused(place: Place, unix: aiohttp.ClientSession) -> None:
    good, foreign = word_of(place.signer, "gw-test", (1, 1, 0)), word_of(place.signer, "museum-1", (1, 1, 0))
    for wrong in (b"", b"{", b"[]", foreign, good[:-40], good.replace(b"[1,1,0]", b"[1,0,0]"), good + b" " * 131_072):
        status, told = await post(unix, BRING, wrong)
        assert (status, told["code"]) == (422, "bad_hand_over"), wrong[:80]
        assert told["advice"]
    status, told = await post(unix, BRING, b" " * 300_000)
    assert (status, told["code"]) == (413, "too_large")
    assert place.ledger.query("SELECT * FROM quota_handed") == []


@pytest.mark.parametrize("address", [HAND_OVER, BRING])
async def test_a_program_on_the_network_side_may_not(
    place: Place, authority: Authority, http: aiohttp.ClientSession, address: str
) -> None:
    status, told = await post(http, address, word_of(place.signer, "gw-test"))
    assert (status, told["code"]) == (403, "not_allowed")
    assert place.ledger.query("SELECT closed FROM quota_lease") == [(0,)]
    assert place.ledger.query("SELECT * FROM quota_handed") == []
    assert ("not_allowed", address, 1) in place.security
