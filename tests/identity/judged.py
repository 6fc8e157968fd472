"""Passes shown at a gateway, for their tests: what is made of them."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.identity.identify import Identified, Identity
from gateway.identity.issuers import Issuers
from gateway.model.identification import Identification, Refusal
from gateway.wire import passes
from gateway.wire.cose_keys import PrivateKey, public_of
from gateway.wire.trust import IssuerKey, TrustedIssuer, TrustList
from tests.support.place import KEYS, PARTNER, PARTNER_KEY, Place

PHONE = generate_private_key(SECP256R1())
HOUR_S = 3600


def now_s(place: Place) -> int:
    return place.clock.wall_ms() // 1000


def judge(place: Place, text: bytes) -> Identified:
    """As a station would now."""
    found = place.services.identify("gate-1", place.code_reading(text))
    assert found is not None
    return found


def who(place: Place, text: bytes) -> Identification:
    return judge(place, text).identification


def refusal(place: Place, text: bytes) -> Refusal | None:
    return who(place, text).refusal


def foreign(place: Place, key: PrivateKey = PARTNER_KEY, **more: Any) -> bytes:
    claims = {"issuer": PARTNER, "pass_id": b"jonas", "entitlements": ("c1",), **more}
    return place.pass_text(key, claims.pop("key_id", b"2026"), **claims)


def trust(place: Place, *issuers: TrustedIssuer) -> Identity:
    """The same place with another trust list."""
    listed = Issuers(KEYS.issuers, TrustList(issuers), "jelgava")
    return Identity(KEYS, place.cache, place.ledger.query, listed)


def key_of(private: PrivateKey, id: str = "", from_ms: int = 0, until_ms: int = 0) -> IssuerKey:
    return IssuerKey(base64.b64encode(public_of(private).spki()).decode(), id, from_ms, until_ms)


def rotating(place: Place, ahead_s: int = 0, phone: PrivateKey = PHONE, **more: Any) -> bytes:
    text = foreign(place, phone=public_of(PHONE), **more)
    return passes.prove(text, phone, now_s(place) + ahead_s)
