"""Two credentials presented at a desk one after the other: whether the one may be registered by the other. Pure.

The order does not matter. A proof is what the registry knows; only a genuine one vouches for a further card, because a
copied library card must not become the way to somebody's benefits.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.model.reading import Presented

REGISTRABLE = frozenset(
    {CredentialKind.CARD, CredentialKind.SUN_CARD, CredentialKind.DESFIRE_CARD, CredentialKind.BARCODE}
)
"""A pass is issued to a holder by its issuer: no desk makes it somebody's."""


class Verdict(StrEnum):
    """Whether the further card may be registered, or why not. Closed: pages and docs/errors.md have each."""

    READY = "ready"
    TOO_WEAK = "proof_too_weak"
    OF_ANOTHER = "card_of_another"
    KNOWN = "card_known"
    BLOCKED = "card_blocked"


class Seen(msgspec.Struct, frozen=True):
    """One presentation, already recorded as `entry` (empty: only counted)."""

    who: Identification
    credential: Credential
    mono_ns: int
    entry: str = ""


class Pair(msgspec.Struct, frozen=True):
    """Who is at the desk (`proof`), and what else was presented. A name of its own, so that staff confirm what they
    were shown and nothing that came after it."""

    name: str
    proof: Seen
    card: Seen | None = None
    verdict: Verdict | None = None


def seen(reading: Presented, who: Identification, entry: str) -> Seen | None:
    """What this presentation is worth here; None for what was unreadable, forged, of a partner city, or has another
    number each time (`random_uid`)."""
    if who.credential is None or who.city:
        return None
    return Seen(who, who.credential, reading.mono_ns, entry)


def pair(name: str, before: Seen | None, last: Seen) -> Pair | None:
    """The two presentations as a pair; None when nobody is identified by either. `before` is of another credential
    and not too old."""
    both = [last] if before is None else [last, before]
    proofs = [one for one in both if one.who.accepted]
    if not proofs:
        return None
    proof = next((one for one in proofs if one.credential.strength is Strength.GENUINE), proofs[0])
    card = next((one for one in both if one is not proof), None)
    verdict = judge(proof, card) if card is not None else None
    return Pair(name, proof, card if verdict else None, verdict)


def judge(proof: Seen, card: Seen) -> Verdict | None:
    """None: it is no card that could be registered, whatever is wrong with it."""
    if card.credential.kind not in REGISTRABLE:
        return None
    match card.who.refusal:
        case None if card.who.holder == proof.who.holder:
            return Verdict.KNOWN
        case None:
            return Verdict.OF_ANOTHER
        case Refusal.BLOCKED:
            return Verdict.BLOCKED
        case Refusal.UNKNOWN if proof.credential.strength is Strength.WEAK:
            return Verdict.TOO_WEAK
        case Refusal.UNKNOWN:
            return Verdict.READY
        case _:
            return None
