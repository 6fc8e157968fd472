"""Passes at a gateway: keys that rotate, partner cities, use once, fresh proofs, groups, revocation. Each refusal has
its own reason."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.identity.identify import Identity
from gateway.identity.issuers import Issuers
from gateway.model.identification import CredentialKind, Refusal
from gateway.wire import credentials
from gateway.wire.trust import TrustedIssuer, TrustList
from tests.identity.judged import HOUR_S, foreign, judge, key_of, now_s, refusal, rotating, trust, who
from tests.support.place import CARD_KEY, ISSUER, ISSUER_KEY, KEYS, PARTNER, PARTNER_CITY, PARTNER_KEY, TRUST, Place

# Partner cities ------------------------------------------------------------------------------------------


async def test_a_partners_pass_brings_its_holders_entitlements_and_its_city(place: Place) -> None:
    found = who(place, foreign(place, entitlements=("c1", "m1")))
    assert (found.city, found.entitlements, found.persons) == (PARTNER_CITY, ("c1", "m1"), 1)
    assert found.accepted


async def test_its_holder_is_opaque_and_the_same_at_every_visit(place: Place) -> None:
    first, again, other = (
        who(place, foreign(place, **more)).holder
        for more in ({}, {"expires_s": now_s(place) + 60}, {"pass_id": b"ona"})
    )
    assert first == again != other
    assert first is not None
    assert "jonas" not in first
    assert b"jonas".hex() not in first


async def test_a_subject_is_one_holder_over_all_passes(place: Place) -> None:
    one, two, other = (
        who(place, foreign(place, pass_id=pass_id, subject=subject)).holder
        for pass_id, subject in ((b"1", "s-7"), (b"2", "s-7"), (b"1", "s-8"))
    )
    assert one == two != other
    assert one != who(place, foreign(place, pass_id=b"s-7")).holder


async def test_what_its_issuer_may_not_say_counts_as_nothing(place: Place) -> None:
    assert who(place, foreign(place, entitlements=("c1", "mayor"))).entitlements == ("c1",)
    assert who(place, foreign(place, entitlements=None)).entitlements == ()


async def test_no_registry_is_asked_for_it(place: Place) -> None:
    place.cache.ends_ms = 1
    assert who(place, foreign(place)).accepted
    assert refusal(place, place.pass_text()) is Refusal.UNKNOWN


async def test_a_partner_cannot_sign_for_our_city(place: Place) -> None:
    assert refusal(place, place.pass_text(PARTNER_KEY)) is Refusal.FORGED
    assert refusal(place, foreign(place, ISSUER_KEY)) is Refusal.FORGED


async def test_nobody_elses_passes_count(place: Place) -> None:
    assert refusal(place, foreign(place, issuer="panevezys.passes")) is Refusal.UNKNOWN_ISSUER


@pytest.mark.parametrize("more", [{"persons": 31}, {"expires_in": 86_401}])
async def test_a_pass_beyond_what_its_issuer_may_is_refused(place: Place, more: dict[str, int]) -> None:
    given: dict[str, Any] = dict(more)
    expires_in = given.pop("expires_in", HOUR_S)
    text = foreign(place, issued_s=now_s(place), expires_s=now_s(place) + expires_in, **given)
    assert refusal(place, text) is Refusal.BEYOND_TRUST


async def test_a_list_takes_the_place_of_the_one_before(place: Place) -> None:
    issuers = Issuers(KEYS.issuers, TRUST, "jelgava")
    identity = Identity(KEYS, place.cache, place.ledger.query, issuers)
    reading, at_ms = place.code_reading(foreign(place)), place.clock.wall_ms()
    assert identity.identify(reading, at_ms).identification.accepted
    issuers.use(TrustList(()))
    assert identity.identify(reading, at_ms).identification.refusal is Refusal.UNKNOWN_ISSUER
    assert identity.identify(place.pass_reading(), at_ms).identification.accepted


# Keys that rotate ----------------------------------------------------------------------------------------


async def test_old_and_new_keys_count_from_when_until_when(place: Place) -> None:
    old, new, at_ms = Ed25519PrivateKey.generate(), generate_private_key(SECP256R1()), place.clock.wall_ms()
    keys = (key_of(old, "old", until_ms=at_ms + 2000), key_of(new, "new", from_ms=at_ms + 1000))
    identity = trust(place, TrustedIssuer(PARTNER, PARTNER_CITY, keys))
    found: dict[tuple[str, int], Refusal | None] = {}
    for name, key in (("old", old), ("new", new)):
        for key_id in (name.encode(), b""):
            text = foreign(place, key, key_id=key_id)
            for later_ms in (0, 999, 1000, 1999, 2000):
                judged = identity.identify(place.code_reading(text), at_ms + later_ms).identification.refusal
                expected = Refusal.UNKNOWN_KEY if key_id else Refusal.FORGED
                good = later_ms < 2000 if name == "old" else later_ms >= 1000
                assert judged is (None if good else expected), (name, key_id, later_ms)
                found[name, later_ms] = judged
    assert found["old", 1000] is found["new", 1000] is None


async def test_a_key_that_is_not_in_the_list_is_unknown_and_a_wrong_one_is_forged(place: Place) -> None:
    assert refusal(place, foreign(place, key_id=b"2027")) is Refusal.UNKNOWN_KEY
    assert refusal(place, foreign(place, generate_private_key(SECP256R1()))) is Refusal.FORGED
    assert refusal(place, foreign(place, generate_private_key(SECP256R1()), key_id=b"")) is Refusal.FORGED


async def test_a_trust_list_can_replace_a_key_of_the_configuration(place: Place) -> None:
    new = Ed25519PrivateKey.generate()
    identity = trust(place, TrustedIssuer(ISSUER, "jelgava", (key_of(new),)))
    for key, expected in ((new, None), (ISSUER_KEY, Refusal.FORGED)):
        found = identity.identify(place.pass_reading(key=key), place.clock.wall_ms()).identification
        assert found.refusal is expected
        assert found.city == ""


# Our own city, without a row in the registry -------------------------------------------------------------


async def test_a_pass_of_ours_may_say_itself_what_its_issuer_may_say(place: Place) -> None:
    ticket = place.pass_text(pass_id=b"ticket-1", entitlements=("museum.free", "mayor"))
    assert refusal(place, ticket) is Refusal.UNKNOWN
    own = TrustedIssuer(ISSUER, "jelgava", (key_of(ISSUER_KEY),), entitlements=("museum.free",))
    identity = trust(place, own)
    found = identity.identify(place.code_reading(ticket), place.clock.wall_ms()).identification
    assert (found.accepted, found.city, found.entitlements) == (True, "", ("museum.free",))
    known = identity.identify(place.pass_reading(entitlements=("museum.free",)), place.clock.wall_ms()).identification
    assert known.holder == "h-anna"


# Revocation ----------------------------------------------------------------------------------------------


def block(place: Place, issuer: str, pass_id: bytes) -> None:
    canonical = credentials.pass_id(issuer, pass_id.hex())
    place.cache.blocked = frozenset({credentials.digest(CARD_KEY, CredentialKind.PASS, canonical)})


async def test_a_blocked_pass_is_blocked_without_a_row_in_the_registry(place: Place) -> None:
    block(place, PARTNER, b"jonas")
    assert refusal(place, foreign(place)) is Refusal.BLOCKED
    assert refusal(place, foreign(place, once=True)) is Refusal.BLOCKED
    assert refusal(place, foreign(place, pass_id=b"ona")) is None
    place.cache.ends_ms = 1
    assert refusal(place, foreign(place)) is Refusal.BLOCKED


async def test_a_blocked_pass_of_ours_is_blocked_as_well(place: Place) -> None:
    block(place, ISSUER, b"anna-pass")
    assert refusal(place, place.pass_text()) is Refusal.BLOCKED


# Times, groups -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"expires_s": 0}, Refusal.EXPIRED),
        ({"not_before_s": 60}, Refusal.NOT_YET_VALID),
        ({"issued_s": 301}, Refusal.NOT_YET_VALID),
        ({"issued_s": 300}, None),
    ],
)
async def test_expired_and_future_passes(place: Place, times: dict[str, int], reason: Refusal | None) -> None:
    given: dict[str, Any] = {name: now_s(place) + seconds for name, seconds in times.items()}
    assert refusal(place, foreign(place, **given)) is reason


async def test_a_groups_pass_says_how_many_come(place: Place) -> None:
    assert who(place, foreign(place, persons=30)).persons == 30
    assert who(place, place.pass_text(persons=12)).persons == 12


async def test_nothing_of_a_pass_id_or_a_subject_comes_out(place: Place) -> None:
    for text in (foreign(place, subject="sub-42"), foreign(place, once=True), rotating(place), place.pass_text()):
        found = judge(place, text)
        out = msgspec.json.encode(found.identification).decode() + repr(found)
        for clear in ("jonas", b"jonas".hex(), "sub-42", b"anna-pass".hex()):
            assert clear not in out
