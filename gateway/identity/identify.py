"""The identity step: a reading becomes an identification, and the clear id ends here.

What a reading's bytes can prove is verified here, where keys and counters live: a SUN message in this file, a signed
pass in `gateway.identity.passes`. What only a conversation with the card can prove (DESFire) its reader has verified:
the reading says how that went.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.identity import ndef, sun
from gateway.identity.issuers import Issuers
from gateway.identity.keys import Keys
from gateway.identity.passes import Passes, PassUsed
from gateway.identity.registered import as_registered
from gateway.identity.registry import Cache, Owned
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId
from gateway.model.errors import Conflict
from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.model.reading import (
    NFC,
    AccessCardReading,
    BeaconReading,
    CardReading,
    CodeReading,
    Presented,
    Proved,
    Unproved,
    UnusableReading,
)
from gateway.wire.contents import Standing
from gateway.wire.credentials import access_card, barcode, beacon, digest
from gateway.wire.passes import PREFIX

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class SunCounter(msgspec.Struct, frozen=True):
    """Effect: this card's counter has been used. Two taps of one message race to the commit: one of them gets
    `Conflict`."""

    digest: bytes
    counter: int

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT counter FROM sun_counter WHERE digest=?", (self.digest,)).fetchone()
        if row is not None and row[0] >= self.counter:
            raise Conflict("this card message has been used", code=Refusal.REPLAYED)
        db.execute("INSERT OR REPLACE INTO sun_counter VALUES (?, ?)", (self.digest, self.counter))


class Identified(msgspec.Struct, frozen=True):
    """An identification with the effects that must commit with its entry, accepted or refused.

    `replayed` is what the identification becomes when the commit answers `Conflict`.
    """

    identification: Identification
    effects: tuple[SunCounter | PassUsed, ...] = ()

    @property
    def unspent(self) -> Identified:
        """The same where nobody is served after all (a fee is due, a gate is not ready): a one-time pass stays good."""
        kept = (effect for effect in self.effects if not (isinstance(effect, PassUsed) and effect.once))
        return Identified(self.identification, tuple(kept))

    @property
    def replayed(self) -> Identification:
        return Identification(credential=self.identification.credential, refusal=Refusal.REPLAYED)


def is_random(uid: bytes) -> bool:
    """Whether a card draws this UID anew each time: 08 and three bytes (ISO/IEC 14443-3, 6.5.4)."""
    return len(uid) == 4 and uid[0] == 0x08


class Identity:
    """Resolves what was presented. Reads the registry and the state tables, writes nothing. `issuers`: whose passes
    count, those of `keys` when it is not given."""

    def __init__(self, keys: Keys, cache: Cache, query: Query, issuers: Issuers | None = None) -> None:
        self._keys = keys
        self._cache = cache
        self._query = query
        known = issuers if issuers is not None else Issuers(keys.issuers, keys.trust)
        self._passes = Passes((keys.card, keys.card_id), known, cache, query)

    def identify(self, reading: Presented, now_ms: int, *, sure: bool = True) -> Identified:
        """Whose credential it is, or why not. `sure`: somebody vouches for the clock. Never raises for what a card or a
        code may hold."""
        match reading:
            case CardReading():
                return self._card(reading, now_ms)
            case CodeReading():
                return self._code(reading, now_ms, sure=sure)
            case UnusableReading(why=why):
                return Identified(Identification(refusal=why))
            case BeaconReading():
                return self._beacon(reading, now_ms)
            case AccessCardReading(bits=bits, number=number):
                return self._resolve(CredentialKind.ACCESS_CARD, Strength.WEAK, access_card(bits, number), now_ms)

    def fingerprint(self, code: bytes) -> str:
        """Tells this code from another without saying it, under the city's card key: for requests that have to be
        recognised when they come again."""
        return hmac.digest(self._keys.card, b"asked\0" + code, "sha256").hex()

    def cards_of(self, holder: str, now_ms: int) -> list[Owned]:
        """What the registry in force has of this holder; nothing once it has ended. Reads a town's registry once
        through (some 20 ms for 100,000 holders): for staff at a desk, not for a tap."""
        return [] if self._cache.has_ended(now_ms) else self._cache.cards_of(holder)

    def _card(self, reading: CardReading, now_ms: int) -> Identified:
        if reading.proof is not None:
            return self._asked(reading.proof, now_ms)
        uri = ndef.first_uri(reading.ndef) if reading.ndef else None
        message = sun.parse(uri) if uri else None
        keys = self._keys
        if message is None or keys.sun_meta is None or keys.sun_master is None:
            if not reading.uid:
                return Identified(Identification(refusal=Refusal.UNREADABLE))
            if is_random(reading.uid):
                return Identified(Identification(refusal=Refusal.RANDOM_UID))
            return self._resolve(CredentialKind.CARD, Strength.WEAK, reading.uid, now_ms)
        proof = sun.verify(message, keys.sun_meta, keys.sun_master)
        if proof is None or (len(reading.uid) == len(proof.uid) and reading.uid != proof.uid):
            # A card that shows somebody's message must also have that somebody's UID (or a random, short one).
            return Identified(Identification(refusal=Refusal.FORGED))
        credential = self._credential(CredentialKind.SUN_CARD, Strength.GENUINE, proof.uid)
        raw = bytes.fromhex(credential.digest)
        seen = self._query("SELECT counter FROM sun_counter WHERE digest=?", (raw,))
        if seen and seen[0][0] >= proof.counter:
            return Identified(Identification(credential=credential, refusal=Refusal.REPLAYED))
        return Identified(self._look_up(credential, now_ms), (SunCounter(raw, proof.counter),))

    def _asked(self, proof: Proved | Unproved, now_ms: int) -> Identified:
        """A card that its reader has asked to prove itself. One that could not is never a weak card: it says that it is
        one of the city's, and nobody else's card says that by chance."""
        match proof:
            case Proved(uid=uid):
                return self._resolve(CredentialKind.DESFIRE_CARD, Strength.GENUINE, uid, now_ms)
            case Unproved():
                return Identified(Identification(refusal=Refusal.UNPROVED))

    def _code(self, reading: CodeReading, now_ms: int, *, sure: bool) -> Identified:
        if reading.data.startswith(PREFIX):
            return Identified(*self._passes.identify(reading.data, now_ms, sure=sure))
        # A phone hands over passes only: any application could say the number of somebody's library card.
        canonical = barcode(reading.data) if reading.symbology != NFC else None
        if canonical is None:
            return Identified(Identification(refusal=Refusal.UNREADABLE))
        return self._resolve(CredentialKind.BARCODE, Strength.WEAK, canonical, now_ms)

    def _beacon(self, reading: BeaconReading, now_ms: int) -> Identified:
        """Weak, whatever it is: a beacon shouts its id to everybody, and a phone that is known by its key has shown
        only that somebody heard one of its addresses in the last quarter of an hour and sends it again."""
        canonical = beacon(reading.id)
        if canonical is None:
            return Identified(Identification(refusal=Refusal.UNREADABLE))
        return self._resolve(CredentialKind.BEACON, Strength.WEAK, canonical, now_ms)

    def _resolve(self, kind: CredentialKind, strength: Strength, canonical: bytes, now_ms: int) -> Identified:
        return Identified(self._look_up(self._credential(kind, strength, canonical), now_ms))

    def _credential(self, kind: CredentialKind, strength: Strength, canonical: bytes) -> Credential:
        return Credential(kind, strength, digest(self._keys.card, kind, canonical).hex(), self._keys.card_id)

    def _look_up(self, credential: Credential, now_ms: int) -> Identification:
        known = None if self._cache.has_ended(now_ms) else self._cache.find(bytes.fromhex(credential.digest))
        if known is None:
            return Identification(credential=credential, refusal=Refusal.UNKNOWN)
        if known.standing is Standing.BLOCKED:
            return Identification(credential=credential, refusal=Refusal.BLOCKED, language=known.language)
        return as_registered(known, credential, now_ms)
