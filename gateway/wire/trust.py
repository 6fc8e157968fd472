"""The trust list: who issues passes that count here, of which city, with which keys from when until when, and what
their passes may claim. Content of bundles of the kind `trust`, and of the file `keys.trust`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.errors import InputRefused
from gateway.wire import cose_keys
from gateway.wire.contents import Code, Ms, decode
from gateway.wire.cose_keys import PublicKey
from gateway.wire.passes import MAX_PERSONS

MAX_ISSUERS = 64
MAX_ISSUER_KEYS = 8
MAX_CODES = 64
DAY_S = 86_400


class IssuerKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A public key of an issuer: the base64 between BEGIN and END of its PEM file. `id` is the key id (kid) in the
    passes that it signs; without one it is tried for each. It counts from `from_ms` until just before `until_ms` (0:
    open), whenever the pass was signed."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    from_ms: Ms = 0
    until_ms: Ms = 0


class TrustedIssuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An issuer of passes. `city`: whose codes its passes carry. `entitlements`: which of them its passes may claim;
    of a pass of our own city that the registry knows nothing is asked. `persons`: for how many a pass may be at most;
    `longest_s`: how long it may live (0: any time)."""

    issuer: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    city: Code
    keys: Annotated[tuple[IssuerKey, ...], msgspec.Meta(min_length=1, max_length=MAX_ISSUER_KEYS)]
    entitlements: Annotated[tuple[Code, ...], msgspec.Meta(max_length=MAX_CODES)] = ()
    persons: Annotated[int, msgspec.Meta(ge=1, le=MAX_PERSONS)] = 1
    longest_s: Annotated[int, msgspec.Meta(ge=0, le=3660 * DAY_S)] = 0


class TrustList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All issuers that count beside those in the configuration; each list takes the place of the one before."""

    issuers: Annotated[tuple[TrustedIssuer, ...], msgspec.Meta(max_length=MAX_ISSUERS)]


class KnownKey(msgspec.Struct, frozen=True):
    """A key that was read, with the key id of its passes and when it counts."""

    key: PublicKey
    id: bytes = b""
    from_ms: int = 0
    until_ms: int = 0

    def counts(self, now_ms: int) -> bool:
        return self.from_ms <= now_ms and (not self.until_ms or now_ms < self.until_ms)


def read(content: bytes) -> TrustList:
    """A trust list that makes sense. Raises `InputRefused`."""
    listed = decode(content, TrustList, "trust list")
    if len({one.issuer for one in listed.issuers}) != len(listed.issuers):
        raise InputRefused("trust list: an issuer stands in it twice", code="bundle_content")
    for one in listed.issuers:
        known_keys(one)
    return listed


def known_keys(issuer: TrustedIssuer) -> tuple[KnownKey, ...]:
    """The keys of an issuer. Raises `InputRefused` for one that is none, or an id that two of them have."""
    found: list[KnownKey] = []
    for given in issuer.keys:
        try:
            key = cose_keys.from_base64(given.key)
        except InputRefused as error:
            what = f"trust list: a key of {issuer.issuer}: {error.what}"
            raise InputRefused(what, error.advice, code="bundle_content") from error
        if given.until_ms and given.until_ms <= given.from_ms:
            raise InputRefused(f"trust list: a key of {issuer.issuer} never counts", code="bundle_content")
        found.append(KnownKey(key, given.id.encode(), given.from_ms, given.until_ms))
    named = [known.id for known in found if known.id]
    if len(set(named)) != len(named):
        raise InputRefused(f"trust list: two keys of {issuer.issuer} have one id", code="bundle_content")
    return tuple(found)
