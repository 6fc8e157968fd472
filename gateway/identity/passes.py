"""From a shown pass to a person: its issuer, its signature, its times, its fresh proof, whether it was used, whose it
is. Each refusal has its own reason. All of it offline."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.identity.issuers import Issuer, Issuers
from gateway.identity.registered import as_registered
from gateway.identity.registry import Cache
from gateway.model.clock import Stamp
from gateway.model.entry import EntryId, entry_name
from gateway.model.errors import Conflict, InputRefused
from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.wire import passes
from gateway.wire.contents import Standing
from gateway.wire.credentials import digest, holder_of_pass, pass_id

Query = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

WINDOW_S = 30
"""How far a phone's clock may be from ours, either way, for its code to be fresh."""
SKEW_S = 300
"""A pass that says that it was signed later than this from now is of the future."""
KEEP_USED_S = 7 * 86_400
"""Used passes are remembered for so much longer than they could be used: clocks are set back."""
SWEPT = 4
"""Old rows that each use looks at: more than come, so that what could not be used anyway does not pile up."""
_ONCE = 2**53
"""As the time of a proof: no later one comes."""


class PassUsed(msgspec.Struct, frozen=True):
    """Effect: this pass has been used, with a proof of this time (or for good). Of two that race to the commit with
    one code, one gets `Conflict`. `until_s`: from then on it could not be used anyway."""

    digest: bytes
    proof_s: int
    until_s: int

    @property
    def once(self) -> bool:
        return self.proof_s == _ONCE

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        row = db.execute("SELECT proof_s FROM pass_used WHERE digest=?", (self.digest,)).fetchone()
        if row is not None and row[0] >= self.proof_s:
            raise Conflict("this pass has been used", code=Refusal.REPLAYED)
        entry = entry_name(ids[0]) if ids else ""
        row = (self.digest, self.proof_s, self.until_s, entry)
        db.execute("INSERT OR REPLACE INTO pass_used VALUES (?,?,?,?)", row)
        if now.quality.trusted:  # nothing goes by the word of a clock that nobody vouches for
            # Digests are spread evenly: the next ones in order are as good as any, and lie in the same page.
            near = "SELECT digest FROM pass_used WHERE digest>? ORDER BY digest LIMIT ?"
            db.execute(
                f"DELETE FROM pass_used WHERE digest IN ({near}) AND until_s<?",
                (self.digest, SWEPT, now.wall_ms // 1000 - KEEP_USED_S),
            )


class PassGivenBack(msgspec.Struct, frozen=True):
    """Effect of a void of this entry: a one-time pass that it used up is good again, as its quotas are."""

    entry: str

    def apply(self, db: sqlite3.Connection, ids: tuple[EntryId, ...], now: Stamp) -> None:
        db.execute("DELETE FROM pass_used WHERE entry=? AND proof_s=?", (self.entry, _ONCE))


Found = tuple[Identification, tuple[PassUsed, ...]]


class Passes:
    """Resolves passes. `card_key` and its id make the digests. Reads state, writes nothing."""

    def __init__(self, card_key: tuple[bytes, str], issuers: Issuers, cache: Cache, query: Query) -> None:
        self._key, self._key_id = card_key
        self._issuers = issuers
        self._cache = cache
        self._query = query

    def identify(self, text: bytes, now_ms: int, *, sure: bool) -> Found:
        """Who shows this pass, or why not. `sure`: somebody vouches for the clock. Never raises for what it holds."""
        try:
            shown = passes.decode(text)
            canonical = pass_id(shown.issuer, shown.pass_id)
        except InputRefused:
            return Identification(refusal=Refusal.UNREADABLE), ()
        issuer = self._issuers.find(shown.issuer)
        if issuer is None:
            return Identification(refusal=Refusal.UNKNOWN_ISSUER), ()
        if (refusal := not_signed(shown, issuer, now_ms)) is not None:
            return Identification(refusal=refusal), ()
        raw = digest(self._key, CredentialKind.PASS, canonical)
        credential = Credential(CredentialKind.PASS, Strength.GENUINE, raw.hex(), self._key_id)
        uses = _uses(shown, raw)
        refusal = not_good(shown, issuer, now_ms, sure=sure) or self._used(uses)
        if refusal is not None:
            return Identification(credential=credential, refusal=refusal), ()
        who = self._whose(shown, issuer, credential, now_ms)
        # A fresh code is used up whatever comes of it; a one-time pass only by what it is for.
        return who, uses if who.accepted or not shown.once else ()

    def _used(self, uses: tuple[PassUsed, ...]) -> Refusal | None:
        for use in uses:
            seen = self._query("SELECT proof_s FROM pass_used WHERE digest=?", (use.digest,))
            if seen and seen[0][0] >= use.proof_s:
                return Refusal.REPLAYED
        return None

    def _whose(self, shown: passes.Pass, issuer: Issuer, credential: Credential, now_ms: int) -> Identification:
        raw = bytes.fromhex(credential.digest)
        known = self._cache.find(raw)
        # What was blocked stays blocked, also by a registry that counts no more, also without a row of its own.
        if raw in self._cache.blocked or (known is not None and known.standing is Standing.BLOCKED):
            language = known.language if known else None
            return Identification(credential=credential, refusal=Refusal.BLOCKED, language=language)
        if issuer.city:
            return self._of_itself(shown, issuer, credential)
        if known is not None and not self._cache.has_ended(now_ms):
            return as_registered(known, credential, now_ms, shown.persons)
        if shown.entitlements is not None and issuer.entitlements:
            return self._of_itself(shown, issuer, credential)
        return Identification(credential=credential, refusal=Refusal.UNKNOWN)

    def _of_itself(self, shown: passes.Pass, issuer: Issuer, credential: Credential) -> Identification:
        """Nobody here knows more than what the pass says."""
        return Identification(
            credential=credential,
            holder=holder_of_pass(self._key, shown.issuer, shown.subject, shown.pass_id),
            entitlements=issuer.grants(shown),
            city=issuer.city,
            persons=shown.persons,
        )


def not_signed(shown: passes.Pass, issuer: Issuer, now_ms: int) -> Refusal | None:
    """Until this says None nothing in the pass is believed."""
    keys = issuer.keys_for(shown, now_ms)
    if not keys:
        return Refusal.UNKNOWN_KEY
    return None if any(shown.message.is_signed_by(key) for key in keys) else Refusal.FORGED


def not_good(shown: passes.Pass, issuer: Issuer, now_ms: int, *, sure: bool) -> Refusal | None:
    """What a genuine pass itself has against it now: its times, what its issuer may, its phone's proof."""
    allowed = None if issuer.allows(shown, now_ms) else Refusal.BEYOND_TRUST
    return _not_now(shown, now_ms, sure=sure) or allowed or _not_proved(shown, now_ms, sure=sure)


def _uses(shown: passes.Pass, raw: bytes) -> tuple[PassUsed, ...]:
    if shown.once:
        return (PassUsed(raw, _ONCE, shown.expires_ms // 1000),)
    if shown.phone is not None and shown.message.proof is not None:
        at_s = shown.message.proof.at_s
        return (PassUsed(raw, at_s, at_s + 2 * WINDOW_S),)
    return ()


def _not_now(shown: passes.Pass, now_ms: int, *, sure: bool) -> Refusal | None:
    if now_ms < shown.not_before_ms or (sure and now_ms + SKEW_S * 1000 < shown.issued_ms):
        return Refusal.NOT_YET_VALID
    return Refusal.EXPIRED if now_ms >= shown.expires_ms else None


def _not_proved(shown: passes.Pass, now_ms: int, *, sure: bool) -> Refusal | None:
    """A clock that nobody vouches for is late, never early: then a proof may be of any time from ours on."""
    if shown.phone is None:
        return None
    proof = shown.message.proof
    if proof is None:
        return Refusal.STALE_CODE
    if not shown.proof_holds:
        return Refusal.FORGED
    ahead_s = proof.at_s - now_ms // 1000
    return Refusal.STALE_CODE if ahead_s < -WINDOW_S or (sure and ahead_s > WINDOW_S) else None
