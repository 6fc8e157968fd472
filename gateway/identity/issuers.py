"""Whose passes count here: issuers of the configuration, and those of the trust list in force, which go first."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.wire.cose_keys import PublicKey
from gateway.wire.passes import MAX_PERSONS, Pass
from gateway.wire.trust import KnownKey, TrustedIssuer, TrustList, known_keys


class Issuer(msgspec.Struct, frozen=True):
    """An issuer that is trusted. `city` is empty for our own city."""

    name: str
    keys: tuple[KnownKey, ...]
    city: str = ""
    entitlements: frozenset[str] = frozenset()
    persons: int = MAX_PERSONS
    longest_s: int = 0

    def keys_for(self, shown: Pass, now_ms: int) -> list[PublicKey]:
        """The keys that may have signed this pass: those that count now and, if it names one, have that id or none."""
        wanted = shown.message.key_id
        counting = [known for known in self.keys if known.counts(now_ms)]
        return [known.key for known in counting if not wanted or known.id in (wanted, b"")]

    def allows(self, shown: Pass, now_ms: int) -> bool:
        """Whether a pass for so many persons and for so long is its to issue."""
        if shown.persons > self.persons:
            return False
        begins_ms = shown.issued_ms or shown.not_before_ms or now_ms
        return not self.longest_s or shown.expires_ms - begins_ms <= self.longest_s * 1000

    def grants(self, shown: Pass) -> tuple[str, ...]:
        """Of what the pass claims, what its issuer may say. The rest counts as nothing."""
        return tuple(code for code in shown.entitlements or () if code in self.entitlements)


class Issuers:
    """`own` are the issuers of the configuration, issuer → key: our own city's, whose passes are in the registry.
    `listed` is the trust list that counts until one of a bundle does."""

    def __init__(self, own: Mapping[str, PublicKey], listed: TrustList | None = None, own_city: str = "") -> None:
        self._own = {name: Issuer(name, (KnownKey(key),)) for name, key in own.items()}
        self._own_city = own_city
        self._configured = listed
        self._listed: dict[str, Issuer] = {}
        self.use(listed)

    def use(self, listed: TrustList | None) -> None:
        """From now on this list counts, whole; None: the one of the configuration."""
        given = listed or self._configured
        self._listed = {one.issuer: self._issuer(one) for one in given.issuers} if given else {}

    def find(self, name: str) -> Issuer | None:
        """The trust list goes first: it can replace a key that only the configuration has."""
        return self._listed.get(name) or self._own.get(name)

    def _issuer(self, one: TrustedIssuer) -> Issuer:
        return Issuer(
            one.issuer,
            known_keys(one),
            "" if one.city == self._own_city else one.city,
            frozenset(one.entitlements),
            one.persons,
            one.longest_s,
        )
